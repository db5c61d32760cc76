"""Follows masks, scopes and results through one function: abstract states, joins, transfer functions."""
