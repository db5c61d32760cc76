"""Writes HTML: the page of a review, and what all pages have in common. Whatever is no markup of ours is escaped."""
