"""Mails that lie in files: a maildir, an mbox."""
