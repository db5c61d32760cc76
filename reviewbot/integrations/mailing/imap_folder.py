"""Puts a draft into a folder of an IMAP server, the one that git's own settings name (git-imap-send(1))."""

from __future__ import annotations

import imaplib
import re
import ssl
from base64 import b64encode
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress

from reviewbot.integrations.mailing.imap_settings import ImapSettings, imap_settings
from reviewbot.integrations.mailing.transport import MaybeHandedOut, NotHandedOut
from reviewbot.memory.drafts import KeptDraft
from reviewbot.support.escape import clip, visible

PREFIX = "imap "
_SILENCE = 30  # seconds
_PLAIN = re.compile(r"[ -%'-~]+")  # what stands for itself in the name of a folder
_LOCAL = ("localhost", "127.0.0.1", "::1")
_WRONG = (imaplib.IMAP4.error, OSError, ssl.SSLError)


class ImapFolder:
    """A folder of the server; it has to be there."""

    does = "puts"

    def __init__(self, folder: str) -> None:
        self._folder = folder
        self.name = f"{PREFIX}{folder}"

    def check(self) -> None:
        """Raise ConfigError where git's settings name no server."""
        imap_settings()

    def plan(self, draft: KeptDraft) -> Sequence[str]:
        """The server and the folder."""
        where = imap_settings()
        who = f" as {where.user}" if where.user else ""
        return [f"put into the folder {self._folder} of {where.shown}{who}"]

    def hand_out(self, draft: KeptDraft, lock: int) -> str:
        """Put it there."""
        where = imap_settings()
        with _logged_in(where) as server:
            _answered(server.select(_quoted(self._folder)), f"folder {self._folder}")
            try:
                status, said = server.append(_quoted(self._folder), r"(\Draft)", "", draft.mail)
            except imaplib.IMAP4.abort as error:
                raise MaybeHandedOut(f"{where.shown} hung up: {_plain(error)}") from error
            except OSError as error:
                raise MaybeHandedOut(f"{where.shown} does not answer: {_plain(error)}") from error
            _answered((status, said), f"folder {self._folder}")
        return f"is in {self._folder} of {where.shown}"

    def has(self, draft: KeptDraft) -> bool:
        """Whether it lies there. Raises InputError."""
        with _logged_in(imap_settings()) as server:
            _answered(server.select(_quoted(self._folder), readonly=True), f"folder {self._folder}")
            found = _answered(server.search(None, "HEADER", "Message-ID", f'"<{draft.message_id}>"'), "a search")
            return bool(found and found[0])


@contextmanager
def _logged_in(where: ImapSettings) -> Iterator[imaplib.IMAP4]:
    """A connection of somebody who is known there. Raises NotHandedOut."""
    try:
        server = _connected(where)
    except _WRONG as error:
        raise NotHandedOut(f"cannot reach {where.shown}: {_plain(error)}") from error
    try:
        if server.state != "AUTH":  # a tunnel may be that already
            _log_in(server, where)
        try:
            yield server
        except imaplib.IMAP4.error as error:
            raise NotHandedOut(f"{where.shown}: {_plain(error)}") from error
    finally:
        with suppress(*_WRONG):
            server.logout()


def _connected(where: ImapSettings) -> imaplib.IMAP4:
    if where.tunnel:
        return imaplib.IMAP4_stream(where.tunnel)
    # not verified only where the user has set imap.sslverify so
    context = ssl.create_default_context() if where.verify else ssl._create_unverified_context()  # noqa: S323
    if where.encrypted:
        return imaplib.IMAP4_SSL(where.host, where.port, ssl_context=context, timeout=_SILENCE)
    server = imaplib.IMAP4(where.host, where.port, timeout=_SILENCE)
    if "STARTTLS" in server.capabilities:
        server.starttls(context)
    elif where.host not in _LOCAL:
        server.shutdown()
        raise OSError("it offers no encryption, and a password is not sent without (imap.host = imaps://...)")
    return server


def _log_in(server: imaplib.IMAP4, where: ImapSettings) -> None:
    """Log in with the password of git's settings, or of its credential helpers."""
    user, password = where.credentials()
    try:
        server.login(user, password)
    except _WRONG as error:
        where.rejected(user, password)
        raise NotHandedOut(f"{where.shown} does not let {user} in: {_plain(error)}") from error
    where.approved(user, password)


def _answered(answer: tuple[str, Sequence[bytes | None]], what: str) -> Sequence[bytes | None]:
    """What a server has answered. Raises NotHandedOut where that is no."""
    status, said = answer
    if status != "OK":
        told = b" ".join(one for one in said if one).decode("utf-8", "replace")
        raise NotHandedOut(f"{what}: {visible(clip(told or status, 200))}")
    return said


def _quoted(folder: str) -> str:
    """The name of a folder as IMAP has it: in quotes, in UTF-7 of its own (RFC 3501, 5.1.3)."""
    out, at = "", 0
    while at < len(folder):
        plain = _PLAIN.match(folder, at)
        if plain:
            out, at = out + plain[0], plain.end()
            continue
        end = at
        while end < len(folder) and not _PLAIN.match(folder, end):
            end += 1
        part = folder[at:end]
        coded = b64encode(part.encode("utf-16-be", "replace")).decode("ascii").rstrip("=").replace("/", ",")
        out, at = out + ("&-" * len(part) if set(part) == {"&"} else f"&{coded}-"), end
    escaped = out.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _plain(error: Exception) -> str:
    return visible(clip(" ".join(str(error).split()) or type(error).__name__, 200))
