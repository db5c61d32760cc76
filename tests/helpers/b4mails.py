"""A patch mail as git writes it in; the same mail in other codings, and as b4 hands it to a check, out."""

from __future__ import annotations

import email
import email.policy
import quopri
import re
from base64 import encodebytes
from email.mime.multipart import MIMEMultipart
from email.mime.text import MIMEText

_CODING = re.compile(rb"^(?:MIME-Version|Content-\S+):.*\n", re.M | re.I)


def _cut(mail: bytes) -> tuple[bytes, bytes]:
    head, _, body = mail.partition(b"\n\n")
    return _CODING.sub(b"", head + b"\n"), body


def _single(mail: bytes, coding: str, encode) -> bytes:
    head, body = _cut(mail)
    mime = f"MIME-Version: 1.0\nContent-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: {coding}\n\n"
    return head + mime.encode() + encode(body)


def quoted_printable(mail: bytes) -> bytes:
    return _single(mail, "quoted-printable", quopri.encodestring)


def base64(mail: bytes) -> bytes:
    return _single(mail, "base64", encodebytes)


def eight_bit(mail: bytes) -> bytes:
    return _single(mail, "8bit", bytes)


def _multi(mail: bytes, *parts: MIMEText) -> bytes:
    head, _ = _cut(mail)
    whole = MIMEMultipart("mixed")
    for part in parts:
        whole.attach(part)
    return head + whole.as_bytes()


def multipart(mail: bytes) -> bytes:
    """The patch as text, with an attachment that is none."""
    note = MIMEText("nothing of the patch\n", "plain", "utf-8")
    note.add_header("Content-Disposition", "attachment", filename="note.asc")
    return _multi(mail, MIMEText(_cut(mail)[1].decode(), "plain", "utf-8"), note)


def attached(mail: bytes) -> bytes:
    """The patch as an attachment, below some words."""
    patch = MIMEText(_cut(mail)[1].decode(), "x-patch", "utf-8")
    patch.add_header("Content-Disposition", "attachment", filename="0001-exfoo.patch")
    return _multi(mail, MIMEText("Hello,\n\nhere it is.\n", "plain", "utf-8"), patch)


CODINGS = {
    "8bit": eight_bit,
    "quoted-printable": quoted_printable,
    "base64": base64,
    "multipart": multipart,
    "attached": attached,
}


def handed_over(mail: bytes) -> bytes:
    """A mail of one part as b4 0.16 gives it to a check: decoded, below the headers of what it was before."""
    message = email.message_from_bytes(mail, policy=email.policy.compat32)
    head = b"".join(f"{name}: {value}\n".encode("utf-8", "surrogateescape") for name, value in message.raw_items())
    return head + b"\n" + message.get_payload(decode=True)
