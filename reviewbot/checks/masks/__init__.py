"""Checks what a gfp mask says, and what an allocator makes of it."""
