"""Shows a draft as plain text, and makes a mail of that text again when somebody has edited it.

The text has the header decoded and the body without its transfer encoding; the fields that say how a body is encoded
are left out, and set when the mail is made. A field that nobody touched goes back as it was, byte by byte.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from email.message import Message
from email.parser import BytesHeaderParser, BytesParser
from email.policy import compat32

from msgspec import Struct

from reviewbot.mail import headers
from reviewbot.model.errors import UsageError
from reviewbot.model.patch import Address
from reviewbot.report.reply import transfer_encoding
from reviewbot.report.reply.headers import address_field, reachable_address, text_field
from reviewbot.support.escape import clip, visible

_LARGEST = 1_000_000  # bytes that an editor may leave: a reply is read by people
_MOST_FIELDS = 200
_CODED = ("mime-version", "content-type", "content-transfer-encoding")
_PEOPLE = ("from", "to", "cc", "bcc", "reply-to", "sender")
_FIXED = ("message-id", "in-reply-to", "references")
_NEEDED = ("from", "to", "subject", *_FIXED[:2])
_FIELD = re.compile(r"([!-9;-~]{1,100}):[ \t]*(.*)", re.S)
_MIME = "MIME-Version: 1.0\nContent-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: "


class BrokenMail(UsageError):
    """What somebody left in the editor is no mail that can be sent; the text says what is wrong."""


class EditedMail(Struct, frozen=True):
    """A mail that was edited, and `notes`: changes that whoever made them should know of."""

    content: bytes
    notes: tuple[str, ...] = ()


def header_of(mail: bytes) -> Message:
    """The header of a mail."""
    return BytesHeaderParser(policy=compat32).parsebytes(mail)


def plain_text(mail: bytes) -> bytes:
    """The text that stands for a mail: its header in UTF-8, a blank line, and its body as it was written."""
    shown = "".join(f"{_shown(*one)}\n" for one in _fields(mail) if one[0].lower() not in _CODED)
    return f"{shown}\n".encode("utf-8", "surrogateescape") + body_of(mail)


def body_of(mail: bytes) -> bytes:
    """The body without its transfer encoding."""
    found = BytesParser(policy=compat32).parsebytes(mail).get_payload(decode=True)
    return found if isinstance(found, bytes) else b""


def between_commas(value: str) -> list[str]:
    """The parts of a field of addresses: what stands between the commas that are in no quotes."""
    found, quoted, escaped = [""], False, False
    for char in value:
        if char == "," and not quoted:
            found.append("")
            continue
        found[-1] += char
        if char == '"' and not escaped:
            quoted = not quoted
        escaped = char == "\\" and not escaped
    return found


def edited_mail(text: bytes, before: bytes) -> EditedMail:
    """The mail that a text stands for. `before`: the mail that it was made of. Raises BrokenMail."""
    if len(text) > _LARGEST:
        raise BrokenMail(f"it is larger than {_LARGEST} bytes")
    if text.partition(b"\n")[0].endswith(b"\r"):  # an editor that writes such ends of lines
        text = text.replace(b"\r\n", b"\n")
    head, blank, body = text.partition(b"\n\n")
    given = _read(head.decode("utf-8", "surrogateescape"))
    if not blank or not body.strip():
        raise BrokenMail("there is no text below the header: a blank line ends the header")
    old = _Old(before)
    _check(given, old)
    lines = [line for name, value in given if (line := old.raw(name, value) or _written(name, value))]
    encoding, coded = transfer_encoding.encoded(body if body.endswith(b"\n") else body + b"\n")
    content = "\n".join((*lines, f"{_MIME}{encoding}")).encode("utf-8", "surrogateescape") + b"\n\n" + coded
    return EditedMail(content, tuple(_notes(given, old)))


class _Old:
    """The fields of the mail before."""

    def __init__(self, mail: bytes) -> None:
        self._raw: dict[str, list[tuple[str, str]]] = {}
        for name, raw in _fields(mail):
            value = _split(_shown(name, raw))[1]
            self._raw.setdefault(name.lower(), []).append((value, f"{name}:{raw}"))

    def value(self, name: str) -> str:
        """What a field said, "" where there was none."""
        return " ".join(next((value for value, _ in self._raw.get(name, ())), "").split())

    def raw(self, name: str, value: str) -> str:
        """A field as it stood in the mail, "" unless it says the same."""
        return next((raw for said, raw in self._raw.get(name.lower(), ()) if said == value), "")


def _fields(mail: bytes) -> Iterator[tuple[str, str]]:
    """The names of the header's fields, and what stands behind the colon, with its line breaks."""
    head = mail.partition(b"\n\n")[0].decode("utf-8", "surrogateescape")
    for line in re.split(r"\n(?![ \t])", head):
        name, colon, raw = line.partition(":")
        if colon:
            yield name, raw


def _shown(name: str, raw: str) -> str:
    """A field as it is read: decoded, addresses and ids each on a line of its own."""
    plain = header_of(f"{name}:{raw}\n\n".encode("utf-8", "surrogateescape"))
    key = name.lower()
    if key in _PEOPLE:
        return f"{name}: " + ",\n ".join(map(_mailbox, headers.addresses(plain, key)))
    if key in _FIXED:
        return f"{name}: " + "\n ".join(raw.split())
    return f"{name}: {visible(headers.decoded_words(headers.header(plain, key)))}"


def _mailbox(address: Address) -> str:
    name = address.name
    if not name:
        return address.email
    quoted = re.search(r'[()<>\[\]:;@\\,."]', name) is not None
    escaped = re.sub(r'(["\\])', r"\\\1", name)
    shown = f'"{escaped}"' if quoted else name
    return f"{shown} <{address.email}>"


def _read(head: str) -> list[tuple[str, str]]:
    """The fields of an edited header. Raises BrokenMail for a line that is none."""
    found: list[tuple[str, str]] = []
    lines = re.split(r"\n(?![ \t])", head)
    if len(lines) > _MOST_FIELDS:
        raise BrokenMail(f"its header has more than {_MOST_FIELDS} fields")
    for line in lines:
        if not _FIELD.fullmatch(line):
            told = visible(clip(line.partition("\n")[0], 60))
            raise BrokenMail(f"{told!r} is no field of a header; a blank line ends the header")
        name, value = _split(line)
        if name.lower() not in _CODED:
            found.append((name, value))
    return found


def _split(line: str) -> tuple[str, str]:
    found = _FIELD.fullmatch(line)
    return (found[1], found[2].rstrip()) if found else ("", "")


def _check(given: Sequence[tuple[str, str]], old: _Old) -> None:
    """Raise BrokenMail for a header that no mail may have, or that would leave its thread."""
    seen: dict[str, str] = {}
    for name, value in given:
        key = name.lower()
        if key in seen and key in (*_PEOPLE, *_FIXED, "subject", "date"):
            raise BrokenMail(f"{name} stands there twice")
        seen[key] = value
        if key in _PEOPLE and value.strip():
            _addresses(name, value)
    if seen.get("bcc", "").strip():
        raise BrokenMail("Bcc would be shown to everybody by git send-email: set sendemail.bcc in git's settings")
    missing = [name for name in _NEEDED if not seen.get(name, "").strip()]
    if missing:
        raise BrokenMail(f"{_spelled(missing[0])} is missing")
    for name in _FIXED:
        if " ".join(seen.get(name, "").split()) != old.value(name):
            raise BrokenMail(f"{_spelled(name)} was changed: the mail would not be the answer that it is")


def _spelled(key: str) -> str:
    return {"message-id": "Message-ID"}.get(key, key.title())


def _notes(given: Sequence[tuple[str, str]], old: _Old) -> Iterator[str]:
    values: Mapping[str, str] = {name.lower(): " ".join(value.split()) for name, value in given}
    if values.get("from", "") != old.value("from"):
        yield f"it is from {values.get('from', '')} now, and was from {old.value('from')}"


def _written(name: str, value: str) -> str:
    """A field that was edited, as a mail has it."""
    if name.lower() in _PEOPLE:
        return address_field(name, _addresses(name, value)) if value.strip() else ""
    return text_field(name, value)


def _addresses(name: str, value: str) -> tuple[Address, ...]:
    """The addresses of an edited field. Raises BrokenMail where one cannot be handed to a mail program."""
    found = headers.addresses(header_of(f"{name}: {value}\n\n".encode("utf-8", "surrogateescape")), name.lower())
    wrong = next((one.email for one in found if not reachable_address(one.email)), None)
    if wrong is not None or not found:
        said = visible(clip(wrong if wrong is not None else value, 60))
        raise BrokenMail(f"{name}: {said!r} is no address that a mail can be sent to")
    if len(found) != sum(1 for piece in between_commas(value) if piece.strip()):
        raise BrokenMail(f"{name}: not all of it can be read as addresses, separated by commas")
    return found
