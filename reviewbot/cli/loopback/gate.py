"""Decides which requests are heard at all: those of a page that this server has sent, in a browser of this machine.

A page of somebody else can make a browser send a request here, but not choose its Host and Origin; a name of somebody
else that leads to 127.0.0.1 (DNS rebinding) comes as another Host.
"""

from __future__ import annotations

from collections.abc import Collection
from email.message import Message

LARGEST = 2_000_000  # bytes of a form: its text may take three for each
FORM = "application/x-www-form-urlencoded"


def gate_refusal(command: str, headers: Message, names: Collection[str]) -> tuple[int, str] | None:
    """The status and the reason for which a request is refused, None where it is heard.

    `names`: what the server may be called in a Host header.
    """
    hosts = headers.get_all("Host", [])
    if len(hosts) != 1 or hosts[0] not in names:
        return 403, "this server has another name: use the address that reviewbot has printed"
    if command == "GET":
        return None
    if headers.get_all("Origin", []) != [f"http://{hosts[0]}"]:
        return 403, "this form is of another site"
    if headers.get_all("Sec-Fetch-Site", ["same-origin"]) != ["same-origin"]:
        return 403, "this form is of another site"
    if headers.get_content_type() != FORM:
        return 415, "this is no form"
    return _length_refusal(headers)


def _length_refusal(headers: Message) -> tuple[int, str] | None:
    lengths = headers.get_all("Content-Length", [])
    if len(lengths) != 1 or "Transfer-Encoding" in headers:
        return 411, "a form says how long it is"
    if not (lengths[0].isascii() and lengths[0].isdecimal()):
        return 400, "this is no length"
    return (413, "the text is too long") if len(lengths[0]) > len(str(LARGEST)) or int(lengths[0]) > LARGEST else None
