"""Checks where an allocation stands: below locks, in callbacks, in reclaim."""
