"""Text out of a mail in, text that is safe to print or to put into a header out."""

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
    """The text with surrogates as \\xNN or \\uNNNN, so that it encodes to valid UTF-8; the rest as it is."""
    if text.isascii():
        return text
    return "".join(_escaped(char) if unicodedata.category(char) == "Cs" else char for char in text)


def xml(text: str) -> str:
    """The text as `visible` has it, without the two characters more that XML 1.0 cannot hold."""
    return visible(text).replace("\ufffe", "\\ufffe").replace("\uffff", "\\uffff")


def raw(text: str) -> bytes:
    """The bytes that a text was decoded from; surrogates that stand for no byte are shown escaped."""
    try:
        return text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return printable(text).encode()


def one_line(text: str) -> str:
    """The text for a header or a sentence: no line break, no control, no bidi, single blanks between words."""
    whole = text.encode("utf-8", "surrogateescape" if _only_bytes(text) else "replace").decode("utf-8", "replace")
    kept = (" " if unicodedata.category(char) in ("Cc", "Zl", "Zp") else char for char in whole if not _format(char))
    return " ".join("".join(kept).split())


def clip(text: str, width: int) -> str:
    """The first `width` characters, with dots where more stood."""
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
