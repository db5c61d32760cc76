"""Parses diffs into data, relocates them to the lines of a tree, and suggests changed lines."""
