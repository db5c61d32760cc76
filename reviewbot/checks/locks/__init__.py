"""What holds of locks that sleep: of which class they are, who takes them, and what is asked for below them."""
