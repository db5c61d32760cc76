"""Downloads a gzipped mailbox from a public-inbox server and unpacks it in memory.

The server is not trusted: what it sends is bounded in size, in time and in the number of redirects, which may lead to
known hosts only. Nothing is written to disk.
"""

from __future__ import annotations

import asyncio
import time
import urllib.parse
import zlib
from collections.abc import AsyncIterable, Callable
from typing import TYPE_CHECKING, NamedTuple

from reviewbot.model.errors import FetchError
from reviewbot.web import client as webclient

if TYPE_CHECKING:
    import httpx

SAVED = "or save the thread as an mbox and name that file"
_REQUESTS = 6  # of one transfer: redirects and retries
_SHORTEST_WAIT = 1.0  # seconds, also if a server asks for less
_REDIRECT = (301, 302, 303, 307, 308)
_NOT_HERE = (300, 404, 410)  # public-inbox says 300 where only similar ids are known
_BUSY = (429, 503)


class Bounds(NamedTuple):
    """Bounds of a transfer. `silence`: seconds without a byte; `seconds`: for all of it; `size`: bytes, unpacked."""

    silence: float
    seconds: float
    size: int


class MailboxUrl(NamedTuple):
    """The URL of the mailbox of a message's thread. `hosts`: where redirects may lead, lower case, maybe with port."""

    url: str
    message_id: str
    hosts: frozenset[str]


def netloc(host: str, port: int | None) -> str:
    """Host and port as in a URL: IPv6 addresses in brackets, no port for None."""
    name = f"[{host}]" if ":" in host else host
    return name if port is None else f"{name}:{port}"


def is_known(url: urllib.parse.SplitResult, hosts: frozenset[str]) -> bool:
    """Whether a URL leads to one of the hosts, which may name a port. Raises ValueError if its port is invalid."""
    host = (url.hostname or "").lower()
    return host in hosts or netloc(host, url.port) in hosts


def download(place: MailboxUrl, bounds: Bounds, say: Callable[[str], None]) -> bytes:
    """The unpacked mailbox. `say` gets lines of progress. Raises FetchError for whatever goes wrong on the way."""
    return asyncio.run(_Transfer(place, bounds, say).run())


class _Transfer:
    """The transfer of one mailbox. `host`: the one of the current request; `until`: by time.monotonic()."""

    def __init__(self, place: MailboxUrl, bounds: Bounds, say: Callable[[str], None]) -> None:
        self.place, self.bounds, self.say = place, bounds, say
        self.until = time.monotonic() + bounds.seconds
        self.host = urllib.parse.urlsplit(place.url).netloc

    async def run(self) -> bytes:
        """The unpacked mailbox. Raises FetchError."""
        import httpx

        silence, seconds, _ = self.bounds
        try:
            async with asyncio.timeout(seconds), webclient.client({}, silence) as client:
                return await self._fetch(client)
        except TimeoutError as error:
            raise FetchError(self._too_slow(f"no end after {seconds:g} seconds", "seconds", seconds)) from error
        except httpx.TimeoutException as error:
            why = f"{silence:g} seconds without a word"
            raise FetchError(self._too_slow(why, "timeout", silence)) from error
        except httpx.RemoteProtocolError as error:
            raise FetchError(f"{self.host}: incomplete or damaged response; try again later, {SAVED}") from error
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise FetchError(
                f"cannot reach {self.host} ({webclient.reason(error)}): check the network and [lore] url, {SAVED}"
            ) from error

    def _too_slow(self, what: str, setting: str, value: float) -> str:
        return f"{self.host} is too slow ({what}): try again, set {setting} under [lore] above {value:g}, {SAVED}"

    async def _fetch(self, client: httpx.AsyncClient) -> bytes:
        url = self.place.url
        for left in range(_REQUESTS - 1, -1, -1):
            async with client.stream("GET", url) as answer:
                if answer.status_code in _REDIRECT:
                    url, wait = self._redirect_target(answer), 0.0
                    self.host = urllib.parse.urlsplit(url).netloc
                elif answer.status_code in _BUSY:
                    wait = self._wait(answer, left)
                else:
                    self._check(answer)
                    return await self._unpacked(answer.aiter_raw())
            await asyncio.sleep(wait)
        raise FetchError(f"{self.host}: too many redirects; {SAVED[3:]}")

    def _wait(self, answer: httpx.Response, left: int) -> float:
        """The seconds after which the server allows another request. `left`: requests that may follow.

        Raises FetchError if it says none, or no request or no time is left.
        """
        status, asked = answer.status_code, webclient.retry_after(answer)
        if asked is None or left == 0:
            raise FetchError(f"{self.host} answered {status}: try again later, {SAVED}", status)
        wait = max(asked, _SHORTEST_WAIT)
        if time.monotonic() + wait >= self.until:
            raise FetchError(
                f"{self.host} answered {status} and asks to be left alone for {asked:.0f} seconds, for which no time "
                f"is left (seconds under [lore] in config.toml): try again then, {SAVED}",
                status,
            )
        self.say(f"{self.host} answered {status}: trying again in {wait:.0f} seconds")
        return wait

    def _check(self, answer: httpx.Response) -> None:
        status = answer.status_code
        if status in _NOT_HERE:
            message_id = self.place.message_id
            archive = str(answer.url).partition("/" + urllib.parse.quote(message_id, safe=""))[0]
            raise FetchError(
                f"not on this server: {message_id} ({archive}): check the id, or name its archive's URL", status
            )
        if status != 200:
            raise FetchError(f"{self.host} answered {status}: try again later, {SAVED}", status)
        kind = answer.headers.get("Content-Type", "").partition(";")[0].strip().lower()
        if kind in ("text/html", "application/xhtml+xml"):
            raise FetchError(
                f"{self.host} returned a web page instead of a mailbox (bot protection?): open it in a browser and "
                f"{SAVED[3:]}",
                status,
            )

    def _redirect_target(self, answer: httpx.Response) -> str:
        """The URL that a redirect leads to. Raises FetchError if its host is not known."""
        target = urllib.parse.urljoin(str(answer.url), str(answer.headers.get("Location", "")))
        try:
            url = urllib.parse.urlsplit(target)
            safe = url.scheme in ("http", "https") and is_known(url, self.place.hosts) and "@" not in url.netloc
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
                    raise FetchError(f"{self.host} sent no gzip, or a damaged one: try again later, {SAVED}") from error
                if len(out) > most:
                    break
                chunk = gzip.unused_data
            if max(loaded, len(out)) > most:
                raise FetchError(
                    f"the thread on {self.host} is too large (limit {most} bytes, mailbox_bytes in config.toml): "
                    f"{SAVED[3:]} without what is not needed"
                )
        if not gzip.eof:
            raise FetchError(f"{self.host} sent only the beginning of the thread: try again later, {SAVED}")
        return bytes(out)
