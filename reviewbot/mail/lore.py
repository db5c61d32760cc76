"""Fetches the thread of a message from a public-inbox server, by message id or URL.

The thread comes as <archive>/<message id>/t.mbox.gz, which public-inbox has always served. liblore's transfer neither
bounds what it unpacks nor refuses a redirect to another host, and the time in which it reads a mailbox grows with the
square of a header's length: so transfer and reader are our own.
"""

from __future__ import annotations

import re
import urllib.parse
from collections.abc import Callable, Sequence
from pathlib import Path

from reviewbot.mail import mailbox
from reviewbot.model.errors import ConfigError, FetchError, UsageError
from reviewbot.web.download import SAVED, MailboxUrl, download
from reviewbot.web.transfer import Bounds, is_known, netloc

# RFC 5322, 3.2.3 and 3.6.4, with ":", "," and brackets, which ids on the lists do carry
_ID = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~.:,\[\]-]+(?:@[A-Za-z0-9!#$%&'*+/=?^_`{|}~.:,\[\]-]+)+")
_LONGEST_ID = 500


def is_remote(source: str) -> bool:
    """Whether `source` names a message on a server (an id, with or without <>, or a URL) and no existing file."""
    try:
        if Path(source).exists():
            return False
    except OSError:  # too long for a file name
        return "@" in source
    return "://" in source or ("@" in source and not source.startswith(("/", "./", "../", "~")))


def is_bare_id(text: str) -> bool:
    """Whether this is a message id that a server can be asked for, and that nobody takes for a URL."""
    return "://" not in text and len(text) <= _LONGEST_ID and _ID.fullmatch(text) is not None


def fetch_thread(
    source: str,
    base_url: str,
    bounds: Bounds,
    hosts: Sequence[str],
    say: Callable[[str], None],
) -> tuple[tuple[bytes, ...], str]:
    """The raw messages of the thread of `source`, each once for every list it came to, and the id that `source` names.

    `base_url`: the archive to ask for a bare message id; `hosts`: others that a URL, or a redirect, may lead to. `say`
    gets lines of progress.

    Raises UsageError for an invalid message id or a host that is not allowed, before any request; ConfigError for an
    invalid base URL; FetchError for whatever goes wrong on the server or the way there.
    """
    base = split_base(base_url)
    known = frozenset(host.lower() for host in (*hosts, base.netloc))
    archive, message_id = _locate(source, base, known)
    url = f"{archive.geturl()}/{urllib.parse.quote(message_id, safe='')}/t.mbox.gz"
    say(f"fetching {url}")
    mbox = download(MailboxUrl(url, message_id, known), bounds, say)
    mails = mailbox.split_mbox(mbox)
    if not mails:
        raise FetchError(f"{archive.netloc} sent an empty thread for {message_id}: try again later, {SAVED}")
    return mails, message_id


# --- what to fetch ---


def split_base(base_url: str, called: str = "[lore] url") -> urllib.parse.SplitResult:
    """The URL of an archive in its parts. `called`: what a ConfigError names, if it is none."""
    try:
        base = urllib.parse.urlsplit(base_url.strip().rstrip("/"))
        whole = base.scheme in ("http", "https") and bool(base.hostname) and base.port != 0
    except ValueError:
        whole = False
    if not whole or "@" in base.netloc or base.query or base.fragment:
        raise ConfigError(f"{called} is {base_url!r}, but must be like https://lore.kernel.org/all")
    return base


def _locate(source: str, base: urllib.parse.SplitResult, known: frozenset[str]) -> tuple[urllib.parse.SplitResult, str]:
    """The URL of the archive, and the message id to ask it for."""
    if "://" not in source:
        return base, _check_id(source)
    try:
        url = urllib.parse.urlsplit(source.strip())
        host, port = url.hostname or "", url.port
    except ValueError as error:
        raise UsageError(f"{source!r} is no URL: {error}") from error
    if url.scheme not in ("http", "https") or not host:
        raise UsageError(f"{source!r}: only http:// and https:// URLs of a public-inbox can be fetched")
    server = netloc(host, port)
    if not is_known(url, known):
        raise UsageError(f"server {server!r} is not allowed; add it to [lore] hosts in config.toml")
    parts = url.path.strip("/").split("/")
    at = next((number for number, part in enumerate(parts) if "@" in urllib.parse.unquote(part)), None)
    if at is None:
        raise UsageError(f"{source!r} names no message: give the URL of one message, or its message id")
    message_id = _check_id(urllib.parse.unquote(parts[at]))
    # /r/ID and /ID are short links: which archive is behind them only its server knows, and the configured one has it
    if parts[:at] in ([], ["r"]):
        return base, message_id
    return urllib.parse.SplitResult(
        url.scheme, server, "".join(f"/{urllib.parse.quote(urllib.parse.unquote(part))}" for part in parts[:at]), "", ""
    ), message_id


def _check_id(text: str) -> str:
    """The id without its brackets. It goes into a URL and is printed, so odd characters raise UsageError."""
    message_id = text.strip().removeprefix("<").removesuffix(">")
    if len(message_id) > _LONGEST_ID:
        raise UsageError(f"{message_id[:60]!r}... is not a message id: longer than {_LONGEST_ID} characters")
    if not _ID.fullmatch(message_id):
        raise UsageError(f"{text!r} is neither a file nor a message id (such as 20240101.1234-1-name@example.org)")
    return message_id
