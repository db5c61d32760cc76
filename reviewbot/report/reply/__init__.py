"""Writes the reply that a reviewer would send: header lines, quoted diff and questions, as one message."""
