"""Diffs as data: parses them, moves them to the lines of a tree, and suggests a changed line."""
