"""Writes drafts into a maildir and remembers all that were ever written there."""
