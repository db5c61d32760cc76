"""Writes the reply that a reviewer would send: header lines, quoted diff and questions, as one message."""

# the words of [mail] cc in config.toml: of those who have the patch, who gets the reply as well
CC = ("all", "list", "none")
PERSON, SERVICE = "person", "service"
# the words of [mail] role: who speaks in a draft
ROLES = (PERSON, SERVICE)
