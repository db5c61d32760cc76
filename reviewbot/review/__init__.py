"""Reviews a series: runs the checks on both sides of a patch and keeps what is new."""
