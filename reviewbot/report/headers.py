"""A patch's mail in, who hears the reply and its header lines out, in ASCII and with nothing to inject.

Written by hand, not by email.policy: that encodes a long message id in References as if it were a
word (RFC 2047), which breaks the thread, and its output depends on what other modules registered
as charsets.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from email.utils import quote
from fnmatch import fnmatchcase

from reviewbot.model import Address, Mail
from reviewbot.patterns import pattern
from reviewbot.report.escape import clip, one_line

CC = ("all", "list", "none")
# RFC 5321, no quoted local part; a dot stands between two other characters (RFC 5322 dot-atom)
_ADDRESS = pattern(r"(?!\.)(?:[!#-'*+\-/0-9=?A-Z^_`a-z{|}~]|\.(?![.@])){1,64}@[0-9A-Za-z\-._:\[\]]{1,255}")
_ID = pattern(r"[!-;=?-~]{1,900}")
_PLAIN_NAME = pattern(r"[A-Za-z0-9!#$%&'*+\-/=?^_`{|}~ ]*")  # RFC 5322 atoms and blanks
_FOLD = 76
_LONGEST = 800  # of a subject or a name; RFC 5322 allows lines of 998 bytes


def usable_address(email: str) -> bool:
    """An address that can stand in a header as it is: ASCII, one @, no blanks, no angle brackets.

    One that looks like an encoded word (RFC 2047) is none: readers take it for one, and some stumble over it.
    """
    return _ADDRESS.fullmatch(email) is not None and "=?" not in email


def usable_id(message_id: str) -> bool:
    """A message id, without its angle brackets, that can stand in a header as it is."""
    return _ID.fullmatch(message_id) is not None


def recipients(
    mail: Mail, own: str, policy: str, lists: Sequence[str]
) -> tuple[tuple[Address, ...], tuple[Address, ...]]:
    """To and Cc of a reply: Reply-To and always the author; then who else got the mail, without `own`.

    `policy` is a word of CC: everybody, only the addresses that match a pattern of `lists`, or nobody.
    Nobody is named twice; an address that cannot stand in a header is left out.
    """
    taken = {own.lower()}
    to = tuple(_fresh((*mail.reply_to, mail.author), taken))
    others = tuple(_fresh((*mail.to, *mail.cc), taken))
    if policy == "list":
        others = tuple(other for other in others if _is_list(other.email, lists))
    return to, others if policy != "none" else ()


def reply_subject(subject: str) -> str:
    """The subject of a reply: one "Re: " before what the mail said."""
    rest = one_line(subject)
    while rest[:3].lower() == "re:":
        rest = rest[3:].lstrip()
    return f"Re: {clip(rest, _LONGEST)}".rstrip()


def text_field(name: str, text: str) -> str:
    """An unstructured header, folded, encoded by RFC 2047 where ASCII or the width does not do."""
    text = one_line(text)
    words = text.split(" ")
    if _ascii(text) and all(len(word) <= _FOLD - len(name) - 2 for word in words):
        return _folded(name, words)
    return _folded(name, list(_encoded(text)))


def address_field(name: str, addresses: Iterable[Address]) -> str:
    """An address header, one mailbox a line."""
    return f"{name}: " + ",\n ".join(_mailbox(address) for address in addresses)


def id_field(name: str, ids: Iterable[str]) -> str:
    """A header of message ids, one a line, none of them ever broken."""
    return f"{name}: " + "\n ".join(f"<{message_id}>" for message_id in ids)


def _fresh(addresses: Iterable[Address], taken: set[str]) -> Iterator[Address]:
    for address in addresses:
        if usable_address(address.email) and address.email.lower() not in taken:
            taken.add(address.email.lower())
            yield address


def _is_list(email: str, lists: Sequence[str]) -> bool:
    return any(fnmatchcase(email.lower(), pattern) for pattern in lists)


def _mailbox(address: Address) -> str:
    name = clip(one_line(address.name), 200)
    if not name or name == address.email:
        return address.email
    if not _ascii(name):
        return "\n ".join((*_encoded(name), f"<{address.email}>"))
    shown = name if _PLAIN_NAME.fullmatch(name) else f'"{quote(name)}"'
    return f"{shown} <{address.email}>"


def _ascii(text: str) -> bool:
    """Needs no encoding, and would not be taken for encoded either."""
    return text.isascii() and "=?" not in text


def _encoded(text: str) -> Iterator[str]:
    """The text as encoded words of RFC 2047, Q encoding, none breaking a character or, beside a name, 76 columns."""
    word = ""
    for char in text:
        coded = char if char.isascii() and char.isalnum() else "".join(f"={byte:02X}" for byte in char.encode())
        coded = "_" if char == " " else coded
        if len(word) + len(coded) > 54:
            yield f"=?utf-8?q?{word}?="
            word = ""
        word += coded
    yield f"=?utf-8?q?{word}?="


def _folded(name: str, words: list[str]) -> str:
    lines = [f"{name}:"]
    for word in words:
        if len(lines[-1]) + 1 + len(word) > _FOLD and lines[-1] != f"{name}:":
            lines.append("")
        lines[-1] += f" {word}"
    return "\n".join(lines)
