"""Keeps what is handed out from going out twice: one run at a time, and what was cut short is settled."""
