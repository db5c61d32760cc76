"""The nouns of reviewbot, as frozen structs, and its errors. Imports nothing else of the project."""
