"""Downloads the gzipped mailbox of a thread from a public-inbox server, while somebody waits for it."""

from __future__ import annotations

import asyncio
import time
import urllib.parse
from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

from reviewbot.model.errors import FetchError
from reviewbot.web import client as webclient
from reviewbot.web.transfer import Advice, Bounds, MailboxRequest, MailboxTransfer

if TYPE_CHECKING:
    import httpx

SAVED = "or save the thread as an mbox and name that file"
NOT_HERE = (300, 404, 410)  # public-inbox says 300 where only similar ids are known
_SHORTEST_WAIT = 1.0  # seconds, also if a server asks for less


class MailboxUrl(NamedTuple):
    """The URL of the mailbox of a message's thread. `hosts`: where redirects may lead, lower case, maybe with port."""

    url: str
    message_id: str
    hosts: frozenset[str]


def download(place: MailboxUrl, bounds: Bounds, say: Callable[[str], None]) -> bytes:
    """The unpacked mailbox. `say` gets lines of progress. Raises FetchError for whatever goes wrong on the way."""
    return asyncio.run(_ThreadTransfer(place, bounds, say).run())


class _ThreadTransfer(MailboxTransfer):
    """Waits itself for a server that asks for it, as long as there is time."""

    def __init__(self, place: MailboxUrl, bounds: Bounds, say: Callable[[str], None]) -> None:
        super().__init__(MailboxRequest(place.url, place.hosts), bounds, Advice("thread", SAVED))
        self.message_id, self.say = place.message_id, say

    def wait(self, answer: httpx.Response, left: int) -> float:
        """See MailboxTransfer. Raises FetchError if the server does not say for how long, or no try or time is left."""
        status, asked = answer.status_code, webclient.retry_after(answer)
        if asked is None or left == 0:
            raise FetchError(f"{self.host} answered {status}: {self.advice.again()}", status)
        wait = max(asked, _SHORTEST_WAIT)
        if time.monotonic() + wait >= self.until:
            raise FetchError(
                f"{self.host} answered {status} and asks to be left alone for {asked:.0f} seconds, for which no time "
                f"is left (seconds under [lore] in config.toml): {self.advice.again('try again then')}",
                status,
            )
        self.say(f"{self.host} answered {status}: trying again in {wait:.0f} seconds")
        return wait

    async def has_mailbox(self, answer: httpx.Response) -> bool:
        """See MailboxTransfer."""
        if answer.status_code in NOT_HERE:
            archive = str(answer.url).partition("/" + urllib.parse.quote(self.message_id, safe=""))[0]
            raise FetchError(
                f"not on this server: {self.message_id} ({archive}): check the id, or name its archive's URL",
                answer.status_code,
            )
        return await super().has_mailbox(answer)
