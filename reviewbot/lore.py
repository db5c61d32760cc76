"""A message id or the URL of a public-inbox message into the raw mails of its thread.

The thread comes as <archive>/<message id>/t.mbox.gz, which public-inbox has always served. liblore
splits it; the transfer is httpx' because liblore's own neither bounds what it unpacks nor refuses a
redirect to another host. Nothing is written to disk.
"""

from __future__ import annotations

import re
import time
import urllib.parse
import zlib
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from reviewbot import __version__
from reviewbot.model import ConfigError, FetchError, UsageError

if TYPE_CHECKING:
    import httpx

MAX_DOWNLOAD = 50_000_000
MAX_UNPACKED = 250_000_000
_REDIRECTS = 5
_PATIENCE = 6  # a whole answer may take this many times the wait for a sign of life
_REDIRECT = (301, 302, 303, 307, 308)
_NOT_HERE = (300, 404, 410)  # public-inbox says 300 where only similar ids are known
_SAVED = "or save the thread as an mbox and name that file"

# RFC 5322, 3.2.3 and 3.6.4, with ":", "," and brackets, which ids on the lists do carry
_ID = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~.:,\[\]-]+(?:@[A-Za-z0-9!#$%&'*+/=?^_`{|}~.:,\[\]-]+)+")
_LONGEST_ID = 500


def is_remote(source: str) -> bool:
    """Whether this names a message on a server (an id, with or without <>, or a URL) and no file that is there."""
    try:
        if Path(source).exists():
            return False
    except OSError:  # too long for a file name
        return "@" in source
    return "://" in source or ("@" in source and not source.startswith(("/", "./", "../", "~")))


def fetch_thread(
    source: str,
    base_url: str,
    timeout: float,
    hosts: Sequence[str],
    say: Callable[[str], None],
    *,
    max_download: int = MAX_DOWNLOAD,
    max_unpacked: int = MAX_UNPACKED,
) -> tuple[tuple[bytes, ...], str]:
    """The raw mails of the thread that `source` belongs to, each once, and the id asked for.

    `base_url` is the archive that knows a bare message id; `hosts` are those that a URL, or a redirect,
    may lead to besides it. `timeout` is how long a server may stay silent. `say` gets a line of progress.

    Raises UsageError for what is no message id or a host that is not allowed, before anything is asked;
    ConfigError for a base URL that is none; FetchError for all that a server and the way there can do.
    """
    base = _split_base(base_url)
    known = {host.lower() for host in hosts} | {base.netloc.lower()}
    archive, message_id = _locate(source, base, known)
    url = f"{archive.geturl()}/{urllib.parse.quote(message_id, safe='')}/t.mbox.gz"
    say(f"fetching {url}")
    mbox = _download(url, known, timeout, (max_download, max_unpacked), message_id)

    from liblore.utils import DEFAULT_LISTID_PREFERENCE, split_and_dedupe_as_bytes

    mails = tuple(split_and_dedupe_as_bytes(mbox, DEFAULT_LISTID_PREFERENCE))
    if not mails:
        raise FetchError(f"{archive.netloc} sent an empty thread for {message_id}: try again later, {_SAVED}")
    return mails, message_id


# --- what is asked for ---


def _split_base(base_url: str) -> urllib.parse.SplitResult:
    try:
        base = urllib.parse.urlsplit(base_url.strip().rstrip("/"))
        whole = base.scheme in ("http", "https") and bool(base.hostname) and base.port != 0
    except ValueError:
        whole = False
    if not whole or "@" in base.netloc or base.query or base.fragment:
        raise ConfigError(f"[lore] url is {base_url!r}, but must be like https://lore.kernel.org/all")
    return base


def _locate(source: str, base: urllib.parse.SplitResult, known: set[str]) -> tuple[urllib.parse.SplitResult, str]:
    """The archive to ask, and the message id to ask for."""
    if "://" not in source:
        return base, _check_id(source)
    try:
        url = urllib.parse.urlsplit(source.strip())
        host, port = url.hostname or "", url.port
    except ValueError as error:
        raise UsageError(f"{source!r} is no URL: {error}") from error
    if url.scheme not in ("http", "https") or not host:
        raise UsageError(f"{source!r}: only http:// and https:// URLs of a public-inbox can be fetched")
    netloc = _netloc(host, port)
    if not _is_known(url, known):
        raise UsageError(
            f"{netloc!r} is not among the servers that may be asked: add it to hosts under [lore] in config.toml"
        )
    parts = url.path.strip("/").split("/")
    at = next((number for number, part in enumerate(parts) if "@" in urllib.parse.unquote(part)), None)
    if at is None:
        raise UsageError(f"{source!r} names no message: give the URL of one message, or its message id")
    message_id = _check_id(urllib.parse.unquote(parts[at]))
    # /r/ID and /ID are short links: which archive is behind them only its server knows, and the configured one has it
    if parts[:at] in ([], ["r"]):
        return base, message_id
    return urllib.parse.SplitResult(
        url.scheme, netloc, "".join(f"/{urllib.parse.quote(urllib.parse.unquote(part))}" for part in parts[:at]), "", ""
    ), message_id


def _check_id(text: str) -> str:
    """The id without its brackets; it ends in a URL and in what is printed, so odd characters are refused."""
    message_id = text.strip().removeprefix("<").removesuffix(">")
    if len(message_id) > _LONGEST_ID:
        raise UsageError(f"{message_id[:60]!r}... is no message id: longer than {_LONGEST_ID} characters")
    if not _ID.fullmatch(message_id):
        raise UsageError(f"{text!r} is no message id (and no file): it must look like 20240101.1234-1-name@example.org")
    return message_id


def _netloc(host: str, port: int | None) -> str:
    name = f"[{host}]" if ":" in host else host
    return name if port is None else f"{name}:{port}"


def _is_known(url: urllib.parse.SplitResult, known: set[str]) -> bool:
    host = (url.hostname or "").lower()
    return host in known or _netloc(host, url.port) in known


# --- the transfer ---


def _download(url: str, known: set[str], timeout: float, bounds: tuple[int, int], message_id: str) -> bytes:
    """The unpacked answer; redirects are followed among the known hosts only."""
    import httpx

    host = urllib.parse.urlsplit(url).netloc
    deadline = time.monotonic() + timeout * _PATIENCE
    try:
        with _client(timeout) as client:
            for _ in range(_REDIRECTS):
                with client.stream("GET", url) as answer:
                    if answer.status_code not in _REDIRECT:
                        _check_answer(answer, message_id)
                        return _unpack(answer.iter_raw(), host, (timeout, deadline), bounds)
                    url = _follow(answer, known)
                    host = urllib.parse.urlsplit(url).netloc
    except httpx.TimeoutException as error:
        raise FetchError(_too_slow(host, f"{timeout:g} seconds without a word", timeout)) from error
    except httpx.RemoteProtocolError as error:
        raise FetchError(f"{host} broke off or garbled its answer: try again later, {_SAVED}") from error
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise FetchError(f"cannot reach {host} ({reason}): check the network and [lore] url, {_SAVED}") from error
    raise FetchError(f"{host} sends us in circles with redirects: {_SAVED[3:]}")


def _client(timeout: float) -> httpx.Client:
    import httpx

    headers = {"User-Agent": f"reviewbot/{__version__}", "Accept-Encoding": "identity"}
    try:
        return httpx.Client(headers=headers, timeout=timeout)
    except (ImportError, OSError, ValueError) as error:  # a proxy it cannot use, certificates that are not there
        raise FetchError(f"the proxy or TLS settings of the environment cannot be used: {error}") from error


def _too_slow(host: str, what: str, timeout: float) -> str:
    return f"{host} is too slow ({what}): try again, set timeout under [lore] above {timeout:g}, {_SAVED}"


def _check_answer(answer: httpx.Response, message_id: str) -> None:
    status, host = answer.status_code, answer.url.netloc.decode("ascii", "replace")
    if status in _NOT_HERE:
        archive = str(answer.url).partition("/" + urllib.parse.quote(message_id, safe=""))[0]
        raise FetchError(
            f"not on this server: {message_id} ({archive}): check the id, or name its archive's URL", status
        )
    if status != 200:
        raise FetchError(f"{host} answered {status}: try again later, {_SAVED}", status)
    kind = answer.headers.get("Content-Type", "").partition(";")[0].strip().lower()
    if kind in ("text/html", "application/xhtml+xml"):
        raise FetchError(
            f"{host} answered with a web page where a mailbox was asked for (perhaps a check against robots): "
            f"open it in a browser and {_SAVED[3:]}",
            status,
        )


def _follow(answer: httpx.Response, known: set[str]) -> str:
    target = urllib.parse.urljoin(str(answer.url), str(answer.headers.get("Location", "")))
    host = answer.url.netloc.decode("ascii", "replace")
    try:
        url = urllib.parse.urlsplit(target)
        safe = url.scheme in ("http", "https") and _is_known(url, known) and "@" not in url.netloc
    except ValueError:
        safe = False
    if not safe:
        raise FetchError(
            f"{host} redirects to {target[:200]!r}, which is not among the servers that may be asked: "
            "add its host to hosts under [lore] in config.toml if it is to be trusted",
            answer.status_code,
        )
    return target


def _unpack(chunks: Iterable[bytes], host: str, limits: tuple[float, float], bounds: tuple[int, int]) -> bytes:
    """Unpack while it arrives, so that neither an endless answer nor a small one that unpacks to much is held."""
    timeout, deadline = limits
    max_download, max_unpacked = bounds
    loaded = 0
    out = bytearray()
    gzip = zlib.decompressobj(wbits=31)
    for chunk in chunks:
        loaded += len(chunk)
        if loaded > max_download:
            raise FetchError(f"the thread on {host} is larger than {max_download} bytes: {_SAVED[3:]}")
        if time.monotonic() > deadline:
            raise FetchError(_too_slow(host, f"no end after {timeout * _PATIENCE:g} seconds", timeout))
        while chunk:
            if gzip.eof:  # a gzip file may have several parts
                gzip = zlib.decompressobj(wbits=31)
            try:
                out += gzip.decompress(chunk, max_unpacked + 1 - len(out))
            except zlib.error as error:
                raise FetchError(f"{host} sent no gzip, or a damaged one: try again later, {_SAVED}") from error
            if len(out) > max_unpacked:
                raise FetchError(f"the thread on {host} unpacks to more than {max_unpacked} bytes: {_SAVED[3:]}")
            chunk = gzip.unused_data
    if not gzip.eof:
        raise FetchError(f"{host} sent only the beginning of the thread: try again later, {_SAVED}")
    return bytes(out)
