"""Keeps functions that were read, and their analyses, from run to run."""
