"""What a kernel version has: the tables and rules under rules/, checked and resolved for that version."""
