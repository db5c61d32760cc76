"""Serves the same tools by HTTP to programs on this machine that start no server of their own.

Only 127.0.0.1 is listened to, and only who knows the token is answered: other users of this machine may not ask about
somebody's trees. The library refuses other Host and Origin headers, so that no web page can ask either.
"""

from __future__ import annotations

import hmac
from typing import Any

import uvicorn
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from reviewbot.cli.mcp.server import AnswerServer

HOST, PATH = "127.0.0.1", "/mcp"
_GRACE = 3  # seconds for calls that are still running when it is to end


def serve_loopback(answers: AnswerServer, port: int, token: str) -> None:
    """Answer at http://127.0.0.1:PORT/mcp until a signal comes, which is then raised again."""
    # each request stands by itself: there is no session that could be taken over or left open
    app = answers.server().streamable_http_app(
        streamable_http_path=PATH,
        host=HOST,
        stateless_http=True,
        json_response=True,
        max_request_body_size=answers.longest,
    )
    config = uvicorn.Config(
        TokenGate(app, token),
        host=HOST,
        port=port,
        log_level="warning",
        access_log=False,
        timeout_graceful_shutdown=_GRACE,
    )
    uvicorn.Server(config).run()


class TokenGate:
    """Passes on the requests that bring the token, and refuses all others."""

    def __init__(self, app: ASGIApp, token: str) -> None:
        self._app = app
        self._wanted = f"Bearer {token}".encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request (ASGI)."""
        if scope["type"] == "http" and not self._known(scope["headers"]):
            refused = PlainTextResponse("the token is missing or wrong", 401, {"WWW-Authenticate": "Bearer"})
            await refused(scope, receive, send)
        else:
            await self._app(scope, receive, send)

    def _known(self, headers: Any) -> bool:
        given = [value for name, value in headers if name == b"authorization"]
        return len(given) == 1 and hmac.compare_digest(given[0], self._wanted)
