"""Runs the command line: parses arguments, opens the session, runs the command and writes its output."""
