"""Mails of a public-inbox that a server has, found by its search."""
