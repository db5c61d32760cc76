"""Chooses the Content-Transfer-Encoding of a body and encodes it."""

from __future__ import annotations

from reviewbot.support.ci_commands import MAIL, disarmed, orders

_WIDTH = 75  # columns of quoted-printable, without the mark of a line that goes on


def encoded(body: bytes) -> tuple[str, bytes]:
    """The name of the encoding, and the body in it: unchanged if 7bit or 8bit allows that, else quoted-printable.

    These have no NUL, no CR and no line over 998 bytes (RFC 5322, 2.1.1; RFC 2045, 2.7 and 2.8). What a CI that prints
    the drafts would take for a command is encoded, too.
    """
    lines = body.split(b"\n")
    if b"\0" in body or b"\r" in body or max(map(len, lines)) > 998 or orders(body.decode("latin-1")):
        quoted = b"\n".join(map(_printable, lines))
        return "quoted-printable", disarmed(quoted.decode("ascii"), MAIL).encode("ascii")
    return ("7bit" if body.isascii() else "8bit"), body


def _printable(line: bytes) -> bytes:
    """A line in quoted-printable (RFC 2045, 6.7), in which every colon is encoded.

    git send-email reads the encoded body: a line that is broken before "Cc: " would add a recipient.
    """
    rows, row = [], b""
    for at, byte in enumerate(line):
        plain = (32 < byte < 127 and byte not in b"=:") or (byte in b" \t" and at + 1 < len(line))
        coded = bytes((byte,)) if plain else b"=%02X" % byte
        if len(row) + len(coded) > _WIDTH:
            rows.append(row + b"=")
            row = b""
        row += coded
    return b"\n".join((*rows, row))
