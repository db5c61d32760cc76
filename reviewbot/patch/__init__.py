"""Parses diffs into data, places their hunks in the files of a tree, and reads what a series says of its base."""
