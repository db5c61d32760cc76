"""Declares the options by which a command posts checks to Patchwork, and makes the function that posts them."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import TYPE_CHECKING

from reviewbot.model.errors import UsageError
from reviewbot.model.review import Review

if TYPE_CHECKING:
    from reviewbot.cli.output import Output
    from reviewbot.cli.session import Session

FAILED = 3  # the exit code if not all was done that was asked for: that is worse than a remark

Post = Callable[[Review], bool]


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


def chosen(options: argparse.Namespace, setup: Session, output: Output) -> Post:
    """A function that posts the checks of a review and gives whether one failed; without --patchwork it does nothing.

    Called before anything is fetched: raises UsageError for invalid options, ConfigError for invalid settings, and
    without a token.
    """
    if options.patchwork is not None:
        from reviewbot.cli.commands.patchwork import posting

        return posting(options, setup, output)
    if options.patchwork_project is not None or options.dry_run:
        raise UsageError("--patchwork-project and --dry-run are about posting: they need --patchwork URL")
    return lambda _: False
