"""Git repositories: objects, commits, work trees, and the commit that a series applies to."""
