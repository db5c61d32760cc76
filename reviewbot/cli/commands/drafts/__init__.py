"""Runs `reviewbot drafts`: what waits, and what a person does with it."""
