"""Shows drafts to whoever decides about them, as pages: which there are, the mail of each, and what it was made of."""
