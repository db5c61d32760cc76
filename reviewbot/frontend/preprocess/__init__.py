"""Makes text that tree-sitter can parse out of kernel C; every character keeps its offset."""
