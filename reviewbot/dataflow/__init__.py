"""Follows masks, scopes and results through one function, with abstract states, joins and transfer functions."""
