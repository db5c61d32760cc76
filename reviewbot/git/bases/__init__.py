"""Finds the commit of a repository that a series is made for, and says how, or why it is not here."""
