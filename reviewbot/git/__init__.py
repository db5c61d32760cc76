"""Reads git repositories: objects, commits and work trees; and finds the commit that a series applies to."""
