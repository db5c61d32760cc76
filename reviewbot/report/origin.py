"""Finds the message id under which a patch was sent: that of its message, or the one in a commit's trailers.

Maintainers keep it as "Message-ID: <id>" or as a link. Links to https://patch.msgid.link/ have no other purpose. Other
links lead to the patch, or to a report, a discussion or an older version: they only count if the subject is the same.
"""

from __future__ import annotations

import re
import urllib.parse
from typing import NamedTuple

from reviewbot.model.patch import Patch
from reviewbot.report.reply.headers import usable_id

MOST = 4  # links of a commit that are candidates

_TRAILER = re.compile(r"(message-id|link)[ \t]*:[ \t]*(\S{1,1000})[ \t]*", re.IGNORECASE | re.ASCII)
_OWN = ("patch.msgid.link",)
_ARCHIVES = ("lore.kernel.org", "lkml.kernel.org", "msgid.link", "www.msgid.link")


class MailOrigin(NamedTuple):
    """Message ids without angle brackets, the likeliest first. `subject`: what the message's must be, "" for any."""

    ids: tuple[str, ...] = ()
    subject: str = ""


def origin(patch: Patch) -> MailOrigin:
    """The message ids under which a patch may have been sent; none where nothing says it."""
    if patch.mail is not None:
        return MailOrigin(tuple(filter(usable_id, [patch.mail.message_id])))
    sure, links = "", []
    for key, value in _trailers(patch.body):
        if key == "message-id":
            sure = _usable(value.removeprefix("<").removesuffix(">")) or sure
        else:
            host, message_id = _linked(value)
            if host in _OWN:
                sure = message_id or sure
            elif host in _ARCHIVES and message_id:
                links.append(message_id)
    if sure:
        return MailOrigin((sure,))
    return MailOrigin(tuple(dict.fromkeys(reversed(links)))[:MOST], patch.subject if links else "")


def same_subject(sent: str, committed: str) -> bool:
    """Whether the subject of a message is that of a commit; prefixes in brackets, case and blanks do not count."""
    return _bare(sent) == _bare(committed)


def _bare(subject: str) -> str:
    rest = subject.strip()
    while rest.startswith("[") and "]" in rest:
        rest = rest.partition("]")[2].strip()
    return " ".join(rest.split()).casefold()


def _trailers(body: str) -> list[tuple[str, str]]:
    """The Message-ID and Link trailers of the last paragraph, keys in lower case.

    A value that more follows, as in "# [1]", belongs to something else and is left out.
    """
    last = re.split(r"\n[ \t]*\n", body.strip())[-1]
    found = (_TRAILER.fullmatch(line) for line in last.split("\n"))
    return [(match[1].lower(), match[2]) for match in found if match]


def _linked(url: str) -> tuple[str, str]:
    """The host of a link and the message id in its path; "" where it has none."""
    try:
        parts = urllib.parse.urlsplit(url)
        host = (parts.hostname or "").lower()
    except ValueError:
        return "", ""
    words = (urllib.parse.unquote(word) for word in parts.path.split("/"))
    return host, next((word for word in words if "@" in word and _usable(word)), "")


def _usable(message_id: str) -> str:
    return message_id if "@" in message_id and usable_id(message_id) else ""
