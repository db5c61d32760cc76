"""Who has said already what a finding says: own text counts, quotes and signatures do not."""

from __future__ import annotations

import pytest

from letters import mail
from reviewbot.mail.message import parse_message
from reviewbot.model.review import Finding
from reviewbot.watch.silence import about, answers, said_by

LINE = "\tfs->name = kmalloc(64, GFP_KERNEL);"
FOUND = Finding(
    rule="sleep-in-atomic",
    severity="error",
    confidence="high",
    path="fs/exfoo/inode.c",
    line=13,
    line_text=LINE,
    function="exfoo_read",
    message="kmalloc() with GFP_KERNEL may sleep inside spin_lock()",
    question="",
)
QUOTE = f"On Monday, Mira Holt wrote:\n> @@ -10,6 +10,7 @@ static int exfoo_read(struct exfoo *fs)\n> +{LINE}\n"


def said(text: str) -> str:
    raw = mail("Re: [PATCH] exfoo: x", text, "r", to="p", by="Bob Other <bob@example.org>")
    return said_by(FOUND, [parse_message(raw)])


def test_a_finding_is_about_its_flags_and_locks():
    assert about(FOUND) == {"GFP_KERNEL", "spin_lock"}


@pytest.mark.parametrize(
    "text",
    [
        "exfoo_read() cannot use GFP_KERNEL there.\n",
        "You take a spin_lock() in exfoo_read and sleep.\n",
        f"{QUOTE}\nGFP_KERNEL below the lock?\n",
        f"{QUOTE}\nThis sleeps, doesn't it?\n",
        f"{QUOTE}>  \tfs->busy = 1;\n\nDeadlock.\n",
        f"{QUOTE.replace('> +', '>+')}\nThat may sleep.\n",
        f">> something older\n{QUOTE}\nThis is atomic context.\n",
    ],
)
def test_said(text):
    assert said(text) == "Bob Other in <r@example.org>"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Looks good to me.\n",
        "exfoo_read() needs a comment.\n",  # of another thing
        "GFP_KERNEL is fine in exfoo_write().\n",
        f"{QUOTE}\nPlease call it label.\n",
        f"{QUOTE}\nReviewed-by: Bob Other <bob@example.org>\n",
        f"{QUOTE}>  \tfs->busy = 1;\n>  \tfs->count++;\n>  \tfs->more++;\n\nDoes this sleep?\n",  # about another line
        f"Thanks.\n-- \nexfoo_read GFP_KERNEL\n{QUOTE}",  # a signature
        "> exfoo_read() cannot use GFP_KERNEL there.\n\nTrue?\n",
        "my_exfoo_read_all() cannot use GFP_KERNEL there.\n",  # another name
    ],
)
def test_not_said(text):
    assert said(text) == ""


def test_a_name_cannot_write_over_a_terminal():
    raw = mail("Re: x", "exfoo_read GFP_KERNEL\n", "r", by="Bob \x1b\u202eOther <bob@example.org>")
    assert said_by(FOUND, [parse_message(raw)]) == "Bob Other in <r@example.org>"


def test_answers_stand_below_what_they_answer():
    text = "Hi,\n\n> one\n> two\n\nYes.\n\nOn Tue X wrote:\n> three\n\nNo.\n"
    assert [(one.above, one.text.strip()) for one in answers(text)] == [
        ((), "Hi,"),
        (("one", "two"), "Yes."),
        (("three",), "No."),
    ]


def test_a_long_mail_is_quick():
    assert list(answers(("> a\n" * 5 + "b\n") * 50_000))
