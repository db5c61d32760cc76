"""Turns C text into functions as plain data. The one package that knows tree-sitter and the preprocessor."""
