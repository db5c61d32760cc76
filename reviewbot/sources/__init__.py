"""Reviews the commits of a range, and finds out which later commit resolves each finding."""
