"""Runs the command line for `python -m reviewbot`."""

from __future__ import annotations

from reviewbot.cli.main import entry

if __name__ == "__main__":
    entry()
