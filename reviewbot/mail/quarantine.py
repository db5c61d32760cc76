"""Parses a message within a time limit, whatever it contains.

Takes the bytes of a message, gives a MailMessage or raises InputError with one line on why there is none. Python's
parser and its codecs work on what a stranger has written, and a signal does not reach them everywhere: a regular
expression that starts again at every character does not check for one. So a message that is large enough for that to
matter is read in a process of its own, which can be killed. A smaller one is not: a process costs some hundredths of a
second, and with 64 KiB even a time that grows with the square of the length comes to an end.
"""

from __future__ import annotations

import re

from reviewbot.mail import message
from reviewbot.mail.message import MailMessage
from reviewbot.model.errors import InputError
from reviewbot.support.patterns import pattern
from reviewbot.support.timeout import TooSlow, bounded, slow

_ORDINARY = 64 << 10  # bytes; a mail with a patch seldom has more than 40,000
_ID = pattern(rb"^Message-ID:[ \t]*(?:\r?\n[ \t]+)?<([!-;=?-~]{1,200})>", re.M | re.I)


def read_quarantined(raw: bytes, seconds: float | None = None) -> MailMessage:
    """Read one message, within `seconds`; None for no limit. Raises InputError where that fails or takes longer."""
    try:
        if seconds is None or len(raw) <= _ORDINARY:
            with bounded(seconds):
                return message.parse_message(raw)
        from reviewbot.support.workers import in_process  # takes a fiftieth of a second, which most mails need not wait

        return in_process(lambda: message.parse_message(raw), seconds)
    except TooSlow:
        why = slow(round(seconds or 0))
    except InputError as error:
        why = str(error)
    raise InputError(f"a mail{_named(raw)} {why}")


def _named(raw: bytes) -> str:
    """Its Message-ID with a blank before, found without parsing; "" where there is none."""
    found = _ID.search(raw, 0, _ORDINARY)
    return f" <{found[1].decode('ascii')}>" if found else ""
