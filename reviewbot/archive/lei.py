"""Asks lei, the local e-mail interface of public-inbox, for mails: it searches what its user has told it of.

It runs as the user has set it up, for this is a search of the user's own. Nothing of it is saved.
"""

from __future__ import annotations

import os
import re
import select
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import suppress

from reviewbot.archive.port import ArchiveOptions, Batch
from reviewbot.archive.server.searching import Searching, titled
from reviewbot.filesystem.files import reason_of
from reviewbot.mail import mailbox
from reviewbot.mail.lore import is_bare_id
from reviewbot.model.errors import ConfigError, FetchError
from reviewbot.support.escape import one_line
from reviewbot.support.patterns import pattern
from reviewbot.web.search import AnswerMark, Found
from reviewbot.web.transfer import TooLarge

_COMMAND = ("lei", "q", "--no-save", "--format=mboxrd", "--stdin")
_PART = 1 << 16  # bytes that are read at once
_COMPLAINT = 300  # characters
_NEXT = pattern(rb"^(?=From )", re.M)  # in an mboxrd no line of a mail begins so


class LeiArchive:
    """A search of lei, by what its user has added with `lei add-external` or imported."""

    def __init__(self, query: str, options: ArchiveOptions, now: Callable[[], float]) -> None:
        self._query, self._options = query or options.query, options
        self._searching = Searching(self._ask, "lei", options, now)

    def new(self, cursor: str, since: float) -> Iterator[Batch]:
        """See Archive."""
        return self._searching.new(cursor, since, self._query)

    def thread(self, message_id: str) -> tuple[bytes, ...]:
        """See Archive: all that lei knows of the thread."""
        return mailbox.split_mbox(self._run(f"mid:{message_id}", "--threads")) if is_bare_id(message_id) else ()

    def named(self, title: str, author: str, since: float) -> tuple[bytes, ...]:
        """See Archive."""
        question = titled(title, author, since)
        return mailbox.split_mbox(self._run(question)) if question else ()

    def _ask(self, question: str, _: AnswerMark) -> Found:
        return Found(self._run(question))

    def _run(self, question: str, *more: str) -> bytes:
        """The mbox that lei prints. Raises TooLarge; ConfigError without lei; FetchError if it fails or is too slow."""
        try:
            process = subprocess.Popen(
                (*_COMMAND, *more), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
            )
        except OSError as error:
            raise ConfigError(f"lei cannot be run ({reason_of(error)}): install it, or name another archive") from error
        with process:
            try:
                out, complaint = self._poured(process, question.encode("utf-8", "replace"))
            except BaseException:
                process.kill()
                raise
        if process.returncode:
            said = [line for line in complaint.decode("utf-8", "replace").splitlines() if line and line[0] != "#"]
            why = one_line(said[-1])[:_COMPLAINT] if said else f"exit code {process.returncode}"
            raise FetchError(f"lei cannot search: {why}")
        return b"".join(map(_without_status, _NEXT.split(out)))

    def _poured(self, process: subprocess.Popen[bytes], question: bytes) -> tuple[bytes, bytes]:
        """What lei prints, and the end of what it complains about."""
        assert process.stdin and process.stdout and process.stderr
        with suppress(BrokenPipeError):  # it has ended, and says why
            process.stdin.write(question)
            process.stdin.close()
        until = time.monotonic() + self._options.patience
        out, complaint = bytearray(), b""
        streams = [process.stdout, process.stderr]
        while streams:
            ready = select.select(streams, [], [], max(0.0, until - time.monotonic()))[0]
            if not ready:
                raise FetchError(f"lei is too slow (no end after {self._options.patience:g} seconds): try it by hand")
            for stream in ready:
                part = os.read(stream.fileno(), _PART)
                if not part:
                    streams.remove(stream)
                elif stream is process.stderr:
                    complaint = (complaint + part)[-_PART:]
                else:
                    out += part
            if len(out) > self._options.mailbox_bytes:
                raise TooLarge(
                    f"lei finds more than {self._options.mailbox_bytes} bytes (mailbox_bytes in config.toml)"
                )
        return bytes(out), complaint


def _without_status(mail: bytes) -> bytes:
    """A mail without the field that says whether lei's user has read it: it would be another one when he has."""
    head, blank, body = mail.partition(b"\n\n")
    return b"\n".join(line for line in head.split(b"\n") if not line.startswith(b"Status: ")) + blank + body
