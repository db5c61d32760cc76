"""Defines the data that all other packages exchange, as frozen structs, and the errors. Imports nothing of them."""
