"""A patch in, out the message id of the mail it came by: the mail's own, or what a commit's trailers say.

Maintainers keep it as "Message-ID: <id>" or as a link to it. https://patch.msgid.link/ is meant for nothing else. Other
links lead to the patch as well as to a report, a discussion or an older version, so those only count with the subject.
"""

from __future__ import annotations

import re
import urllib.parse
from typing import NamedTuple

from reviewbot.model.patch import Patch
from reviewbot.report.reply.headers import usable_id

MOST = 4  # links of a commit that may be the one

_TRAILER = re.compile(r"(message-id|link)[ \t]*:[ \t]*(\S{1,1000})[ \t]*", re.IGNORECASE | re.ASCII)
_OWN = ("patch.msgid.link",)
_ARCHIVES = ("lore.kernel.org", "lkml.kernel.org", "msgid.link", "www.msgid.link")


class MailOrigin(NamedTuple):
    """Message ids without brackets, the likeliest first; `subject`: what the mail has to be called, "" for anything."""

    ids: tuple[str, ...] = ()
    subject: str = ""


def origin(patch: Patch) -> MailOrigin:
    """Where a patch came from; no ids where nothing says it."""
    if patch.mail is not None:
        return MailOrigin(tuple(filter(usable_id, [patch.mail.message_id])))
    sure, links = "", []
    for key, value in _trailers(patch.body):
        if key == "message-id":
            sure = _usable(value.removeprefix("<").removesuffix(">")) or sure
        else:
            host, found = _linked(value)
            if host in _OWN:
                sure = found or sure
            elif host in _ARCHIVES and found:
                links.append(found)
    if sure:
        return MailOrigin((sure,))
    return MailOrigin(tuple(dict.fromkeys(reversed(links)))[:MOST], patch.subject if links else "")


def same_subject(sent: str, committed: str) -> bool:
    """Whether a mail's subject, with what stands in brackets before it, is that of a commit."""
    return _bare(sent) == _bare(committed)


def _bare(subject: str) -> str:
    rest = subject.strip()
    while rest.startswith("[") and "]" in rest:
        rest = rest.partition("]")[2].strip()
    return " ".join(rest.split()).casefold()


def _trailers(body: str) -> list[tuple[str, str]]:
    """Those of the last paragraph; what follows the value, as in "# [1]", is a remark about something else."""
    last = re.split(r"\n[ \t]*\n", body.strip())[-1]
    found = (_TRAILER.fullmatch(line) for line in last.split("\n"))
    return [(match[1].lower(), match[2]) for match in found if match]


def _linked(url: str) -> tuple[str, str]:
    """The host of a link and the message id at its end; "" where it has none."""
    try:
        parts = urllib.parse.urlsplit(url)
        host = (parts.hostname or "").lower()
    except ValueError:
        return "", ""
    words = (urllib.parse.unquote(word) for word in parts.path.split("/"))
    return host, next((word for word in words if "@" in word and _usable(word)), "")


def _usable(message_id: str) -> str:
    return message_id if "@" in message_id and usable_id(message_id) else ""
