"""Runs `reviewbot drafts web`: serves the pages of the drafts until somebody stops it."""

from __future__ import annotations

import argparse
import threading
import webbrowser
from collections.abc import Callable

from reviewbot.cli import streams
from reviewbot.cli.loopback.pages import DraftPages
from reviewbot.cli.loopback.server import HOST, LoopbackServer
from reviewbot.cli.session import SessionOptions
from reviewbot.drafts.page.queue import SEND
from reviewbot.filesystem.files import reason_of
from reviewbot.memory.memory import Memory
from reviewbot.model.errors import UsageError


def drafts_web(options: argparse.Namespace, setup: SessionOptions, memory: Memory, now: Callable[[], float]) -> int:
    """Serve until a signal comes. Raises UsageError where the port is taken."""
    pages = DraftPages(memory.path, setup.folders, now, setup.config.lore.url, setup.config.pages.url)
    try:
        server = LoopbackServer(options.port, pages.answer, streams.say)
    except OSError as error:
        raise UsageError(f"port {options.port} cannot be listened to: {reason_of(error)}") from error
    with server:
        address = f"http://{HOST}:{server.server_port}"
        streams.put(f"{address}{pages.start}\n")
        streams.finish()
        setup.say(f"the drafts are at this address until you press Ctrl-C; {SEND} sends what you approve")
        if options.open:
            # a browser in the terminal would not let us answer it
            given = (f"{address}{pages.start_once()}", setup.say)
            threading.Thread(target=_open, args=given, daemon=True).start()
        server.serve_forever()
    return 0


def _open(address: str, say: Callable[[str], None]) -> None:
    if not webbrowser.open(address):
        say("no browser could be opened: go to the address above yourself")
