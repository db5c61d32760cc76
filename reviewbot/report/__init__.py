"""What is shown of a review: which remarks, in which order, in which format."""
