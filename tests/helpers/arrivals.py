"""Mails as they arrive on a list, and git repositories of public-inbox that are filled with them."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterable, Iterator, Sequence
from email.utils import formatdate
from pathlib import Path

from reviewbot.archive.port import Archive, Arrival, Batch

FIRST = 1_760_000_000  # the day on which everything begins, in October 2025
DAY = 86_400


def letter(name: str, when: float, answers: str = "", body: str = "Text.", subject: str = "") -> bytes:
    """A mail with the id NAME@list.example.org, that came at such a time and was sent a minute before."""
    parent = f"In-Reply-To: <{answers}@list.example.org>\nReferences: <{answers}@list.example.org>\n" if answers else ""
    return (
        f"Received: from a.example.org by list.example.org with SMTP; {formatdate(when)}\n"
        f"From: Ada Example <ada@example.org>\nTo: kernel@example.org\nSubject: {subject or name}\n"
        f"Date: {formatdate(when - 60)}\nMessage-ID: <{name}@list.example.org>\n{parent}\n{body}\n"
    ).encode()


def names(mails: Iterable[bytes | Arrival]) -> list[str]:
    """The names of such mails."""
    raws = (one.raw if isinstance(one, Arrival) else one for one in mails)
    return [raw.partition(b"\nMessage-ID: <")[2].partition(b"@")[0].decode() for raw in raws]


def read(archive: Archive, cursor: str = "", since: float = 0) -> tuple[list[str], str, list[str]]:
    """The names of what is new, the cursor behind it, and what was wrong."""
    found: list[str] = []
    wrong: list[str] = []
    for batch in archive.new(cursor, since):
        found += names(batch.mails)
        wrong += batch.wrong
        cursor = batch.cursor
    return found, cursor, wrong


def killed_often(opened: Iterator[Archive], since: float = 0) -> list[str]:
    """The names of what is new where each run works off one batch, and is killed in the second."""
    found: list[str] = []
    cursor = ""
    for archive in opened:
        batches: Iterator[Batch] = archive.new(cursor, since)
        first = next(batches, None)
        if first is None or (not first.mails and first.cursor == cursor):
            return found
        found += names(first.mails)
        cursor = first.cursor
        next(batches, None)
    return found


class Epoch:
    """A git repository of a public-inbox, of format 2, as git alone makes it: each commit adds a mail."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        if not folder.exists():
            self.git("init", "-q", "--bare", "-b", "master", str(folder), where=folder.parent)

    def add(self, mails: Sequence[tuple[bytes, float]], name: str = "m", onto: str = "refs/heads/master") -> None:
        """A commit for each mail, of the time at which it came. `name`: "d" takes a mail away."""
        tip = self.tip(onto)
        stream = []
        for raw, when in mails:
            head = b"commit refs/heads/master\ncommitter A <a@example.org> %d +0000\ndata 1\n-\n" % when
            old = {"m": b"", "d": b"D m\n"}[name]
            stream.append(head + (b"from %s\n" % tip.encode() if tip else b"") + old)
            stream.append(b"M 100644 inline %s\ndata %d\n%s\n" % (name.encode(), len(raw), raw))
            tip = ""  # the next one goes on from here
        self.git("fast-import", "--quiet", "--force", stdin=b"".join(stream))

    def tip(self, ref: str = "refs/heads/master") -> str:
        """The newest commit, "" for none."""
        return self.git("for-each-ref", "--format=%(objectname)", ref).strip()

    def git(self, *arguments: str, stdin: bytes = b"", where: Path | None = None) -> str:
        """What git prints."""
        env = {"PATH": os.environ["PATH"], "HOME": str(self.folder.parent), "GIT_CONFIG_NOSYSTEM": "1"}
        env |= {f"GIT_{who}_{what}": "a@example.org" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
        done = subprocess.run(
            ["git", "-C", str(where or self.folder), *arguments], input=stdin, env=env, capture_output=True, check=True
        )
        return done.stdout.decode()
