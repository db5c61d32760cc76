"""One mail in, its headers, message and diff out: codings, line ends, attachments, lookalikes."""

from __future__ import annotations

import base64
import quopri

import pytest

from letters import diff, mail, patch
from reviewbot.mail import headers as mailhead
from reviewbot.mail.body import unix_lines
from reviewbot.mail.message import parse_message
from reviewbot.model.patch import Address
from reviewbot.patch import extract

PLAIN = f"Why.\n---\n a.c | 1 +\n\n{diff()}-- \n2.43.0\n\n"
HUNGARIAN = diff(line='name = "Tükör"')


def coded(body, encoding="8bit", kind="text/plain; charset=utf-8", subject="[PATCH] x"):
    head = mail(subject, "", "one", extra=f"Content-Type: {kind}\nContent-Transfer-Encoding: {encoding}\n")
    return head + body


# --- codings ---


@pytest.mark.parametrize(
    ("charset", "python"),
    [
        ("utf-8", "utf-8"),
        ("UTF-8", "utf-8"),
        ("iso-8859-1", "latin-1"),
        ("windows-1252", "cp1252"),
        ("us-ascii", "utf-8"),
        ("x-unknown", "utf-8"),
        ("unicode_escape", "utf-8"),
        ("raw-unicode-escape", "utf-8"),
        ("base64", "utf-8"),
        ('"nul\0"', "utf-8"),
    ],
)
@pytest.mark.parametrize("encoding", ["8bit", "base64", "quoted-printable", "x-uuencoded-badly"])
def test_charsets_and_transfer_encodings(charset, python, encoding):
    body = f"Why.\n---\n{HUNGARIAN}".encode(python)
    if encoding == "base64":
        body = base64.encodebytes(body)
    if encoding == "quoted-printable":
        body = quopri.encodestring(body)
    letter = parse_message(coded(body, encoding, f"text/plain; charset={charset}"))
    assert letter.diff == HUNGARIAN
    assert not letter.notes


def test_a_cyrillic_charset():
    body = f"Почему.\n---\n{diff(line='имя = 1')}"
    letter = parse_message(coded(body.encode("koi8-r"), kind="text/plain; charset=koi8-r"))
    assert letter.message == "Почему."
    assert "+имя = 1;" in letter.diff


@pytest.mark.parametrize(
    ("kind", "notes"), [("text/plain", 0), ("text/plain; charset=utf-8", 1), ("text/plain; charset=x-no", 1)]
)
def test_bytes_of_no_known_charset_survive(kind, notes):
    body = PLAIN.encode().replace(b"kept", b"k\xe9pt\x80")
    letter = parse_message(coded(body, kind=kind))
    assert b"+k\xe9pt\x80 = 1;\n" in letter.diff.encode("utf-8", "surrogateescape")
    assert len(letter.notes) == notes


def test_a_charset_whose_bytes_are_utf8_after_all():
    letter = parse_message(coded(HUNGARIAN.replace("ü", "Ё\u0081").encode(), kind="text/plain; charset=windows-1252"))
    assert "TЁ" in letter.diff
    assert not letter.notes


# --- line ends ---


def test_crlf_of_the_transport_goes():
    assert parse_message(patch("[PATCH] x").replace(b"\n", b"\r\n")).diff == diff()


def test_crlf_of_a_base64_body_goes():
    letter = parse_message(coded(base64.encodebytes(PLAIN.replace("\n", "\r\n").encode()), "base64"))
    assert letter.diff == diff()


def test_crlf_of_the_file_stays():
    change = diff().replace("kept = 1;", "kept = 1;\r")
    assert parse_message(coded(PLAIN.replace(diff(), change).encode())).diff == change
    both = PLAIN.replace(diff(), change).replace("\n", "\r\n").encode()
    assert parse_message(coded(both)).diff == change


def test_crlf_of_the_transport_goes_where_a_list_adds_a_footer_of_its_own():
    assert parse_message(coded(PLAIN.replace("\n", "\r\n").encode() + b"_____\nlist\n")).diff == diff()


def test_form_feeds_and_lone_crs_stay():
    change = diff(line="a\x0cb\x0bc\x1cd\x85e\u2028f\rg")
    assert parse_message(coded(("Why.\n---\n" + change).encode())).diff == change
    assert unix_lines("a\rb\r\r\n") == "a\rb\r\n"


# --- format=flowed ---


def flowed(body, more=""):
    return parse_message(coded(body.encode(), kind=f"text/plain; charset=utf-8; format=flowed{more}"))


def test_flowed_and_stuffed():
    stuffed = "".join(" " + line if line.startswith(" ") else line for line in PLAIN.splitlines(keepends=True))
    assert flowed(stuffed).diff == diff()


def test_flowed_in_name_only():
    letter = flowed(PLAIN)
    assert letter.diff == diff()
    assert letter.message == "Why."


def test_flowed_paragraphs_and_wrapped_lines_are_joined():
    long = diff(line="call(first, second)")
    letter = flowed("One long \nsentence.\n\n---\n" + long.replace("second", "\nsecond"))
    assert letter.message == "One long sentence."
    assert letter.diff == long
    assert flowed("One long wo \nrd.\n", "; delsp=yes").message == "One long word."


# --- parts ---


def parts(*bodies, kind="mixed"):
    out = "".join(f"--cut\n{head}\n\n{body}\n" for head, body in bodies)
    return mail("[PATCH] x", f"{out}--cut--\n", "one", extra=f'Content-Type: multipart/{kind}; boundary="cut"\n')


TEXT = "Content-Type: text/plain; charset=utf-8"


@pytest.mark.parametrize(
    "head",
    [
        "Content-Type: text/x-patch; charset=utf-8\nContent-Disposition: inline; filename=a.patch",
        "Content-Type: text/x-diff",
        'Content-Type: application/octet-stream; name="a.diff"',
        "Content-Type: text/plain\nContent-Disposition: attachment; filename*=utf-8''a.patch",
    ],
)
def test_a_patch_that_is_attached(head):
    letter = parse_message(parts((TEXT, "Please look.\n"), (head, PLAIN)))
    assert letter.diff == diff()
    assert letter.message == "Please look."


def test_the_patch_in_the_text_wins_and_others_are_named():
    letter = parse_message(parts((TEXT, PLAIN), ("Content-Type: text/x-patch; name=b.patch", diff("b"))))
    assert letter.diff == diff()
    assert [one.reason for one in letter.notes] == [
        "the attachment b.patch holds a further diff: only the first was read"
    ]


def test_alternatives_take_the_plain_text():
    letter = parse_message(
        parts((TEXT, PLAIN), ("Content-Type: text/html", f"<pre>{diff('b')}</pre>"), kind="alternative")
    )
    assert letter.diff == diff()
    assert not letter.notes


def test_a_signed_mail():
    sign = ("Content-Type: application/pgp-signature; name=signature.asc", "-----BEGIN PGP SIGNATURE-----\n")
    assert parse_message(parts((TEXT, PLAIN), sign, kind="signed")).diff == diff()


def test_html_alone():
    letter = parse_message(coded(b"<pre>" + diff().encode(), kind="text/html"))
    assert letter.html
    assert not letter.diff


# --- where the diff begins and ends ---

MOVED = "diff --git a/a.c b/b.c\nsimilarity index 100%\nrename from a.c\nrename to b.c\n"
BINARY = "diff --git a/a b/a\nindex 1..2 100644\nGIT binary patch\nliteral 3\nKcmZ-- \n\nliteral 0\nHcmV?d00001\n\n"


@pytest.mark.parametrize(
    "lookalike",
    [
        "  " + diff().replace("\n", "\n  "),
        "> " + diff().replace("\n", "\n> "),
        "diff --git a/x b/x is what git prints.",
        "diff --git a/x b/x\nindex 1111111..2222222 100644\n--- a/x\n+++ b/x",
        "diff --git a/x b/x\n\n@@ -1 +1 @@",
        "--- a/x\n+++ b/x",
        "--- a/x\n+++ b/x\n@@ -1 +1 @@\n-a\n+b",
        "-- \nnot the signature yet",
        "@@ -1,2 +1,2 @@",
    ],
)
def test_a_lookalike_in_the_commit_message(lookalike):
    found = extract.split_text(f"Why:\n\n{lookalike}\n\nBecause.\n---\n\n{diff()}-- \n2.43.0\n")
    assert found.diff == diff()
    assert found.message.endswith("Because.")
    assert extract.split_text(f"Why:\n\n{lookalike}\n\nBecause.\n").diff == "" or lookalike.endswith("+b")


@pytest.mark.parametrize(
    "change",
    [
        diff(),
        diff("a") + diff("b"),
        MOVED,
        MOVED + diff(),
        BINARY,
        diff()[diff().index("--- a") :],
        "Index: a.c\n" + "=" * 67 + "\n" + diff()[diff().index("--- a") :],
        "diff -Nurp a/a.c b/a.c\n" + diff()[diff().index("--- a") :],
        diff().replace("a/a.c", "a.c").replace("b/a.c", "a.c"),
        "diff --cc a.c\nindex 1,2..3\n--- a/a.c\n+++ b/a.c\n@@@ -1,1 -1,1 +1,2 @@@\n  one\n++two\n",
        "diff --git a/e b/e\nnew file mode 100644\nindex 0000000..e69de29\n",
        diff() + "\\ No newline at end of file\n",
        diff().replace(" int two;", " int two;\n-- ").replace("1,2 +1,3", "1,3 +1,3"),  # removes a line "- "
        diff().replace(" int two;", " int two;\n--").replace("1,2 +1,3", "1,3 +1,3"),
        diff().replace(" int one;\n", "-- \n int one;\n").replace("1,2 +1,3", "1,3 +1,3"),
        diff().replace(" int two;", ""),  # a blank line that lost its blank
        diff().replace("+kept = 1;", "+kept = a very long\nline that was wrapped;"),
        diff().replace("1,2 +1,3", "1,1 +1,2"),  # counts that are too small
        diff("a").replace("1,2 +1,3", "1,9 +1,9") + diff("b"),  # counts that are too large
    ],
)
@pytest.mark.parametrize("tail", ["-- \n2.43.0\n\n", "\n-- \n2.43.0\n", "--\n2.43.0\n\n____\nlist@example.org\n", ""])
def test_what_belongs_to_the_diff(change, tail):
    assert extract.split_text(f"Why.\n---\n a.c | 1 +\n\n{change}{tail}").diff == change.rstrip("\n") + "\n"


@pytest.mark.parametrize("keep", range(5, 8))
def test_a_diff_that_was_cut_short_ends_before_the_signature(keep):
    cut = "\n".join(diff().split("\n")[:keep]) + "\n"
    assert extract.split_text(f"Why.\n---\n{cut}-- \n2.43.0\n\n").diff == cut


def test_text_after_the_diff_stays_out():
    found = extract.split_text(f"How about this?\n\n{diff()}\nThanks,\nAnn\n\nbase-commit: 1234567\n")
    assert found.diff == diff()
    assert found.message == "How about this?"


def test_two_patches_in_one_mail():
    assert extract.split_text(PLAIN + PLAIN).more
    letter = parse_message(coded((PLAIN + "From: b\n\n" + PLAIN).encode()))
    assert letter.diff == diff()
    assert letter.notes[0].reason == "the mail holds more than one patch: only the first was read"


def test_headers_in_the_body_are_no_commit_message():
    assert extract.split_text(f"From: Bob <b@example.org>\nDate: now\n\n{PLAIN}").message == "Why."


# --- headers ---


def head_of(**headers):
    lines = "".join(f"{name.replace('_', '-')}: {value}\n" for name, value in headers.items())
    return parse_message(f"{lines}\nbody\n".encode("utf-8", "surrogateescape")).mail


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ('"Doe, Jane (TI)" <jane@example.org>', [("Doe, Jane (TI)", "jane@example.org")]),
        (
            "=?utf-8?q?J=C3=B6rg=2C_der?= <j@example.org>, b@example.org",
            [("Jörg, der", "j@example.org"), ("", "b@example.org")],
        ),
        ("=?iso-8859-2?Q?Micha=B3?= <m@example.org>", [("Michał", "m@example.org")]),
        ("=?utf-8?b?5byg?=\n =?utf-8?b?5LiJ?= <z@example.org>", [("张三", "z@example.org")]),
        ("=?utf-8?b?5b?= =?utf-8?q?x?= <z@example.org>", None),
        ("=?x-no?q?J=F6rg?= <j@example.org>", None),
        ("Jörg <j@example.org>", [("Jörg", "j@example.org")]),
        ("J\udcf6rg <j@example.org>", [("Jörg", "j@example.org")]),
        ("Doe, Jane <jane@example.org>", [("Jane", "jane@example.org")]),
        ("a@example.org, A@example.org", [("", "a@example.org")]),
        ("undisclosed-recipients:;", []),
        ("=?utf-8?q?Jane_=3Cjane=40example=2Eorg=3E?=", [("Jane", "jane@example.org")]),
        ('"Evil\x1b[2J" <e@example.org>', [("Evil[2J", "e@example.org")]),
        (
            "=?utf-8?q?Evil=0D=0ABcc=3A_x=40example=2Eorg?= <e@example.org>",
            [("Evil Bcc: x@example.org", "e@example.org")],
        ),
        ("(" * 50_000 + "a@example.org", None),
        ("<" * 50_000, None),
        ('"' + "x" * 50_000, []),
        ("", []),
    ],
)
def test_addresses(raw, expected):
    found = [(one.name, one.email) for one in head_of(From=raw, To=raw).to]
    assert expected is None or found == expected


def test_all_headers_a_reply_needs():
    found = head_of(
        From="Ann <a@example.org>",
        Subject="=?utf-8?q?=5BPATCH=5D_caf=C3=A9?=\n\tand  more",
        Date="Mon,\n 5 Jan 2026 10:00:00 +0100 (CET)",
        Message_ID="\n <one@example.org>",
        References="<r1@example.org>\n <r2@example.org> <r1@example.org>",
        In_Reply_To='"your mail" <r3@example.org>',
        Cc="list@example.org",
        Reply_To="b@example.org",
        Auto_Submitted="auto-generated (by a bot)",
    )
    assert found.message_id == "one@example.org"
    assert found.subject == "[PATCH] café and more"
    assert found.date == "Mon, 5 Jan 2026 10:00:00 +0100 (CET)"
    assert found.references == ("r1@example.org", "r2@example.org", "r3@example.org")
    assert found.cc == (Address("", "list@example.org"),)
    assert found.reply_to == (Address("", "b@example.org"),)
    assert found.automatic


@pytest.mark.parametrize(
    ("value", "automatic"), [("no", False), ("No; x=y", False), ("auto-replied", True), ("", False)]
)
def test_automatic_mails(value, automatic):
    assert head_of(Auto_Submitted=value).automatic is automatic


def test_a_mail_without_sender_is_noted():
    letter = parse_message(b"Message-ID: <x@example.org>\nSubject: x\n\nhi\n")
    assert letter.mail.author == Address("", "")
    assert letter.notes[0].reason == "the mail has no usable From address: nobody to answer"


@pytest.mark.parametrize(
    ("subject", "plain"),
    [
        ("Re: [PATCH] x", "Re: [PATCH] x"),
        ("RE[2]: AW: [PATCH] x", "Re: [PATCH] x"),
        ("SV: [PATCH] x", "Re: [PATCH] x"),
        ("答复: [PATCH v2,1/2] x", "Re: [PATCH v2  1/2 ] x"),
        ("[list] Re: [PATCH] x", "Re: [PATCH] x"),
        ("[PATCH] re: x", "[PATCH] re: x"),
        ("rv: [x] y", "rv: [x] y"),
        ("Regression: x", "Regression: x"),
    ],
)
def test_subjects_for_b4(subject, plain):
    assert mailhead.plain_subject(subject) == plain
