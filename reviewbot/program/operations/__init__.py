"""Finds which functions a call through a member of a structure may come to, by the tables that put them there."""
