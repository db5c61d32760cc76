"""Resolves the tables and rules under rules/ for one kernel version."""
