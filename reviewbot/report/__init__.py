"""Writes reports on a review: selects the remarks, orders them and renders them in a format."""
