"""Reviews a series: runs the checks on both sides of each patch and keeps the findings that are new."""
