"""`reviewbot drafts list`, `show`, `edit`, `approve` and `drop`, and `rule --stats`, as a person uses them."""

from __future__ import annotations

import json
import shlex
import sys

import pytest

from command import THREADS
from mailtools import clean_env, in_terminal
from report_cases import ALLOC, DIFF, SCOPE, evidence, mail, review, reviewed
from reviewbot.drafts.listing import _columns
from reviewbot.drafts.mail_text import body_of
from reviewbot.memory import outbox
from reviewbot.model.patch import Address
from reviewbot.patch import parse
from waiting import kept, memory_file, opened, waits

WIDE = "漢字" * 60


def edits(command, script: str) -> dict[str, str]:
    """An editor that runs some Python on the file: `text` in, `text` out."""
    program = command.home / "editor.py"
    program.write_text(
        "import pathlib, sys\npath = pathlib.Path(sys.argv[1])\ntext = path.read_text(encoding='utf-8')\n"
        f"{script}\npath.write_text(text, encoding='utf-8')\n"
    )
    return {"GIT_EDITOR": f"{shlex.quote(sys.executable)} {shlex.quote(str(program))}"}


# --- list ---


def test_nothing_waits(command):
    done = command("drafts", "list")
    assert (done.code, done.out, done.err) == (0, "no draft is waiting\n", "")
    assert command("drafts", "list", "--all").out == "there is no draft\n"
    assert json.loads(command("drafts", "list", "--format", "json").out)["drafts"] == []


def test_what_waits_is_listed(command):
    waits(command, 3)
    command("drafts", "approve", "2")
    command("drafts", "drop", "3", "--reason", "known")
    done = command("drafts", "list")
    assert done.out.splitlines() == [
        "NR   AGE  LIST       SURE    STATE     TO",
        " 1    3h  toy-devel  high    waiting   Ada Author",
        "      Re: [PATCH v2 1/3] toy: fill 1",
        "      toy-scope in toy_fill(), nobody has answered for 24 hours",
        " 2    3h  toy-devel  high    approved  Ada Author",
        "      Re: [PATCH v2 2/3] toy: fill 2",
        "      toy-scope in toy_fill(), nobody has answered for 24 hours",
    ]
    every = command("drafts", "list", "--all").out.splitlines()
    assert every[7:] == [
        " 3    3h  toy-devel  high    dropped   Ada Author",
        "      Re: [PATCH v2 3/3] toy: fill 3",
        "      dropped as known, just now",
    ]


@pytest.mark.parametrize("columns", ["60", "80", "200"])
def test_a_list_fits(command, columns):
    author = Address(f"{WIDE}\x1b[2J\u202e", "ada@author.example")
    given = mail(author=author, subject=f"[PATCH] {'x' * 300} {WIDE}")
    waits(command, made=review(reviewed([SCOPE], given=given)), list=f"{'l' * 90}@vger.kernel.org", reason=WIDE)
    done = command("drafts", "list", COLUMNS=columns)
    assert len(done.out.splitlines()) == 4
    assert max(map(_columns, done.out.splitlines())) <= int(columns)
    assert "\x1b" not in done.out and "\u202e" not in done.out


def test_a_list_for_programs(command):
    waits(command)
    command("drafts", "drop", "1", "--reason", "late")
    assert json.loads(command("drafts", "list", "--format", "json").out)["drafts"] == []
    (one,) = json.loads(command("drafts", "list", "--all", "--format", "json").out)["drafts"]
    assert (one["number"], one["state"], one["note"], one["edited"]) == (1, "dropped", "late", False)
    assert (one["to"], one["cc"]) == (["ada@author.example"], ["toy-devel@lists.example", "max@maint.example"])
    assert [point["rule"] for point in one["points"]] == ["toy-scope"]


def test_what_lies_in_a_maildir_is_said(command):
    demo = (
        "thread",
        THREADS / "demo.mbox",
        "--kernel",
        "6.10",
        "--config",
        THREADS / "demo.toml",
        "--drafts",
        "replies",
    )
    assert command(*demo).code == 1
    new = sorted((command.work / "replies" / "new").iterdir())
    done = command("drafts", "list")
    assert done.out == "no draft is waiting\n"
    assert done.err == f"{len(new)} more lie in maildirs, for your mail program (--all lists them)\n"
    new[0].unlink()
    every = json.loads(command("drafts", "list", "--all", "--format", "json").out)["drafts"]
    assert sorted(one["state"] for one in every) == sorted(["handled"] + ["placed"] * (len(new) - 1))
    assert {one["folder"] for one in every} == {str(command.work / "replies")}
    text = command("drafts", "list", "--all").out
    assert f"lies in {command.work}/replies"[:60] in text
    assert (
        "is handled"
        in command("drafts", "approve", str(next(o["number"] for o in every if o["state"] == "handled"))).err
    )


# --- show ---


def test_all_that_a_draft_rests_on_is_shown(command):
    files, _ = parse.parse_diff(DIFF)
    told = {"message": "this scope hides __GFP_NOFAIL", "evidence": (evidence(files, ALLOC, "memory is asked for"),)}
    made = review(reviewed([(SCOPE, told)], number=2, total=3), reviewed([ALLOC], number=3, total=3))
    waits(command, made=made)
    done = command("drafts", "show", "1")
    assert (done.code, done.err) == (0, "")
    assert done.out.startswith("draft 1: waiting, high confidence, 3h old\n  list: toy-devel\n  why: toy-scope in")
    for line in (
        "To: Ada Author <ada@author.example>",
        "> +	unsigned int flags = toy_save(TOY_NORECLAIM);",
        "Found with reviewbot.",
        "    fs/toy/alloc.c:17",
        "    >    17 +        unsigned int flags = toy_save(TOY_NORECLAIM);",
        "MATRIX (Linux 6.12)",
        "  __GFP_NOFAIL",
    ):
        assert f"\n{line}\n" in done.out, line
    assert "memory is asked for: fs/toy/alloc.c:" in done.out
    assert "3/3 toy: fill 3" not in done.out
    assert command("drafts", "show", "1", COLUMNS="60").code == 0


def test_a_draft_is_shown_without_its_evidence(command):
    waits(command, evidence=b"of another version")
    out = command("drafts", "show", "1").out
    assert "EVIDENCE\n  toy-scope (high) in toy_fill()\n    fs/toy/alloc.c\n" in out


def test_the_version_before_is_spoken_of(command):
    waits(command, series=7, version=2)
    with opened(command) as memory, memory.writing():
        memory.run("INSERT INTO versions VALUES (7, 2, 'parts', 5.0, 2, 3)")
    assert "\n  2 of the 3 points of v1 are gone\n" in command("drafts", "show", "1").out


def test_the_mail_alone(command):
    waits(command, made=review(reviewed([SCOPE], given=mail(author=Address("Jöhn", "john@ti.example")))))
    assert command("drafts", "show", "1", "--raw").out.encode() == kept(command).content
    assert "\nTo: Jöhn <john@ti.example>\n" in command("drafts", "show", "1").out


def test_orders_in_a_mail_are_none(command):
    waits(command, content=b"From: a@b.example\nTo: c@d.example\nSubject: \x1b]0;x\x07\n\n\x1b[2J\xe2\x80\xae\xff\n")
    for words in (("show", "1"), ("list",)):
        assert not {"\x1b", "\x07", "\u202e"} & {*command("drafts", *words).out}


def test_a_terminal_has_a_pager(command):
    waits(command)
    env = {
        **command.env,
        **clean_env(command.home),
        "GIT_PAGER": "sed s/^/paged:/",
        "PYTHONPATH": command.env["PYTHONPATH"],
    }
    drawn = in_terminal([sys.executable, "-m", "reviewbot", "drafts", "show", "1"], env)
    assert "paged:" in drawn
    env["GIT_PAGER"] = "/nonexistent/pager"
    assert "Found with reviewbot." in in_terminal([sys.executable, "-m", "reviewbot", "drafts", "show", "1"], env)


# --- names ---


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("99", "there is no draft 99; waiting: 1, 2"),
        ("reviewbot.x@y", "there is no draft reviewbot.x@y"),
        ("<20260304.3@author.example>", "there is no draft 20260304.3@author.example; did you mean 20260304."),
        ("9" * 500, "there is no draft 999999999999999999; waiting"),
    ],
)
def test_a_name_that_none_has(command, name, said):
    waits(command, 2)
    done = command("drafts", "approve", "1", name)
    assert (done.code, said in done.err, kept(command).state) == (2, True, "waiting")


def test_names_of_a_draft(command):
    waits(command, 2)
    one, two = kept(command, 1), kept(command, 2)
    assert command("drafts", "approve", f"<{one.message_id}>", two.in_reply_to, "#1").code == 0
    assert [kept(command, n).state for n in (1, 2)] == ["approved"] * 2


# --- approve and drop ---


def test_an_approval_is_taken_back(command):
    waits(command)
    assert "draft 1 is approved: Re: [PATCH] toy" in command("drafts", "approve", "1").err
    assert command("drafts", "approve", "--undo", "1").err == "draft 1 waits again\n"
    assert kept(command).state == "waiting"


def test_a_drop_needs_a_reason_and_teaches(command):
    waits(command, 2)
    refused = command("drafts", "drop", "1")
    assert (refused.code, kept(command).state) == (2, "waiting")
    assert "missing: --reason or --undo (" in refused.err
    assert "did you mean wrong?" in command("drafts", "drop", "1", "--reason", "wrnog").err
    assert "never raised again" in command("drafts", "drop", "1", "--reason", "wrong").err
    with opened(command) as memory:
        assert len(memory.rows("SELECT * FROM wrong")) == 1
    done = command("drafts", "drop", "2", "1", "--reason", "late")
    assert (done.code, kept(command, 2).state) == (2, "waiting")
    assert "draft 1 is dropped (wrong)" in done.err


def test_a_drop_is_taken_back(command):
    waits(command, 2)
    command("drafts", "drop", "1", "--reason", "wrong")
    assert command("drafts", "drop", "--undo", "2", "1").code == 2, "the second one was not dropped"
    assert kept(command).state == "dropped"
    assert command("drafts", "drop", "--undo", "1").err.startswith("draft 1 waits again: Re: [PATCH v2 1/2] toy")
    assert kept(command).state == "waiting"
    with opened(command) as memory:
        assert memory.rows("SELECT * FROM wrong") == []
    assert command("drafts", "drop", "--undo", "1", "--reason", "late").code == 2


# --- edit ---


def test_what_was_edited_is_kept(command):
    waits(command, made=review(reviewed([SCOPE], given=mail(author=Address("Jöhn", "john@ti.example")))))
    before = kept(command).content
    script = "text = text.replace('Is it certain', 'Ist es gewiß').replace('To: Jöhn <', 'To: Jöhn Ü <')"
    done = command("drafts", "edit", "1", **edits(command, script))
    assert (done.code, done.err) == (0, "draft 1 is changed\n")
    one = kept(command)
    assert (one.content, one.state) == (before, "waiting")
    assert b"Ist es gewi\xc3\x9f" in one.edited
    assert b"To: =?utf-8?q?J=C3=B6hn_=C3=9C?=\n <john@ti.example>\n" in one.edited
    untouched = [line for line in before.split(b"\n\n")[0].split(b"\n") if b"To:" not in line and b"ti.ex" not in line]
    assert [line for line in untouched if line not in one.edited and b"Encoding" not in line] == []
    assert not (memory_file(command).parent / "edit" / "draft-1.eml").exists()
    assert ", edited\n" in command("drafts", "show", "1").out


@pytest.mark.parametrize("script", ["", "text = ''", "text = '\\n \\n'"], ids=["same", "empty", "blank"])
def test_nothing_was_changed(command, script):
    waits(command)
    done = command("drafts", "edit", "1", **edits(command, script))
    assert (done.code, done.err, kept(command).edited) == (0, "draft 1 is as it was\n", None)
    assert list((memory_file(command).parent / "edit").iterdir()) == []


@pytest.mark.parametrize("odd", ["\r", "x" * 1000], ids=["return", "long"])
def test_an_encoded_body_is_edited_as_text(command, odd):
    waits(command, made=review(reviewed([SCOPE], diff=DIFF.replace(SCOPE, f"{odd} {SCOPE}"))))
    assert b"quoted-printable" in kept(command).content
    script = "path.write_bytes(path.read_bytes().replace(b'Is it certain', b'Is it so')); sys.exit()"
    assert command("drafts", "edit", "1", **edits(command, script)).code == 0
    shown = command("drafts", "show", "1").out
    assert "Is it so" in shown.replace("\n", " ")
    assert body_of(kept(command).mail) == body_of(kept(command).content).replace(b"Is it certain", b"Is it so")


@pytest.mark.parametrize(
    ("script", "said"),
    [
        ("text = 'hello\\n\\nyou\\n'", "'hello' is no field of a header"),
        ("text = text.replace('\\nTo: ', '\\nX-To: ')", "To is missing"),
        ("text = text.replace('To: Ada Author <ada@author.example>', 'To: ')", "To is missing"),
        ("text = text.replace('ada@author.example', '|sh@author.example')", "is no address that a mail can be sent to"),
        ("text = text.replace('ada@author.example>', 'ada@author.example>, nobody')", "not all of it can be read"),
        ("text = text.replace('In-Reply-To: <', 'In-Reply-To: <x')", "In-Reply-To was changed"),
        ("text = text.replace('Message-ID: <', 'Message-ID: <x')", "Message-ID was changed"),
        ("text = text.replace('Message-ID:', 'X-ID:')", "Message-ID is missing"),
        ("text = text.replace('References: <', 'References: <x')", "References was changed"),
        ("text = 'Bcc: a@b.example\\n' + text", "set sendemail.bcc"),
        ("text = 'To: a@b.example\\n' + text", "To stands there twice"),
        ("text = text.partition('\\n\\n')[0] + '\\n\\n \\n'", "there is no text below the header"),
        ("text = text.partition('\\n\\n')[0] + '\\n\\n' + 'x' * 1_000_001", "larger than 1000000 bytes"),
    ],
)
def test_what_is_no_mail_is_kept_in_a_file(command, script, said):
    waits(command)
    done = command("drafts", "edit", "1", **edits(command, script))
    place = memory_file(command).parent / "edit" / "draft-1.eml"
    assert (done.code, said in done.err) == (2, True), done.err
    assert f"draft 1 is as it was; your text is in {place}" in done.err
    assert kept(command).edited is None
    there = place.read_text()
    again = command("drafts", "edit", "1", **edits(command, f"assert text == {there!r}; text = ''"))
    assert again.code == 0
    assert f"going on with what is left from last time in {place}" in again.err
    assert not place.exists()


def test_another_sender_is_said(command):
    waits(command)
    done = command("drafts", "edit", "1", **edits(command, "text = text.replace('From: Ida Reviewer', 'From: Max')"))
    said = "it is from Max <ida@review.example> now, and was from Ida Reviewer <ida@review.example>"
    assert (done.code, done.err) == (0, f"{said}\ndraft 1 is changed\n")


def test_a_draft_is_edited_again_at_a_terminal(command):
    waits(command)
    env = {**command.env, **clean_env(command.home), "PYTHONPATH": command.env["PYTHONPATH"]}
    script = (
        "text = text.replace('\\nTo: ', '\\nX-To: ') if '\\nTo: ' in text else text.replace('\\nX-To: ', '\\nTo: Max ')"
    )
    words = [sys.executable, "-m", "reviewbot", "drafts", "edit", "1"]
    drawn = in_terminal(words, {**env, **edits(command, script)}, keys=[("Edit it again?", "\n")])
    assert "this cannot be sent: To is missing" in drawn
    assert "draft 1 is changed" in drawn
    assert b"To: Max Ada Author <ada@author.example>" in kept(command).edited


def test_an_editor_that_fails_changes_nothing(command):
    waits(command)
    done = command("drafts", "edit", "1", GIT_EDITOR="false")
    assert (done.code, "the editor (false) ended with 1" in done.err, kept(command).edited) == (3, True, None)
    assert list((memory_file(command).parent / "edit").iterdir()) == []
    assert command("drafts", "edit", "1", **edits(command, "path.write_text('mine'); sys.exit(1)")).code == 3
    assert (memory_file(command).parent / "edit" / "draft-1.eml").read_text() == "mine"


def test_what_somebody_else_has_edited_is_not_overwritten(command):
    waits(command)
    other = (
        f"import sqlite3\nwith sqlite3.connect({str(memory_file(command))!r}) as db:"
        " db.execute('UPDATE drafts SET edited = ?', (b'theirs',))\ntext += 'mine'"
    )
    done = command("drafts", "edit", "1", **edits(command, other))
    assert (done.code, kept(command).edited) == (2, b"theirs")
    assert "somebody else has edited draft 1 meanwhile; your text is in" in done.err


def test_only_an_open_draft_is_edited(command):
    waits(command, state="approved")
    with opened(command) as memory:
        outbox.begin(memory, 1, "git send-email", 1.0)
    assert command("drafts", "edit", "1", **edits(command, "text += 'x'")).code == 2
    with opened(command) as memory:
        outbox.mark_sent(memory, 1, 2.0)
    assert "draft 1 is sent" in command("drafts", "edit", "1", GIT_EDITOR="false").err
