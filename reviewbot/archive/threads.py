"""Finds the mails of a thread among those of an archive that has no index, from the newest mail back.

A mail belongs to the thread of another if one of them names the other in References or In-Reply-To, or both name a
third. An answer is never older than what it answers. So the walk back ends soon after the thread's first mail, and what
was looked at is kept for the next thread. Bounded: it looks at the newest 20,000 mails. Older ones of a thread are not
found, and a thread has at most as many mails, and bytes, as one that is read from a file.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator, Sequence
from typing import Generic, NamedTuple, TypeVar

from reviewbot.archive.heads import Head
from reviewbot.mail.mailbox import MAILS

LOOKED_AT = 20_000  # mails: of a busy list those of two weeks
_STEP = 500  # mails that are looked at beyond the first mail of the thread: clocks differ
_WIDEST = 200  # mails that may name one id: more is no thread, and each would be walked through

K = TypeVar("K", bound=Hashable)


class Filed(NamedTuple, Generic[K]):
    """A mail of an archive: by which key the archive finds it, and what its headers say."""

    key: K
    head: Head


class Threads(Generic[K]):
    """`newest`: the mails of an archive, the newest first; no more of it is read than a thread needs."""

    def __init__(self, newest: Iterable[Filed[K]]) -> None:
        self._left: Iterator[Filed[K]] = iter(newest)
        self._looked_at = 0
        self._named: dict[bytes, list[int]] = {}  # the mails that are of an id, or name it
        self._own: set[bytes] = set()
        self._filed: list[Filed[K]] = []

    def of(self, message_id: str) -> Sequence[K]:
        """The keys of the mails of a thread, the oldest first; () where the message is not among those looked at."""
        wanted = message_id.encode("utf-8", "surrogateescape")
        found: set[int] = set()
        spare = 1
        while True:
            found, unknown = self._reached(wanted)
            if wanted in self._own and not unknown:
                spare -= 1
                if spare < 0:
                    break
            if not self._look_further():
                break
        if wanted not in self._own:
            return ()
        return [self._filed[at].key for at in sorted(found, reverse=True)[-MAILS:]]

    def _look_further(self) -> bool:
        before = self._looked_at
        for filed in self._left:
            at = len(self._filed)
            self._filed.append(filed)
            if filed.head.message_id:
                self._own.add(filed.head.message_id)
            for one in (filed.head.message_id, *filed.head.answers):
                if one:
                    self._named.setdefault(one, []).append(at)
            self._looked_at += 1
            if self._looked_at >= min(before + _STEP, LOOKED_AT):
                break
        if self._looked_at >= LOOKED_AT:
            self._left = iter(())
        return self._looked_at > before

    def _reached(self, wanted: bytes) -> tuple[set[int], bool]:
        """The mails of the thread as far as they were looked at, and whether it names one that was not."""
        found: set[int] = set()
        ids, seen = [wanted], {wanted}
        while ids and len(found) < MAILS:
            for at in self._named.get(ids.pop(), ())[:_WIDEST]:
                if at in found:
                    continue
                found.add(at)
                head = self._filed[at].head
                for one in (head.message_id, *head.answers):
                    if one and one not in seen:
                        seen.add(one)
                        ids.append(one)
        return found, bool(seen - self._own)
