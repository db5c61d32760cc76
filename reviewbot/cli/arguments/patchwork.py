"""Declares the options by which a command posts checks to Patchwork. Imports nothing that posting needs."""

from __future__ import annotations

import argparse


def add(command: argparse.ArgumentParser) -> None:
    """Add --patchwork and the options that go with it."""
    post = command.add_argument_group("posting checks")
    post.add_argument(
        "--patchwork",
        metavar="URL",
        help="post a check for each patch to this Patchwork; config: the one in config.toml",
    )
    post.add_argument("--patchwork-project", metavar="NAME", help="project that the patches are in")
    post.add_argument("--dry-run", action="store_true", help="show what would be posted, without posting")
