"""Holds what every package may use: lazy patterns, a time limit, worker processes, escapes for untrusted text."""
