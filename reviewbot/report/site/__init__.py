"""Writes the pages that `reviewbot pages` publishes: the rules, the flag-scope matrix, the scopes; of every kernel."""
