"""reviewbot: what a memory allocation may do where it stands, for Linux kernel patches."""

from __future__ import annotations

__version__ = "0.1.0"
