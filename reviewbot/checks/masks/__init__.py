"""Checks of what a gfp mask says, and of what an allocator makes of it."""
