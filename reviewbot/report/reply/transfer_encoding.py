"""The body of a mail in; how it travels, and its bytes that way, out."""

from __future__ import annotations

from reviewbot.support.ci_commands import MAIL, disarmed, orders

_WIDTH = 75  # columns of quoted-printable, without the mark of a line that goes on


def encoded(body: bytes) -> tuple[str, bytes]:
    """The name of the encoding, and the body in it: as it is, unless it has what no line of 7bit or 8bit may have.

    RFC 5322, 2.1.1, and RFC 2045, 2.7 and 2.8; or what a CI that prints the drafts would take for a command.
    """
    lines = body.split(b"\n")
    if b"\0" in body or b"\r" in body or max(map(len, lines)) > 998 or orders(body.decode("latin-1")):
        quoted = b"\n".join(map(_printable, lines))
        return "quoted-printable", disarmed(quoted.decode("ascii"), MAIL).encode("ascii")
    return ("7bit" if body.isascii() else "8bit"), body


def _printable(line: bytes) -> bytes:
    """A line of quoted-printable (RFC 2045, 6.7), in which every colon is encoded.

    git send-email reads a body as it travels: a line that is broken before "Cc: " would name one more to send it to.
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
