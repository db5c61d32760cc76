"""Hands a draft to what sends it, or to a mail program: git send-email, a maildir, an IMAP server."""
