"""Reads messages, threads and patch series, whatever a stranger has put into them."""
