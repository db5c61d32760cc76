"""Declares the commands of a bot that lives on a list."""
