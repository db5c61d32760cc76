"""Takes the text out of a drafted mail, and puts another text into it; its header stays as it is."""

from __future__ import annotations

import email
import re

from reviewbot.mail.body import Policy
from reviewbot.model.errors import UsageError
from reviewbot.report.reply.transfer_encoding import encoded
from reviewbot.support.escape import visible

_END = re.compile(rb"\r?\n\r?\n")  # of a header
_ENCODING = re.compile(rb"^Content-Transfer-Encoding:.*(?:\n[ \t].*)*", re.I | re.M)
_TYPE = re.compile(rb"^Content-Type:", re.I | re.M)
_PROBE = "?\n"
_CHARSETS = (None, "utf-8", "us-ascii")


def header_bytes(mail: bytes) -> bytes:
    """The header of a mail, without the blank line below it."""
    end = _END.search(mail)
    return mail if end is None else mail[: end.start()]


def body_text(mail: bytes) -> str:
    """The text of a mail; bytes in it that are no UTF-8 become surrogates.

    Raises UsageError where it is more than one plain text, as after an edit by hand.
    """
    message = email.message_from_bytes(mail, policy=Policy())
    if message.is_multipart() or message.get_content_type() != "text/plain":
        raise UsageError("it is not one plain text")
    content = message.get_payload(decode=True)
    assert isinstance(content, bytes)
    return content.decode("utf-8", "surrogateescape").replace("\r\n", "\n")


def editable_text(mail: bytes) -> str:
    """The same where a form of a page keeps it as it is.

    Raises UsageError where it does not: for what is no UTF-8 or in another charset, and for characters that nobody
    sees, or that turn the text around.
    """
    text = body_text(mail)
    if body_text(with_text(mail, _PROBE)) != _PROBE:
        raise UsageError("its header is not one that a text could be put below")
    charset = email.message_from_bytes(header_bytes(mail) + b"\n\n", policy=Policy()).get_content_charset()
    if charset not in _CHARSETS:
        raise UsageError("its charset is not UTF-8")
    for at, row in enumerate(text.split("\n"), 1):
        if visible(row) != row:
            raise UsageError(f"line {at} of its text has characters that a page would not show or keep")
    return text


def with_text(mail: bytes, text: str) -> bytes:
    """The mail with another text. Raises UsageError where there is nothing in it."""
    if not text.strip():
        raise UsageError("the text is empty")
    name, body = encoded((text.rstrip("\n") + "\n").encode("utf-8", "surrogateescape"))
    header = header_bytes(mail).replace(b"\r\n", b"\n")
    line = f"Content-Transfer-Encoding: {name}".encode()
    header, there = _ENCODING.subn(line, header, 1)
    if not there:
        header += b"\n" + line
    if not _TYPE.search(header):
        header += b"\nMIME-Version: 1.0\nContent-Type: text/plain; charset=utf-8"
    return header + b"\n\n" + body
