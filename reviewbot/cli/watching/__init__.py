"""Wires the watcher: its lists and archives, the processes that review, replays, and what is printed of it."""
