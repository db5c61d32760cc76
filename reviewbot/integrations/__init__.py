"""Talks to other programs: b4, Patchwork, editors."""
