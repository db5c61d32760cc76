"""Asks the engine about a function by a change that nobody has made, and reads the answers from its findings."""
