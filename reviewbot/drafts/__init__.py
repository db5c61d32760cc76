"""A maildir of drafts, and the memory of what was ever written there."""
