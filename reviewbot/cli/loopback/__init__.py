"""Serves the pages of the drafts to a browser on this machine, and to nobody else."""
