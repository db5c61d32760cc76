"""Watches lists: takes what is new, reviews what is due, leaves out what was said, and keeps drafts in the memory."""
