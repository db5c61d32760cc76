"""Runs `reviewbot mcp`: checks what the operator allows, and serves until the client goes away."""

from __future__ import annotations

import argparse
import os
import signal
from importlib.util import find_spec

import msgspec

from reviewbot.cli.session import open_session
from reviewbot.config import data_path
from reviewbot.filesystem import files
from reviewbot.git.repository import Repository
from reviewbot.model.errors import UsageError
from reviewbot.report.answers.schemas import FILE, KINDS, schema_of

TOKEN = "REVIEWBOT_MCP_TOKEN"  # a variable: a command line can be seen by others
_LARGEST = 10_000_000  # bytes of the schemas
_SHORTEST = 16  # characters of a token


def mcp(options: argparse.Namespace) -> int:
    """Serve on standard input and output, or by HTTP.

    Raises UsageError where the library or the token is missing, or a tree is none.
    """
    if find_spec("mcp") is None:
        raise UsageError("reviewbot mcp needs the package mcp, which is not installed: pip install 'reviewbot[mcp]'")
    import anyio

    from reviewbot.cli.mcp.operator import Operator
    from reviewbot.cli.mcp.server import AnswerServer

    settings = open_session(options).config
    for tree in options.tree:
        Repository(tree).close()  # an error now, and not with the first question
    operator = Operator(
        trees=tuple(tree.resolve() for tree in options.tree),
        shared=_shared(options),
        archive=settings.lore.url if options.lore else "",
        seconds=settings.mcp.seconds,
        bytes=settings.mcp.bytes,
        calls=settings.mcp.calls,
    )
    token = os.environ.get(TOKEN, "")
    if options.listen is not None and len(token) < _SHORTEST:
        raise UsageError(
            f"--listen needs a token of {_SHORTEST} characters or more in ${TOKEN}; clients have to send it"
        )
    whole = msgspec.json.decode(files.read_file(data_path("schemas") / FILE, _LARGEST))
    schemas = {kind: schema_of(kind, whole) for kind in KINDS}
    answers = AnswerServer(operator, schemas)
    if options.listen is not None:
        from reviewbot.cli.mcp.loopback import serve_loopback

        serve_loopback(answers, options.listen, token)
        return 0
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    stopped = anyio.run(answers.serve)
    if stopped:
        for number, handler in before.items():
            signal.signal(number, handler)
        os.kill(os.getpid(), stopped)  # all is cleaned up: now it ends the run as it ends every other
    return 0


def _shared(options: argparse.Namespace) -> tuple[str, ...]:
    """The options of this command line that each call gets."""
    given = [f"--rules={folder.resolve()}" for folder in options.rules]
    given += [f"--config={options.config.resolve()}"] if options.config is not None else []
    given += [f"--kernel={options.kernel}"] if options.kernel is not None else []
    return tuple(given)
