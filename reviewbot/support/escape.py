"""Makes text from a mail safe to print, to put into a header, or to write as XML."""

from __future__ import annotations

import unicodedata

# control, format (bidi, zero width, tags), surrogate, line and paragraph separators
_UNSEEN = frozenset(("Cc", "Cf", "Cs", "Zl", "Zp"))


def visible(text: str) -> str:
    """Show every character that a terminal would act on, or not show, as an escape; tabs stay.

    Covers C0 and C1 controls, bidi overrides and isolates, U+2028 and U+2029; bytes that came in by
    surrogateescape read \\xNN.
    """
    if text.isascii() and text.replace("\t", " ").isprintable():
        return text
    return "".join(_escaped(char) if char != "\t" and _unseen(char) else char for char in text)


def printable(text: str) -> str:
    """Replace surrogates with \\xNN or \\uNNNN, so that the text encodes to valid UTF-8; the rest stays."""
    if text.isascii():
        return text
    return "".join(_escaped(char) if unicodedata.category(char) == "Cs" else char for char in text)


def xml(text: str) -> str:
    """Return the text as `visible` does, and escape U+FFFE and U+FFFF, which XML 1.0 cannot hold either."""
    return visible(text).replace("\ufffe", "\\ufffe").replace("\uffff", "\\uffff")


def raw(text: str) -> bytes:
    """The bytes that a text was decoded from with surrogateescape; surrogates that stand for no byte are escaped."""
    try:
        return text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return printable(text).encode()


def one_line(text: str) -> str:
    """The text on one line, for a header or a sentence: no line break, control or bidi character, single blanks."""
    whole = text.encode("utf-8", "surrogateescape" if _only_bytes(text) else "replace").decode("utf-8", "replace")
    kept = (" " if unicodedata.category(char) in ("Cc", "Zl", "Zp") else char for char in whole if not _format(char))
    return " ".join("".join(kept).split())


def clip(text: str, width: int) -> str:
    """Cut the text to `width` characters, the last three of them dots where it was longer."""
    return text if len(text) <= width else text[: width - 3] + "..."


def _only_bytes(text: str) -> bool:
    return all("\udc80" <= char <= "\udcff" for char in text if unicodedata.category(char) == "Cs")


def _unseen(char: str) -> bool:
    return unicodedata.category(char) in _UNSEEN


def _format(char: str) -> bool:
    return unicodedata.category(char) == "Cf"


def _escaped(char: str) -> str:
    code = ord(char)
    if 0xDC80 <= code <= 0xDCFF:
        return f"\\x{code - 0xDC00:02x}"
    if code <= 0xFF:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"
