"""Sends requests to a Patchwork server and parses the JSON of its answers.

The server is not trusted: its answers are bounded in size and in time, no redirect is followed, and no address that it
names is ever requested. The token goes into one header and nowhere else: error messages never contain it.
"""

from __future__ import annotations

import asyncio
import ipaddress
import json
import re
import time
import urllib.parse
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from reviewbot.model.errors import ConfigError, InputError, UsageError
from reviewbot.support.escape import clip, visible
from reviewbot.web import client

if TYPE_CHECKING:
    import httpx

MAX_BODY = 4_000_000  # bytes of one answer
NO_TIME = "no time was left (seconds under [patchwork] in config.toml)"
_SHOWN = 200  # characters of what a server says, or where it redirects to
_PATIENCE = 3  # a whole answer may take this many times the wait for a sign of life
_LATER = (408, 425, 429)  # with all of 5xx: trying again may help
_NEXT = re.compile(r'rel\s*=\s*"?next\b', re.IGNORECASE)
_PLAIN = re.compile(r"[!-~]{1,500}")
_TOKEN = re.compile(r"[0-9A-Za-z._~+/=-]{1,200}")  # RFC 9110, 11.2: token68


class RequestFailed(InputError):
    """A request that failed. `again`: it may work later, after `wait` seconds if the server said so.

    `everywhere`: all other requests would fail, too. `status`: of HTTP, None without an answer.
    """

    def __init__(
        self,
        message: str,
        *,
        status: int | None = None,
        again: bool = False,
        wait: float | None = None,
        everywhere: bool = False,
    ) -> None:
        super().__init__(message)
        self.status, self.again, self.wait, self.everywhere = status, again, wait, everywhere


class Token:
    """An API token, whose repr() does not contain it. Raises ConfigError if `text` is none, naming its `source`."""

    __slots__ = ("_text",)

    def __init__(self, text: str, source: str) -> None:
        if not _TOKEN.fullmatch(text):
            raise ConfigError(f"{source} holds no token: that is a word of letters and digits")
        self._text = text

    def __repr__(self) -> str:
        return "<token>"

    def header(self) -> str:
        """The value of an Authorization header."""
        return f"Token {self._text}"

    def hidden(self, text: str) -> str:
        """A text with "<token>" in place of the token."""
        return text.replace(self._text, "<token>")


class ServerAddress(NamedTuple):
    """A Patchwork server. `url`: without /api and a slash at its end; `project`: "" if the address named none."""

    url: str
    project: str = ""

    @property
    def host(self) -> str:
        """The host, with its port if the address has one."""
        return urllib.parse.urlsplit(self.url).netloc

    @property
    def local(self) -> bool:
        """Whether it runs on this machine."""
        return _local(urllib.parse.urlsplit(self.url).hostname or "")


def server_address(text: str) -> ServerAddress:
    """Parse the address of a server: of the site, its API or a project's page. Raises UsageError for any other text."""
    try:
        parts = urllib.parse.urlsplit(text.strip())
        host, port = (parts.hostname or "").lower(), parts.port
    except ValueError:
        host, port = "", None
    if not host or parts.scheme not in ("http", "https") or port == 0 or not _PLAIN.fullmatch(text.strip()):
        raise UsageError("--patchwork: that is no address like https://patchwork.example.org")
    if "@" in parts.netloc:  # not shown: it may be a password
        raise UsageError("--patchwork: no name and no password in the address; the token has a place of its own")
    if parts.scheme == "http" and not _local(host):
        raise UsageError(f"--patchwork: {host} would get the token unencrypted: write https://")
    netloc = (f"[{host}]" if ":" in host else host) + ("" if port is None else f":{port}")
    words = [word for word in parts.path.split("/") if word]
    end = next((at for at, word in enumerate(words) if word in ("api", "project")), len(words))
    project = urllib.parse.unquote(words[end + 1]) if words[end : end + 1] == ["project"] and words[end + 1 :] else ""
    return ServerAddress(f"{parts.scheme}://{netloc}" + "".join(f"/{word}" for word in words[:end]), project)


def _local(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


class Answer(NamedTuple):
    """A successful answer. `more`: there is a next page."""

    json: Any
    more: bool


class Server:
    """A connection to one Patchwork for one run. It has to be closed.

    `timeout`: seconds of silence; `until`: the time.monotonic() after which no request is sent.
    """

    def __init__(self, at: ServerAddress, token: Token | None, timeout: float, until: float) -> None:
        self.address, self.until = at, until
        self._token, self._timeout = token, timeout
        headers = {"Accept": "application/json"} | ({"Authorization": token.header()} if token else {})
        # a proxy has no part in what goes to this machine itself, unencrypted
        self._client = client.client(headers, timeout, trust_env=not at.local)
        self._loop = asyncio.Runner()  # one for all requests, which share a connection

    def close(self) -> None:
        """Close the connection."""
        self._loop.run(self._client.aclose())
        self._loop.close()

    def ask(self, path: str, query: Mapping[str, str | int] | None = None, post: object = None) -> Answer:
        """GET a path below the address, or POST `post` to it as JSON. Raises RequestFailed."""
        return self._loop.run(self._ask(path, query, post))

    async def _ask(self, path: str, query: Mapping[str, str | int] | None, post: object) -> Answer:
        import httpx

        left = self.until - time.monotonic()
        if left <= 0:
            raise RequestFailed(NO_TIME, everywhere=True)
        silence = min(self._timeout, left)
        whole = min(self._timeout * _PATIENCE, left)
        url = f"{self.address.url}/{path}"
        ask = self._client.stream("GET" if post is None else "POST", url, params=query, json=post, timeout=silence)
        try:
            async with asyncio.timeout(whole), ask as answer:
                return self._answer(answer, await self._read(answer))
        except TimeoutError as error:
            raise self._failed(f"is too slow (no end after {round(whole, 1):g} seconds)", again=True) from error
        except httpx.TimeoutException as error:
            raise self._failed(f"is too slow ({round(silence, 1):g} seconds without a word)", again=True) from error
        except httpx.RemoteProtocolError as error:
            raise self._failed("broke off or garbled its answer", again=True) from error
        except httpx.InvalidURL as error:
            raise self._failed("has an address that cannot be asked", everywhere=True) from error
        except httpx.HTTPError as error:
            why = self.shown(client.reason(error))
            raise self._failed(f"cannot be reached ({why})", again=True) from error

    def shown(self, text: str) -> str:
        """At most 200 characters of what the server said, safe to print and without the token."""
        return clip(visible(self._token.hidden(text) if self._token else text), _SHOWN)

    def _failed(self, what: str, **how: Any) -> RequestFailed:
        return RequestFailed(f"{self.address.host} {what}", **how)

    async def _read(self, answer: httpx.Response) -> bytes:
        if answer.headers.get("Content-Encoding", "identity") != "identity":
            raise self._failed("packs its answer, which nobody asked for", status=answer.status_code)
        text = bytearray()
        async for part in answer.aiter_raw():
            text += part
            if len(text) > MAX_BODY:
                raise self._failed(f"sent more than {MAX_BODY} bytes", status=answer.status_code)
        return bytes(text)

    def _answer(self, answer: httpx.Response, text: bytes) -> Answer:
        status = answer.status_code
        if answer.is_redirect or 300 <= status < 400:
            where = self.shown(answer.headers.get("Location", "nowhere"))
            raise self._failed(
                f"redirects to {where}, where the token was not sent: if that is the right server, name it with "
                "--patchwork",
                status=status,
                everywhere=True,
            )
        try:
            data = json.loads(text)
        except (ValueError, RecursionError):
            data = None
        if status in (200, 201) and data is not None:
            return Answer(data, _NEXT.search(answer.headers.get("Link", "")[: _SHOWN * 20]) is not None)
        if status in (200, 201):
            raise self._failed("sent no JSON: is it a Patchwork?", status=status)
        raise self._refused(answer, data)

    def _refused(self, answer: httpx.Response, data: object) -> RequestFailed:
        status = answer.status_code
        if status == 401:
            return self._failed(
                "does not know this token: Patchwork shows the right one in your user profile"
                if self._token
                else "wants a token",
                status=status,
                everywhere=True,
            )
        if status == 403:
            return self._failed(
                "does not let the token's user post checks for this patch: whoever runs it can make that user a "
                "maintainer of the project, or let it add checks",
                status=status,
            )
        body = self.shown(json.dumps(data, ensure_ascii=False)) if data is not None else ""
        again = status in _LATER or status >= 500
        return self._failed(
            f"answered {status}{f': {body}' if body and not again else ''}",
            status=status,
            again=again,
            wait=client.retry_after(answer) if again else None,
        )
