"""Declares the options of each command. Imports nothing that a command needs to run."""
