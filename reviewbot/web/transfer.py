"""Asks a public-inbox server for one gzipped mailbox and unpacks it in memory.

The server is not trusted: what it sends is bounded in size, in time and in the number of redirects, which may lead to
known hosts only. Nothing is written to disk.
"""

from __future__ import annotations

import asyncio
import time
import urllib.parse
import zlib
from collections.abc import AsyncIterable, Mapping
from typing import TYPE_CHECKING, NamedTuple

from reviewbot.model.errors import FetchError
from reviewbot.web import client as webclient

if TYPE_CHECKING:
    import httpx

_REQUESTS = 6  # of one transfer: redirects and retries
_REDIRECT = (301, 302, 303, 307, 308)
_BUSY = (429, 503)
_PAGES = ("text/html", "application/xhtml+xml")


class Bounds(NamedTuple):
    """Bounds of a transfer. `silence`: seconds without a byte; `seconds`: for all of it; `size`: bytes, unpacked."""

    silence: float
    seconds: float
    size: int


class MailboxRequest(NamedTuple):
    """What to ask for. `hosts`: where redirects may lead, lower case, maybe with port."""

    url: str
    hosts: frozenset[str]
    method: str = "GET"
    headers: Mapping[str, str] = {}


class Advice(NamedTuple):
    """How errors say what to do. `subject`: what was asked for; `otherwise`: how to do without it, "" for no way.

    `address`: where the address stands that was asked.
    """

    subject: str
    otherwise: str = ""
    address: str = "[lore] url"

    def again(self, how: str = "try again later") -> str:
        """To try again, or else."""
        return f"{how}, {self.otherwise}" if self.otherwise else how

    def instead(self, how: str) -> str:
        """To do it another way, or what else there is."""
        return self.otherwise.removeprefix("or ") or how


class Unanswered(FetchError):
    """Nothing whole came back: the server is gone, silent, too slow or broken. Another time it may be different."""


class Busy(FetchError):
    """The server wants to be left alone. `asked`: its Retry-After as it came, "" if it does not say for how long."""

    def __init__(self, message: str, status: int, asked: str) -> None:
        super().__init__(message, status)
        self.asked = asked


class TooLarge(FetchError):
    """The answer is larger than what is taken."""


def netloc(host: str, port: int | None) -> str:
    """Host and port as in a URL: IPv6 addresses in brackets, no port for None."""
    name = f"[{host}]" if ":" in host else host
    return name if port is None else f"{name}:{port}"


def is_known(url: urllib.parse.SplitResult, hosts: frozenset[str]) -> bool:
    """Whether a URL leads to one of the hosts, which may name a port. Raises ValueError if its port is invalid."""
    host = (url.hostname or "").lower()
    return host in hosts or netloc(host, url.port) in hosts


class MailboxTransfer:
    """The transfer of one mailbox. `host`: the one of the current request; `until`: by time.monotonic()."""

    def __init__(self, wanted: MailboxRequest, bounds: Bounds, advice: Advice) -> None:
        self.wanted, self.bounds, self.advice = wanted, bounds, advice
        self.until = time.monotonic() + bounds.seconds
        self.host = urllib.parse.urlsplit(wanted.url).netloc

    async def run(self) -> bytes:
        """The unpacked mailbox. Raises FetchError."""
        import httpx

        silence, seconds, _ = self.bounds
        try:
            async with asyncio.timeout(seconds), webclient.client(self.wanted.headers, silence) as client:
                return await self._fetch(client)
        except TimeoutError as error:
            raise Unanswered(self._too_slow(f"no end after {seconds:g} seconds", "seconds", seconds)) from error
        except httpx.TimeoutException as error:
            why = f"{silence:g} seconds without a word"
            raise Unanswered(self._too_slow(why, "timeout", silence)) from error
        except httpx.RemoteProtocolError as error:
            raise Unanswered(f"{self.host}: incomplete or damaged response; {self.advice.again()}") from error
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            how = self.advice.again(f"check the network and {self.advice.address}")
            raise Unanswered(f"cannot reach {self.host} ({webclient.reason(error)}): {how}") from error

    async def has_mailbox(self, answer: httpx.Response) -> bool:
        """Whether an answer, no redirect, brings a mailbox; False where it rightly brings none. Raises FetchError."""
        status = answer.status_code
        if status != 200:
            kind = Unanswered if status >= 500 else FetchError
            raise kind(f"{self.host} answered {status}: {self.advice.again()}", status)
        if answer.headers.get("Content-Type", "").partition(";")[0].strip().lower() in _PAGES:
            raise FetchError(
                f"{self.host} returned a web page instead of a mailbox (bot protection?): open it in a browser and "
                f"{self.advice.instead('ask who runs it how programs may read it')}",
                status,
            )
        return True

    def wait(self, answer: httpx.Response, left: int) -> float:
        """The seconds after which a busy server is asked again. `left`: requests that may follow. Raises Busy."""
        status = answer.status_code
        asked = answer.headers.get("Retry-After", "")
        raise Busy(f"{self.host} answered {status}: {self.advice.again()}", status, asked)

    def _too_slow(self, what: str, setting: str, value: float) -> str:
        how = self.advice.again(f"try again, set {setting} under [lore] above {value:g}")
        return f"{self.host} is too slow ({what}): {how}"

    async def _fetch(self, client: httpx.AsyncClient) -> bytes:
        url = self.wanted.url
        for left in range(_REQUESTS - 1, -1, -1):
            async with client.stream(self.wanted.method, url) as answer:
                if answer.status_code in _REDIRECT:
                    url, wait = self._redirect_target(answer), 0.0
                    self.host = urllib.parse.urlsplit(url).netloc
                elif answer.status_code in _BUSY:
                    wait = self.wait(answer, left)
                else:
                    return await self._unpacked(answer.aiter_raw()) if await self.has_mailbox(answer) else b""
            await asyncio.sleep(wait)
        raise FetchError(f"{self.host}: too many redirects; {self.advice.instead('check the address')}")

    def _redirect_target(self, answer: httpx.Response) -> str:
        """The URL that a redirect leads to. Raises FetchError if its host is not known."""
        target = urllib.parse.urljoin(str(answer.url), str(answer.headers.get("Location", "")))
        try:
            url = urllib.parse.urlsplit(target)
            safe = url.scheme in ("http", "https") and is_known(url, self.wanted.hosts) and "@" not in url.netloc
        except ValueError:
            safe = False
        if not safe:
            raise FetchError(
                f"{self.host} redirects to {target[:200]!r}, a server that is not allowed; if you trust it, add it to "
                "[lore] hosts in config.toml",
                answer.status_code,
            )
        return target

    async def _unpacked(self, chunks: AsyncIterable[bytes]) -> bytes:
        """Unpack while it arrives, so that neither an endless answer nor a gzip bomb fills the memory."""
        most, loaded = self.bounds.size, 0
        out = bytearray()
        gzip = zlib.decompressobj(wbits=31)
        async for chunk in chunks:
            loaded += len(chunk)  # which may unpack to nothing, and have no end
            while chunk:
                if gzip.eof:  # a gzip file may have several parts
                    gzip = zlib.decompressobj(wbits=31)
                try:
                    out += gzip.decompress(chunk, most + 1 - len(out))
                except zlib.error as error:
                    raise Unanswered(f"{self.host} sent no gzip, or a damaged one: {self.advice.again()}") from error
                if len(out) > most:
                    break
                chunk = gzip.unused_data
            if max(loaded, len(out)) > most:
                what = self.advice.instead("")
                raise TooLarge(
                    f"the {self.advice.subject} on {self.host} is too large (limit {most} bytes, mailbox_bytes in "
                    f"config.toml){f': {what} without what is not needed' if what else ''}"
                )
        if not gzip.eof:
            raise Unanswered(f"{self.host} sent only the beginning of the {self.advice.subject}: {self.advice.again()}")
        return bytes(out)
