"""The text of a drafted mail, taken out and put in again: nothing else of the mail changes."""

from __future__ import annotations

import email

import pytest
from hypothesis import given
from hypothesis import strategies as st

from report_cases import ALLOC, only, review, reviewed
from reviewbot.drafts.page.body_text import body_text, editable_text, header_bytes, with_text
from reviewbot.model.errors import UsageError
from reviewbot.support.escape import visible

MAIL = only(review(reviewed([ALLOC]))).content
SHOWN = st.text(
    st.characters(exclude_categories=("Cc", "Cf", "Cs", "Zl", "Zp"), include_characters="\n\t"), max_size=200
)


def test_a_draft_can_be_edited():
    text = editable_text(MAIL)
    assert text.startswith("On Tue, 3 Mar 2026") and text.endswith("\n")
    assert with_text(MAIL, text) == MAIL


@given(SHOWN.filter(str.strip))
def test_what_is_put_in_comes_out(text):
    made = with_text(MAIL, text)
    assert editable_text(made) == text.rstrip("\n") + "\n"
    before, after = (dict(email.message_from_bytes(one).items()) for one in (MAIL, made))
    encoding = after.pop("Content-Transfer-Encoding")
    assert before.pop("Content-Transfer-Encoding") and encoding in ("7bit", "8bit", "quoted-printable")
    assert before == after


@given(st.binary(max_size=300))
def test_no_mail_is_too_broken(mail):
    """What somebody made of it in an editor may be anything."""
    try:
        text = editable_text(mail)
    except UsageError:
        return
    assert all(visible(row) == row for row in text.split("\n"))
    assert body_text(with_text(mail, text + "x")) == text + "x\n"


def test_a_long_line_is_encoded_and_comes_back():
    text = "a:" * 100_000 + "\n"
    made = with_text(MAIL, text)
    assert b"Content-Transfer-Encoding: quoted-printable" in made and max(map(len, made.split(b"\n"))) < 200
    assert editable_text(with_text(made, text)) == text
    assert b"Content-Transfer-Encoding: 7bit" in with_text(made, "short\n")


def test_a_header_is_not_written_by_a_text():
    made = with_text(MAIL, "Cc: a@example.org\n\nBcc: b@example.org\n")
    assert header_bytes(made) == header_bytes(MAIL)


@pytest.mark.parametrize("char", ["\u202e", "\u200b", "\0", "\r", "\x1b", "\u2028", "\udcff"])
def test_what_a_page_would_not_keep_is_refused(char):
    mail = with_text(MAIL, f"one\ntwo {char}x\n")
    with pytest.raises(UsageError, match="line 2 of its text has characters that a page would not show or keep"):
        editable_text(mail)


@pytest.mark.parametrize(
    ("header", "reason"),
    [
        (b"Content-Type: text/html", "not one plain text"),
        (b"Content-Type: multipart/mixed; boundary=x", "not one plain text"),
        (b"Content-Type: text/plain; charset=latin-1", "charset is not UTF-8"),
        (b"Content-Type: text/plain; charset=utf-16", "charset is not UTF-8"),
    ],
)
def test_another_kind_of_mail_is_not_edited(header, reason):
    with pytest.raises(UsageError, match=reason):
        editable_text(b"Subject: a\n" + header + b"\n\n--x\n\nText.\n--x--\n")


def test_an_empty_text_is_refused():
    with pytest.raises(UsageError, match="the text is empty"):
        with_text(MAIL, " \n\n")


def test_what_the_header_lacks_is_added():
    made = with_text(b"Subject: a\r\nTo: b@c\r\n\r\nOld.\r\n", "\u00e4\n")
    assert made.split(b"\n\n")[0].split(b"\n") == [
        b"Subject: a",
        b"To: b@c",
        b"Content-Transfer-Encoding: 8bit",
        b"MIME-Version: 1.0",
        b"Content-Type: text/plain; charset=utf-8",
    ]
    assert editable_text(made) == "\u00e4\n"
