"""The replies that are drafted: what they quote, what they ask, and whom they answer."""

from __future__ import annotations

import textwrap
from datetime import timedelta
from email.parser import BytesParser
from email.policy import default

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from report_cases import (
    ALLOC,
    AUTHOR,
    DIFF,
    DIR,
    DRAIN,
    NOW,
    SCOPE,
    composed,
    evidence,
    mail,
    only,
    review,
    reviewed,
)
from reviewbot.model.errors import ConfigError
from reviewbot.model.patch import Address
from reviewbot.model.review import Evidence
from reviewbot.report.reply.sender import Sender


def parsed(draft):
    return BytesParser(policy=default).parsebytes(draft.content)


def body(draft) -> str:
    return draft.content.partition(b"\n\n")[2].decode("utf-8", "surrogateescape")


def said(draft) -> str:
    """The body between attribution and disclosure."""
    return body(draft).partition(" wrote:\n")[2].removesuffix("\n\nFound with reviewbot.\n")


def test_a_whole_draft():
    draft = only(review(reviewed([SCOPE], given=mail(2, 3), number=2, total=3)))
    headers, text = draft.content.decode("ascii").split("\n\n", 1)
    assert headers.split("\n") == [
        "From: Ida Reviewer <ida@review.example>",
        "To: Ada Author <ada@author.example>",
        "Cc: toy-devel@lists.example,",
        " Max Maintainer <max@maint.example>",
        "Subject: Re: [PATCH v2 2/3] toy: fill 2",
        "Date: Wed, 04 Mar 2026 05:06:07 +0000",
        f"Message-ID: <{draft.message_id}>",
        "In-Reply-To: <20260304.2@author.example>",
        "References: <cover@author.example>",
        " <20260304.2@author.example>",
        "MIME-Version: 1.0",
        "Content-Type: text/plain; charset=utf-8",
        "Content-Transfer-Encoding: 7bit",
    ]
    assert draft.message_id.startswith("reviewbot.")
    assert draft.message_id.endswith("@review.example")
    quote, _, rest = text.partition("\n\n")
    assert quote.split("\n") == [
        "On Tue, 3 Mar 2026 09:00:00 +0100, Ada Author wrote:",
        "> diff --git a/fs/toy/alloc.c b/fs/toy/alloc.c",
        "> --- a/fs/toy/alloc.c",
        "> +++ b/fs/toy/alloc.c",
        "> @@ -10,14 +10,16 @@ static int toy_fill(struct toy *t)",
        "[...]",
        "> \tint one;".replace("> ", ">  "),
        ">  \tint two;",
        ">  \tint three;",
        ">  \tint four;",
        ">  \tint five;",
        "> +\tunsigned int flags = toy_save(TOY_NORECLAIM);",
    ]
    assert rest == textwrap.dedent("""\
        This scope takes direct reclaim from every allocation below it, also
        from those that must not fail. Is it certain that none of them is
        reached from here?

        See the matrix.

        Found with reviewbot.
        """)


def test_cuts_files_and_several_questions():
    asks = [
        (needle, {"question": text, "message": text})
        for needle, text in ((SCOPE, "One?"), (DRAIN, "Two?"), (DIR, "Three?"))
    ]
    text = said(only(review(reviewed(asks))))
    assert text.count("> diff --git") == 2
    assert "\n> @@ -40,3 +42,4 @@" in text
    assert text.index("One?") < text.index("Two?") < text.index("Three?")
    assert "toy_alloc(t->len, TOY_KERNEL)" not in text, "a hunk's rest nobody asks about is not quoted"
    assert text.endswith("> +int b = toy_save(TOY_NORECLAIM);\n\nThree?")


@pytest.mark.parametrize(
    ("context", "quoted"),
    [(0, [SCOPE, "[...]", ALLOC]), (2, [SCOPE, "[...]", "three", "four", ALLOC]), (5, [SCOPE, "", "one", ALLOC])],
)
def test_context_between_two_questions(context, quoted):
    text = said(only(review(reviewed([SCOPE, (ALLOC, {"question": "And here?"})])), context=context))
    lines = text.split("\n")
    at = -1
    for needle in quoted:
        at = next(at for at in range(at + 1, len(lines)) if needle in lines[at])
    assert ("[...]" in text.partition("matrix")[2]) is (context < 5)


def test_evidence_in_the_same_hunk_is_quoted_too():
    patch = reviewed([ALLOC])
    alone = said(only(review(patch), context=1))
    assert SCOPE not in alone
    found = replace(patch.findings[0], evidence=(evidence(patch.files, SCOPE),))
    shown = said(only(review(replace(patch, findings=(found,))), context=1))
    assert f"> +\t{SCOPE}(TOY_NORECLAIM);\n[...]\n>  \tfour = 4;\n> +\t{ALLOC}" in shown
    elsewhere = replace(found, evidence=(replace(found.evidence[0], text="int else;"),))
    assert said(only(review(replace(patch, findings=(elsewhere,))), context=1)) == alone


def test_half_a_run_of_removed_lines_is_not_quoted():
    removed = "".join(f"-\told{n} = 1;\n" for n in range(6))
    diff = DIFF.replace("@@ -10,14", "@@ -10,20").replace(" \tint five;\n", f"{removed} \tint five;\n")
    text = said(only(review(reviewed([SCOPE], diff=diff)), context=3))
    assert "old" not in text
    assert "[...]\n>  \tint five;\n> +" in text


def test_same_cause_is_asked_once():
    text = said(
        only(review(reviewed([SCOPE, (ALLOC, {"function": "toy_b"}), (DRAIN, {"question": "In other words?"})])))
    )
    assert text.count("Is it certain") == 1
    assert text.count("\n\nSame here.") == 2
    assert "other words" not in text, "the same message is the same cause"


def test_same_cause_after_another_question_says_which():
    asks = [SCOPE, (ALLOC, {"rule": "other", "question": "Else?"}), (DRAIN, {"function": "toy_drain"})]
    text = said(only(review(reviewed(asks))))
    assert text.endswith("TOY_ATOMIC);\n\nSame here, see toy_fill() above.")


def test_a_paragraph_is_said_once():
    asks = [SCOPE, (ALLOC, {"message": "another one", "question": "Also this one?\n\nSee the matrix."})]
    text = said(only(review(reviewed(asks))))
    assert text.count("See the matrix.") == 1
    assert text.endswith("Also this one?")


def test_two_questions_on_one_line_follow_each_other():
    text = said(
        only(review(reviewed([(SCOPE, {"rule": "a", "question": "A?"}), (SCOPE, {"rule": "b", "question": "B?"})])))
    )
    assert text.endswith("toy_save(TOY_NORECLAIM);\n\nA?\n\nB?")


def test_a_line_that_is_not_in_the_diff_is_named():
    text = said(only(review(reviewed([SCOPE, ("beside", {"question": "Here?", "message": "m"})]))))
    assert text.endswith("In fs/toy/elsewhere.c, toy_fill():\n\nHere?")


def test_at_most_so_many():
    draft = only(review(reviewed([SCOPE, ALLOC, DRAIN, DIR])), most=2)
    assert "TOY_ATOMIC" not in said(draft)
    assert said(draft).endswith(
        "Not quoted, to keep this short (2):\n\n"
        "  fs/toy/alloc.c:44, in toy_fill(): a scope that takes reclaim away\n"
        "  fs/toy/dir.c:2, in toy_fill()"
    )


@pytest.mark.parametrize(
    "given",
    [
        review(reviewed()),
        review(),
        review(reviewed([(SCOPE, {"confidence": "medium"})])),
        review(reviewed([(SCOPE, {"resolved_by": "2/2"})])),
    ],
)
def test_nothing_to_ask_no_draft(given):
    assert composed(given).drafts == ()
    assert composed(given).skipped == ()


def test_bars_are_options():
    given = review(reviewed([(SCOPE, {"confidence": "medium", "severity": "note"})]))
    assert len(composed(given, min_confidence="medium").drafts) == 1
    assert composed(given, min_confidence="medium", min_severity="warning").drafts == ()


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        (mail(automatic=True), "sent by a program"),
        (mail(author=Address("Me", "IDA@review.example")), "your own mail"),
        (mail(author=Address("Nobody", "")), "its author has no address that a reply can go to"),
        (mail(message_id="no blanks allowed@x"), "its message id cannot stand in a header"),
        (mail(message_id="x@y>\r\nBcc: <z@x"), "its message id cannot stand in a header"),
    ],
)
def test_whom_nobody_answers(given, reason):
    result = composed(review(reviewed([SCOPE], given=given)))
    assert result.drafts == ()
    assert [part.reason for part in result.skipped] == [f'no draft for 1/1 "toy: fill 1": {reason}']


def test_a_commit_gets_no_draft():
    patch = reviewed([SCOPE])
    result = composed(review(replace(patch, patch=replace(patch.patch, mail=None))))
    assert result.drafts == ()
    assert "did not come as a mail" in result.skipped[0].reason


@pytest.mark.parametrize("email", ["", "ida", "ida@x\nBcc: y@z"])
def test_a_sender_without_address(email):
    with pytest.raises(ConfigError, match="invalid sender address"):
        composed(review(reviewed([SCOPE])), Sender("Ida", email))


# --- what concerns the series ---


def many(*numbers: int, of: int = 5, **other):
    return [
        reviewed([SCOPE] if number in numbers else [], number=number, total=of, **other) for number in range(1, of + 1)
    ]


def test_a_rule_in_three_patches_is_asked_about_once():
    cover = mail(0, 5, message_id="cover@author.example", references=())
    draft = only(review(*many(2, 3, 5), cover=cover))
    assert draft.number == 0
    assert draft.in_reply_to == "cover@author.example"
    assert draft.subject == "Re: [PATCH v2 0/5] toy: fill 0"
    text = body(draft)
    assert text.count("Is it certain") == 1
    assert '  3/5 "toy: fill 3", in toy_fill()\n  5/5 "toy: fill 5", in toy_fill()\n' in text
    assert "> [PATCH v2 0/5] toy: fill 0\n" in text


def test_two_patches_are_answered_each():
    drafts = composed(review(*many(2, 3), cover=mail(0, 5))).drafts
    assert [draft.number for draft in drafts] == [2, 3]
    assert len({draft.message_id for draft in drafts}) == 2


def test_without_cover_the_first_patch_gets_it_and_other_rules_their_own():
    patches = many(1, 2, 3)
    patches[3] = reviewed([(DIR, {"rule": "another"})], number=4, total=5)
    drafts = composed(review(*patches)).drafts
    assert [(draft.number, draft.in_reply_to) for draft in drafts] == [
        (0, "20260304.1@author.example"),
        (4, "20260304.4@author.example"),
    ]


def test_a_cover_letter_nobody_answers_leaves_the_patches():
    cover = mail(0, 5, message_id="cover@author.example", automatic=True)
    assert [draft.number for draft in composed(review(*many(1, 2, 3), cover=cover)).drafts] == [1, 2, 3]


# --- identity ---


def test_message_id_depends_on_mail_findings_and_rules_alone():
    first = only(review(reviewed([SCOPE])))
    assert only(review(reviewed([SCOPE])), now=NOW + timedelta(days=3)).message_id == first.message_id
    others = [
        only(review(reviewed([ALLOC]))),
        only(review(reviewed([SCOPE, ALLOC]))),
        only(review(reviewed([SCOPE])), digest="d2"),
        only(review(reviewed([SCOPE], given=mail(message_id="other@author.example")))),
    ]
    assert len({first.message_id, *(draft.message_id for draft in others)}) == 5


# --- hostile and odd mails ---


def test_bytes_that_are_no_utf_8_are_quoted_as_they_are():
    draft = only(review(reviewed([SCOPE], diff=DIFF.replace("int five;", "int five; /* caf\udce9 */"))))
    assert b"> \tint five; /* caf\xe9 */\n".replace(b"> ", b">  ") in draft.content
    assert b"\nContent-Transfer-Encoding: 8bit\n" in draft.content


@pytest.mark.parametrize("odd", ["x" * 1200, "nul \0 here", "bare \r return", "dos line\r"])
def test_what_8bit_cannot_carry_is_quoted_printable(odd):
    draft = only(review(reviewed([SCOPE], diff=DIFF.replace("int five;", f"int five; {odd}"))))
    assert b"\nContent-Transfer-Encoding: quoted-printable\n" in draft.content
    assert max(map(len, draft.content.split(b"\n"))) < 998
    assert f">  \tint five; {odd}\n".encode() in parsed(draft).get_payload(decode=True)


def test_hostile_headers_add_nothing():
    given = mail(
        subject="[PATCH] x\r\nBcc: evil@x.example\n\nbody",
        author=Address("Doe, John (TI)\r\nBcc: evil@x.example", "john@ti.example"),
        date="Tue\r\nX-Evil: 1",
        references=("ok@x", "bad id", "bad>\r\nBcc: <x@y"),
        cc=(Address("Håkon\n", "h@x.example"), Address("evil", "e@x.example\r\nBcc: y@z")),
    )
    message = parsed(only(review(reviewed([SCOPE], given=given))))
    assert message["Bcc"] is None
    assert message["X-Evil"] is None
    assert message["Subject"] == "Re: [PATCH] x Bcc: evil@x.example body"
    assert message["To"].addresses[0].addr_spec == "john@ti.example"
    assert [address.addr_spec for address in message["Cc"].addresses] == ["toy-devel@lists.example", "h@x.example"]
    assert message["References"] == "<ok@x> <20260304.1@author.example>"
    assert message.get_content().startswith("On Tue X-Evil: 1, Doe, John (TI) Bcc: evil@x.example wrote:\n> diff")


def test_placeholders_in_a_mail_are_text():
    given = mail(author=Address("${signature} $x", AUTHOR.email))
    assert body(only(review(reviewed([SCOPE], given=given)))).startswith(
        "On Tue, 3 Mar 2026 09:00:00 +0100, ${signature} $x wrote:\n"
    )


CODE = st.text(st.characters(exclude_characters="\n", exclude_categories=["Cs"]), max_size=200).map(
    lambda text: text.encode("utf-8").decode("utf-8", "surrogateescape")
)
PROSE = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=300)
NAMES = st.text(st.characters(exclude_categories=[]), max_size=60)


@settings(max_examples=150, deadline=None)
@given(code=CODE, question=PROSE, name=NAMES, subject=NAMES)
def test_no_line_of_a_draft_is_broken(code, question, name, subject):
    diff = DIFF.replace("int five;", f"int five; {code}")
    given = mail(author=Address(name, AUTHOR.email), subject=subject)
    draft = only(review(reviewed([(SCOPE, {"question": question, "message": "m"})], diff=diff, given=given)))
    message = parsed(draft)
    assert message["Subject"] == draft.subject
    assert message["In-Reply-To"] == "<20260304.1@author.example>"
    assert message["Message-ID"] == f"<{draft.message_id}>"
    assert [address.addr_spec for address in message["To"].addresses] == [AUTHOR.email]
    assert message.defects == []
    originals = {f"> {line}" for line in diff.split("\n")}
    lines = message.get_payload(decode=True).decode("utf-8", "surrogateescape").split("\n")
    assert f">  \tint five; {code}" in lines
    start = next(at for at, line in enumerate(lines) if line.startswith("> diff"))
    for line in lines[start:]:
        if line.startswith(">"):
            assert line in originals
        else:
            assert len(line) <= 72 or " " not in line.strip()


def test_what_other_files_show_is_listed_below_the_question():
    there = [
        Evidence("fs/toy/lock.c", 7, "toy_xfer", "\tspin_lock(&t->lock);", "lock taken here"),
        Evidence(
            "fs/toy/a_longer_name.c", 1234, "toy_step", "\treturn toy_fill(t, \x1b[31m\udcff" + "x" * 99, "called"
        ),
    ]
    (draft,) = composed(review(reviewed([(SCOPE, {"evidence": tuple(there)})]))).drafts
    body = BytesParser(policy=default).parsebytes(draft.content).get_content()
    assert "\n\n    fs/toy/lock.c:7:             spin_lock(&t->lock);\n" in body
    assert "\n    fs/toy/a_longer_name.c:1234: return toy_fill(t, " in body
    assert "\x1b" not in body
    assert all(len(line) <= 76 for line in body.split("\n"))


def test_what_the_file_itself_shows_is_not_listed():
    (draft,) = composed(review(reviewed([(SCOPE, {"evidence": ()})]))).drafts
    assert "\n    fs/toy" not in BytesParser(policy=default).parsebytes(draft.content).get_content()
