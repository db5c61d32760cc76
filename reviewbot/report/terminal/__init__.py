"""Writes the reports that a person reads in a terminal."""
