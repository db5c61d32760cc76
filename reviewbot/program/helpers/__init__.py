"""Functions and macros that take or give back a lock for callers in other files."""
