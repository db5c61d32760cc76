"""The command line: arguments, the session they make, and where output goes."""
