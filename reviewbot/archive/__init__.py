"""Reads the mails of a list from wherever they are kept: servers, clones, maildirs, searches."""
