"""One module for each format that a program reads: `render(review, frame)`, a pure function."""
