"""Where reviews come from: a mail thread, patch files, the commits of a range, and what stands in a work tree."""
