"""Answers the Model Context Protocol on standard input and output, with the official library.

What goes wrong in a call is an error of that tool, in the words that reviewbot prints elsewhere.
"""

from __future__ import annotations

import signal
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, cast

import anyio
import msgspec
from mcp import MCPError, types
from mcp.server.lowlevel import Server
from mcp.server.stdio import stdio_server
from msgspec import Struct

from reviewbot import __version__
from reviewbot.cli.mcp.child import LARGEST, Answered, run_asked
from reviewbot.cli.mcp.operator import Operator
from reviewbot.cli.mcp.stdin_lines import stdin_lines
from reviewbot.cli.mcp.tools import Arguments, Asked, ToolKind, asked, described, input_schema, tools
from reviewbot.model.errors import InputError, UsageError

if TYPE_CHECKING:
    from mcp.server.context import ServerRequestContext

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_TOLD = 20  # parts of a patch that were not looked at
_WAITING = 16  # calls that wait for others to end
_ESCAPED = 6  # bytes that a byte of a text takes in JSON: \u0000
_ABOUT = """\
reviewbot checks patches for the Linux kernel for one thing: what a memory allocation may do where it stands. Its
remarks are computed from the code, each with the lines that show it; take them as evidence, and say which remark a
statement of yours rests on. It speaks of nothing else, and what it does not remark on is not thereby right."""


class _Part(Struct):
    path: str | None
    reason: str


class _Patch(Struct):
    unread: list[_Part] = []


class _Report(Struct):
    unread: list[_Part] = []
    patches: list[_Patch] = []


class AnswerServer:
    """The tools of one server. `schemas`: of answers, by kind."""

    def __init__(self, operator: Operator, schemas: Mapping[str, Arguments]) -> None:
        self._operator = operator
        self._schemas = schemas
        self._tools = tools(operator)
        self._running = anyio.CapacityLimiter(operator.calls)

    @property
    def longest(self) -> int:
        """How many bytes a message may have."""
        return self._operator.bytes * _ESCAPED + LARGEST

    def server(self) -> Server[Any]:
        """The server of the library that answers with these tools."""
        return Server(
            "reviewbot",
            version=__version__,
            instructions=_ABOUT,
            on_list_tools=self._listed,
            on_call_tool=self._called,
        )

    async def serve(self) -> int:
        """Answer on standard input and output, until the client closes its side or a signal comes.

        Returns the number of that signal, else 0. Raises InputError for a message that is too long.
        """
        server = self.server()
        stopped = 0

        async def watch() -> None:
            nonlocal stopped
            with anyio.open_signal_receiver(*_SIGNALS) as signals:
                async for number in signals:
                    stopped = number
                    group.cancel_scope.cancel()

        refused: list[str] = []
        lines = cast("Any", stdin_lines(sys.stdin.fileno(), self.longest, refused.append))
        async with anyio.create_task_group() as group:
            group.start_soon(watch)
            async with stdio_server(stdin=lines) as (incoming, outgoing):
                await server.run(incoming, outgoing, server.create_initialization_options())
            group.cancel_scope.cancel()
        if refused:
            raise InputError(refused[0])
        return stopped

    async def _listed(
        self, _context: ServerRequestContext[Any], _params: types.PaginatedRequestParams | None
    ) -> types.ListToolsResult:
        return types.ListToolsResult(tools=[self._tool(kind) for kind in self._tools.values()])

    def _tool(self, kind: ToolKind) -> types.Tool:
        fetches = bool(self._operator.archive) and "message_id" in kind.takes.__struct_fields__
        return types.Tool(
            name=kind.name,
            title=kind.title,
            description=described(kind, self._operator),
            input_schema=input_schema(kind),
            output_schema=self._schemas[kind.answers],
            annotations=types.ToolAnnotations(
                read_only_hint=True, destructive_hint=False, idempotent_hint=True, open_world_hint=fetches
            ),
        )

    async def _called(
        self, _context: ServerRequestContext[Any], params: types.CallToolRequestParams
    ) -> types.CallToolResult:
        kind = self._tools.get(params.name)
        if kind is None:
            raise MCPError(types.INVALID_PARAMS, f"there is no tool of this name; there is {', '.join(self._tools)}")
        try:
            wanted = asked(kind, params.arguments, self._operator)
        except UsageError as error:
            return _failed(str(error))
        if self._running.statistics().tasks_waiting >= _WAITING:
            return _failed(f"too many calls at once: {self._operator.calls} run and {_WAITING} wait; try again later")
        async with self._running:
            return await self._answered(wanted)

    async def _answered(self, wanted: Asked) -> types.CallToolResult:
        done: Answered | None = None
        with anyio.move_on_after(self._operator.seconds):
            done = await run_asked(wanted)
        if done is None:
            limit = f"{self._operator.seconds} s (seconds under [mcp] in config.toml)"
            return _failed(f"it was stopped after {limit}: ask for less, such as fewer commits")
        if done.cut:
            return _failed(f"the answer is larger than {LARGEST} bytes: ask for less, or with min_confidence")
        if done.code:
            return _failed(_reasons(done) or f"reviewbot ended with code {done.code}")
        whole = msgspec.json.decode(done.out)
        text = msgspec.json.encode(whole).decode()
        return types.CallToolResult(content=[types.TextContent(text=text)], structured_content=whole)


def _reasons(done: Answered) -> str:
    """What a run has said of its error, and what its report says was not looked at."""
    lines = [line.removeprefix("reviewbot: ") for line in done.said.splitlines() if line.strip()]
    try:
        report = msgspec.json.decode(done.out, type=_Report)
    except msgspec.DecodeError:  # there is none
        report = _Report()
    parts = [*report.unread, *(part for patch in report.patches for part in patch.unread)]
    told = [f"{part.path}: {part.reason}" if part.path else part.reason for part in parts[:_TOLD]]
    return "\n".join(dict.fromkeys((*lines, *told)))


def _failed(text: str) -> types.CallToolResult:
    return types.CallToolResult(content=[types.TextContent(text=text)], is_error=True)
