"""Which functions a text gives others to run, and where."""
