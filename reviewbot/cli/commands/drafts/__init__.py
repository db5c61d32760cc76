"""The commands below `reviewbot drafts`."""
