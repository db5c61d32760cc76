"""Reads and writes files so that nothing is lost, no link is followed unseen, and nothing blocks for ever."""
