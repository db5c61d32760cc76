"""Answers for other programs: JSON objects that the schema in schemas/ describes, and the schema itself."""
