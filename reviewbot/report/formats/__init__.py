"""Renders a review for programs: one module for each format, with a pure function `render(review, context)`."""
