"""Checks of memalloc_*_save() and restore, and of what stands between them."""
