"""Talks to b4: reads its messages and tracking data, writes its review files and its configuration.

b4 runs a check for each patch while a person waits, so nothing here imports b4, or anything else that takes long.
"""
