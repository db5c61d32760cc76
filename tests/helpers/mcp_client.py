"""Asks `reviewbot mcp` through the client of the protocol's own library."""

from __future__ import annotations

import sys

import anyio
from mcp import Client, MCPError, StdioServerParameters, stdio_client

from command import Command


def asked(command: Command, *calls: tuple[str, dict], options: tuple[object, ...] = (), mode: str = "auto") -> list:
    """The results of calls of one client, in their order; an error of the protocol instead of a result."""
    results = []

    async def ask() -> None:
        server = StdioServerParameters(
            command=sys.executable,
            args=["-m", "reviewbot", "mcp", *map(str, options)],
            env=command.env,
            cwd=command.work,
        )
        async with Client(stdio_client(server), mode=mode) as client:
            for name, arguments in calls:
                try:
                    found = await (client.list_tools() if name == "list" else client.call_tool(name, arguments))
                except MCPError as error:
                    found = error
                results.append(found)

    anyio.run(ask)
    return results


def only(command: Command, name: str, arguments: dict, *options: object):
    (found,) = asked(command, (name, arguments), options=options)
    return found


def said(result) -> str:
    """The text of an error of a tool."""
    assert result.is_error
    assert result.structured_content is None
    (content,) = result.content
    return content.text
