"""Where the mails of a list come from: a server's search, a clone, a maildir, an mbox, a search of lei."""
