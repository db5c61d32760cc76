"""Checks memalloc_*_save() and restore, and what stands between them."""
