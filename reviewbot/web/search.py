"""Asks the search of a public-inbox for mails: POST /LIST/?q=QUERY&x=m, which is answered with a gzipped mbox."""

from __future__ import annotations

import asyncio
import urllib.parse
from typing import TYPE_CHECKING, NamedTuple

from reviewbot import __version__
from reviewbot.model.errors import FetchError
from reviewbot.web.download import NOT_HERE
from reviewbot.web.transfer import Advice, Bounds, MailboxRequest, MailboxTransfer

if TYPE_CHECKING:
    import httpx

_NOTHING = b"No results found"  # public-inbox says it with the status 404
_FIRST = 1_000  # bytes of such an answer
_UNCHANGED = (304, 412)  # the second one: of anything but GET (RFC 9110, 13.1.2)
_LONGEST = 300  # characters of a header that is sent back


class PublicInbox(NamedTuple):
    """A list on a server. `url`: its address, without a slash at its end; `hosts`: where redirects may lead.

    `contact`: whom to ask about us.
    """

    url: str
    hosts: frozenset[str]
    contact: str = ""


class AnswerMark(NamedTuple):
    """How an answer was marked, "" where it was not; it is only sent again if it has changed."""

    etag: str = ""
    modified: str = ""


class Found(NamedTuple):
    """The mailbox with what was found, None where the answer is the same as last time; and the answer's marks."""

    mbox: bytes | None
    mark: AnswerMark = AnswerMark()


def introduction(contact: str) -> dict[str, str]:
    """The headers that say who asks."""
    shown = "".join(char for char in contact if "!" <= char <= "~" and char not in "()\\")[:_LONGEST]
    return {"User-Agent": f"reviewbot/{__version__} (+{shown})"} if shown else {}


def run_search(of: PublicInbox, query: str, mark: AnswerMark, bounds: Bounds) -> Found:
    """What a search gives. Raises FetchError."""
    transfer = _SearchTransfer(of, query, mark, bounds)
    mbox = asyncio.run(transfer.run())
    return Found(None if transfer.same else mbox, transfer.mark)


def thread_mbox(of: PublicInbox, message_id: str, bounds: Bounds) -> bytes:
    """The mailbox of the thread of a message, b"" where the list does not have the message. Raises FetchError."""
    return asyncio.run(_KnownThread(of, message_id, bounds).run())


class _SearchTransfer(MailboxTransfer):
    """`same`: nothing has changed; `mark`: how the answer is marked."""

    def __init__(self, of: PublicInbox, query: str, mark: AnswerMark, bounds: Bounds) -> None:
        only_if = {"If-None-Match": mark.etag, "If-Modified-Since": mark.modified}
        headers = introduction(of.contact) | {name: value for name, value in only_if.items() if value}
        url = f"{of.url}/?x=m&q={urllib.parse.quote_plus(query)}"
        request = MailboxRequest(url, of.hosts, "POST", headers)
        super().__init__(request, bounds, Advice("answer", "", "the list's address"))
        self._list, self.mark, self.same = of.url, mark, False

    async def has_mailbox(self, answer: httpx.Response) -> bool:
        """See MailboxTransfer."""
        status = answer.status_code
        if status in _UNCHANGED and any(self.mark):
            self.same = True
            return False
        if status == 404:
            if _NOTHING in await _beginning(answer):
                self.mark = _mark_of(answer)
                return False
            raise FetchError(f"there is no list at {self._list}: check the address", status)
        if status == 501:
            raise FetchError(f"{self.host} has no search for {self._list}: clone the list, and name the folder", status)
        found_one = await super().has_mailbox(answer)
        self.mark = _mark_of(answer)
        return found_one


class _KnownThread(MailboxTransfer):
    def __init__(self, of: PublicInbox, message_id: str, bounds: Bounds) -> None:
        url = f"{of.url}/{urllib.parse.quote(message_id, safe='')}/t.mbox.gz"
        request = MailboxRequest(url, of.hosts, headers=introduction(of.contact))
        super().__init__(request, bounds, Advice("thread", "", "the list's address"))

    async def has_mailbox(self, answer: httpx.Response) -> bool:
        return answer.status_code not in NOT_HERE and await super().has_mailbox(answer)


async def _beginning(answer: httpx.Response) -> bytes:
    data = b""
    async for chunk in answer.aiter_raw():
        data += chunk[:_FIRST]
        if len(data) >= _FIRST:
            break
    return data


def _mark_of(answer: httpx.Response) -> AnswerMark:
    values = (str(answer.headers.get(name, "")) for name in ("ETag", "Last-Modified"))
    return AnswerMark(*(one if len(one) <= _LONGEST and one.isascii() and one.isprintable() else "" for one in values))
