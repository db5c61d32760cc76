"""Declares the options by which a command posts checks to Patchwork. Imports nothing that posting needs."""

from __future__ import annotations

import argparse


def add(command: argparse.ArgumentParser) -> None:
    """Add --patchwork and the options that go with it."""
    post = command.add_argument_group("posting checks")
    post.add_argument(
        "--patchwork",
        metavar="URL",
        help="post a check for each patch to that Patchwork, or to the one of config.toml: config",
    )
    post.add_argument("--patchwork-project", metavar="NAME", help="the project there that the patches are in")
    post.add_argument("--dry-run", action="store_true", help="ask Patchwork, say what would be posted, post nothing")
