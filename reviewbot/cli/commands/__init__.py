"""Runs the commands of the command line. Each is a function that takes the parsed options and gives an exit code."""
