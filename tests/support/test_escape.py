"""What of a hostile text reaches a terminal, a JSON string or a header."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reviewbot.report.reply.wrap import wrap, wrapped
from reviewbot.support.escape import clip, one_line, printable, visible

ANY = st.text(st.characters(exclude_categories=()), max_size=80)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain\ttext", "plain\ttext"),
        ("Grüße, 漢字", "Grüße, 漢字"),
        ("\x1b[31mred\x07", "\\x1b[31mred\\x07"),
        ("a\rb\nc\x7f", "a\\x0db\\x0ac\\x7f"),
        ("c1 \x9b31m", "c1 \\x9b31m"),
        ("bidi \u202eevil\u2066", "bidi \\u202eevil\\u2066"),
        ("lines\u2028and\u2029more", "lines\\u2028and\\u2029more"),
        ("zero\u200bwidth\ufeff", "zero\\u200bwidth\\ufeff"),
        ("tag \U000e0041", "tag \\U000e0041"),
        (b"caf\xe9".decode("utf-8", "surrogateescape"), "caf\\xe9"),
        ("lone \ud800", "lone \\ud800"),
    ],
)
def test_visible(text, shown):
    assert visible(text) == shown


@given(ANY)
def test_visible_leaves_nothing_a_terminal_acts_on(text):
    assert all(
        char == "\t" or unicodedata.category(char) not in ("Cc", "Cf", "Cs", "Zl", "Zp") for char in visible(text)
    )


@given(ANY)
def test_printable_is_utf_8_and_changes_nothing_else(text):
    printable(text).encode("utf-8")
    if not any("\ud800" <= char <= "\udfff" for char in text):
        assert printable(text) == text


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("a\r\nBcc: evil@x.example", "a Bcc: evil@x.example"),
        ("  two   blanks\t", "two blanks"),
        ("\u202eright to left", "right to left"),
        ("Gr\udcc3\udcbc\udcdfe", "Grü\ufffde"),
        ("lone \ud800 one", "lone ? one"),
        ("nul\x00here", "nul here"),
    ],
)
def test_one_line(text, line):
    assert one_line(text) == line


@given(ANY)
def test_one_line_is_one_encodable_line(text):
    line = one_line(text)
    assert len(line.encode("utf-8").splitlines()) <= 1
    assert len(line.splitlines()) <= 1
    assert line == line.strip()
    assert one_line(line) == line


def test_clip():
    assert clip("12345", 5) == "12345"
    assert clip("123456", 5) == "12..."


def test_fill_keeps_paragraphs_and_what_is_indented():
    text = "One word after the other, " * 5 + "\n\n  kept   as\n  it is\n\nLast one,\nbroken by hand."
    lines = wrapped(text)
    assert lines[-1] == "Last one, broken by hand."
    assert lines[-4:-2] == ["  kept   as", "  it is"]
    assert all(len(line) <= 72 for line in lines)


def test_fill_breaks_no_long_word():
    url = "https://lists.example/" + "x" * 90
    assert url in wrapped(f"Said at length in {url} before.")


@given(ANY)
def test_fill_is_never_a_quote_or_too_wide(text):
    for line in wrapped(text):
        assert not line.startswith((">", "From "))
        assert len(line) <= 72 or " " not in line.strip()


def test_wrap_keeps_the_indentation():
    lines = wrap("    " + "word " * 30)
    assert len(lines) > 1
    assert all(line.startswith("    word") and len(line) <= 72 for line in lines)
