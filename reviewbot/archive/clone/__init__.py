"""Mails in the git repositories of a public-inbox that was cloned."""
