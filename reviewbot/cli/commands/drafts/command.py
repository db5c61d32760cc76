"""Runs the command that a person gives: opens the memory and hands it over."""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable

from reviewbot.cli.session import session_options
from reviewbot.model.errors import DamagedDatabase, InputError


def drafts(options: argparse.Namespace, now: Callable[[], float] = time.time) -> int:
    """Do it, and give the exit code. `now`: the clock, in seconds since 1970."""
    setup = session_options(options)
    with setup.memory() as memory:
        try:
            if options.action == "send":
                from reviewbot.cli.commands.drafts.send import send_drafts

                return send_drafts(options, setup, memory, now)
            if options.action == "web":
                from reviewbot.cli.commands.drafts.web import drafts_web

                return drafts_web(options, setup, memory, now)
            if options.action in ("list", "show"):
                from reviewbot.cli.commands.drafts import read

                return (read.list_drafts if options.action == "list" else read.show_draft)(options, setup, memory, now)
            from reviewbot.cli.commands.drafts import decide

            does = {"edit": decide.edit_draft, "approve": decide.approve_drafts, "drop": decide.drop_drafts}
            return does[options.action](options, setup, memory, now)
        except DamagedDatabase as error:
            raise InputError(f"{memory.path} is damaged: {error}") from error
