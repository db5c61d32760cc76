"""Remembers series, what was found in them, and what became of the drafts, from one run to the next."""
