"""Asks the archive of a list whether it has a mail. Only a clear answer counts: what is odd is no answer."""

from __future__ import annotations

import asyncio
import re
import urllib.parse
from typing import TYPE_CHECKING, NamedTuple

from reviewbot.model.errors import FetchError
from reviewbot.web import client as webclient

if TYPE_CHECKING:
    import httpx

_HEAD = 200_000  # bytes of a mail in which its Message-ID is looked for
_END = re.compile(rb"\r?\n\r?\n")  # of a header
_ABSENT = (300, 404)  # public-inbox says 300 where it only has similar ids


class Presence(NamedTuple):
    """Whether an archive has a mail, None where that is not known; and why it is not."""

    known: bool | None
    why: str = ""


def presence(url: str, message_id: str, answered: str, silence: float, seconds: float) -> Presence:
    """Whether the public-inbox archive at `url` has a mail; ids without angle brackets.

    That it has not only counts where it has the mail that this one answers: else it may be the wrong archive.
    `silence`: seconds without a byte; `seconds`: for all of it.
    """
    host = urllib.parse.urlsplit(url).netloc or url
    try:
        return asyncio.run(_asked(url.rstrip("/"), message_id, answered, silence, seconds))
    except TimeoutError:
        return Presence(None, f"{host} does not answer")
    except (FetchError, ValueError) as error:
        return Presence(None, str(error))


async def _asked(url: str, message_id: str, answered: str, silence: float, seconds: float) -> Presence:
    import httpx

    host = urllib.parse.urlsplit(url).netloc or url
    try:
        async with asyncio.timeout(seconds), webclient.client({}, silence) as client:
            found = await _has(client, url, message_id)
            if found.known is not False:
                return found
            if (await _has(client, url, answered)).known:
                return found
            return Presence(None, f"{host} does not have the mail that it answers either")
    except httpx.TimeoutException as error:
        raise TimeoutError from error
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        return Presence(None, f"cannot reach {host} ({webclient.reason(error)})")


async def _has(client: httpx.AsyncClient, url: str, message_id: str) -> Presence:
    host = urllib.parse.urlsplit(url).netloc
    place = f"{url}/{urllib.parse.quote(message_id, safe='')}/raw"
    async with client.stream("GET", place) as answer:
        if answer.status_code in _ABSENT:
            return Presence(False)
        if answer.status_code != 200:
            return Presence(None, f"{host} answered {answer.status_code}")
        head = b""
        async for chunk in answer.aiter_raw():
            head += chunk
            if len(head) > _HEAD or _END.search(head):
                break
    given = re.search(rb"^message-id:\s*<([^<>\s]{1,998})>", _END.split(head[:_HEAD], maxsplit=1)[0], re.I | re.M)
    if given is not None and given[1] == message_id.encode("utf-8", "replace"):
        return Presence(True)
    return Presence(None, f"{host} answered with something else than the mail")
