"""Chooses the recipients of a reply and writes its header lines, in ASCII and safe from header injection.

They are not written by email.policy: that encodes a long message id in References as if it were a word (RFC 2047),
which breaks the thread, and its output depends on the charsets that other modules have registered.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from fnmatch import fnmatchcase
from typing import NamedTuple

from reviewbot.model.patch import Address, Mail
from reviewbot.support.ci_commands import orders
from reviewbot.support.escape import clip, one_line
from reviewbot.support.patterns import pattern

# of RFC 5322's dot-atom what no mail program, shell or alias file takes for more than a name: nothing that begins an
# option ("-f"), a command ("|cmd"), a file ("/file"), a list (":include:") or a route ("@host:"), nothing quoted
_LOCAL = r"(?=[^@]{1,64}@)[A-Za-z0-9_](?:[A-Za-z0-9_+\-='#/~]|\.(?![.@]))*"
_LABEL = r"[A-Za-z0-9_](?:[A-Za-z0-9_\-]{0,61}[A-Za-z0-9_])?"
_ADDRESS = pattern(rf"{_LOCAL}@(?=.{{1,255}}\Z)(?:{_LABEL}(?:\.{_LABEL})*|\[[0-9A-Za-z.:\-]{{2,64}}\])")
_ID = pattern(r"[!-;=?-~]{1,900}")
_PLAIN_NAME = pattern(r"[A-Za-z0-9!#$%&'*+\-/=?^_`{|}~ ]*")  # RFC 5322 atoms and blanks
# what may stand between quotes; with more in it a name is taken apart by mail programs that read quotes another way
_QUOTED_NAME = pattern(r"[A-Za-z0-9!#$%&'()*+,\-./:=?\[\]^_`{|}~ ]*")
_FOLD = 76
_LONGEST = 800  # of a subject or a name; RFC 5322 allows lines of 998 bytes


def usable_address(email: str) -> bool:
    """Whether an address is safe for a mail program: ASCII, one @, nothing that reads as an option, command or file.

    git send-email gives each to sendmail as an argument of its own, and a mail server may look it up in its aliases.
    """
    return _ADDRESS.fullmatch(email) is not None


def reachable_address(email: str) -> bool:
    """Whether a reply can go to an address: git send-email stops at one without a dot in its domain."""
    return usable_address(email) and "." in email.rpartition("@")[2]


def usable_id(message_id: str) -> bool:
    """Whether a message id, without its angle brackets, can stand in a header unchanged."""
    return _ID.fullmatch(message_id) is not None and not orders(f"<{message_id}")


class Recipients(NamedTuple):
    """Who gets a reply, and the addresses that were left out because reachable_address() refuses them."""

    to: tuple[Address, ...]
    cc: tuple[Address, ...]
    unreachable: tuple[str, ...]


def recipients(mail: Mail, own: str, policy: str, lists: Sequence[str]) -> Recipients:
    """To and Cc of a reply. To: Reply-To and always the author; Cc: the other recipients of the message.

    `policy`, a word of CC: all of them, only addresses that match a pattern of `lists`, or none. `own` is left out,
    and so is an address that reachable_address() refuses. No address comes twice.
    """
    first = (*mail.reply_to, mail.author)
    others = (*mail.to, *mail.cc) if policy != "none" else ()
    if policy == "list":
        others = tuple(other for other in others if is_list(other.email, lists))
    taken = {own.lower()}
    emails = (address.email for address in (*first, *others) if address.email)
    unreachable = dict.fromkeys(email for email in emails if not reachable_address(email))
    return Recipients(tuple(_fresh(first, taken)), tuple(_fresh(others, taken)), tuple(unreachable))


def is_list(email: str, lists: Sequence[str]) -> bool:
    """Whether an address matches one of the patterns, in which * stands for anything."""
    return any(fnmatchcase(email.lower(), pattern) for pattern in lists)


def reply_subject(subject: str) -> str:
    """The subject of a reply: that of the message with exactly one "Re: " before it, at most 804 characters."""
    rest = one_line(subject)
    while rest[:3].lower() == "re:":
        rest = rest[3:].lstrip()
    return f"Re: {clip(rest, _LONGEST)}".rstrip()


def text_field(name: str, text: str) -> str:
    """An unstructured header field, folded at 76 columns; encoded (RFC 2047) if it is no ASCII or has a longer word."""
    text = one_line(text)
    words = text.split(" ")
    if _ascii(text) and all(len(word) <= _FOLD - len(name) - 2 for word in words):
        return _folded(name, words)
    return _folded(name, list(_encoded(text)))


def address_field(name: str, addresses: Iterable[Address]) -> str:
    """A header field of addresses, one mailbox on each line."""
    return f"{name}: " + ",\n ".join(_mailbox(address) for address in addresses)


def id_field(name: str, ids: Iterable[str]) -> str:
    """A header field of message ids, one on each line, none of them folded or encoded."""
    return f"{name}: " + "\n ".join(f"<{message_id}>" for message_id in ids)


def _fresh(addresses: Iterable[Address], taken: set[str]) -> Iterator[Address]:
    for address in addresses:
        if reachable_address(address.email) and address.email.lower() not in taken:
            taken.add(address.email.lower())
            yield address


def _mailbox(address: Address) -> str:
    name = clip(one_line(address.name), 200)
    if not name or name == address.email:
        return address.email
    if not _ascii(name) or not _QUOTED_NAME.fullmatch(name):
        return "\n ".join((*_encoded(name), f"<{address.email}>"))
    shown = name if _PLAIN_NAME.fullmatch(name) else f'"{name}"'
    return f"{shown} <{address.email}>"


def _ascii(text: str) -> bool:
    """Whether a text needs no encoding: ASCII, without "=?", and without a CI command where a line may begin."""
    return text.isascii() and "=?" not in text and not any(orders(f" {word}") for word in text.split(" "))


def _encoded(text: str) -> Iterator[str]:
    """The text as encoded words (RFC 2047, Q encoding) that split no character and fit, with a name, 76 columns."""
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
