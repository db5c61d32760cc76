"""What no input may do, however it is made: each a clear line and the right exit code, through the real program."""

from __future__ import annotations

import json
import re

import pytest

from command import THREADS, diff, mail
from reviewbot.cli import main

DEMO = THREADS / "demo.mbox"
SENDER = THREADS / "demo.toml"
ESCAPES = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


def _nul(command):
    (command.work / "nul.eml").write_bytes(b"\0" * 4096)
    return "nul.eml"


def _empty(command):
    (command.work / "empty.mbox").write_bytes(b"")
    return "empty.mbox"


def _folder(command):
    (command.work / "folder").mkdir()
    return "folder"


def _large(command):
    (command.work / "large.eml").write_bytes(mail(body="x" * 72 + "\n") + b"+line\n" * (20_000_000 // 6))
    return "large.eml"


def _secret(command):
    path = command.work / "secret.mbox"
    path.symlink_to("secret.mbox")
    return "secret.mbox"


def _reply(command):
    (command.work / "reply.eml").write_bytes(mail("Re: [PATCH] exfoo: a patch", body="> +\tkmalloc();\n\nWhy?\n"))
    return "reply.eml"


@pytest.mark.parametrize(
    ("source", "code", "said"),
    [
        pytest.param(_empty, 3, "empty.mbox is empty", id="an empty file"),
        pytest.param(_folder, 3, "no maildir", id="a folder that is no maildir"),
        pytest.param(_large, 3, "too large (limit 10000000 bytes", id="a mail of 20 MB"),
        pytest.param(_nul, 3, "NUL bytes", id="a mail of NUL bytes"),
        pytest.param(_secret, 3, "cannot read secret.mbox", id="a link to itself"),
        pytest.param(_reply, 3, "no patch", id="a reply"),
        pytest.param(lambda _: "absent.mbox", 3, "absent.mbox: no such file", id="a missing file"),
        pytest.param(lambda _: "x\0y", 3, "cannot read", id="a NUL in a file name"),
        pytest.param(lambda _: "$(touch pwned)@example.org", 2, "nor a message id", id="a shell in a message id"),
        pytest.param(lambda _: "a@b;touch pwned", 2, "nor a message id", id="a command behind a message id"),
        pytest.param(lambda _: "https://evil.example.org/all/1@x/", 2, "evil.example.org", id="a URL of another host"),
        pytest.param(lambda _: "file:///etc/passwd", 2, "http", id="a URL of a file"),
    ],
)
def test_what_cannot_be_looked_at_is_one_clear_line(command, source, code, said):
    name = source(command)
    before = command.left()
    if "\0" in name:  # no process can be started with one
        assert main.main(["thread", name]) == code
        return
    done = command("thread", name)
    assert (done.code, done.out) == (code, "")
    assert said in done.err
    assert len(done.err.splitlines()) == 1
    assert command.left() == before


def test_json_is_printed_even_where_nothing_could_be_reviewed(command):
    done = command("thread", _empty(command), "--format", "json")
    whole = json.loads(done.out)
    assert (done.code, whole["patches"]) == (3, [])
    assert "is empty" in whole["unread"][0]["reason"]
    assert "is empty" in done.err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        pytest.param((), "COMMAND", id="no command"),
        pytest.param(("threat", "x"), "no command 'threat'; did you mean thread?", id="unknown command"),
        pytest.param(("thread", DEMO, "--formt", "json"), "did you mean --format?", id="unknown option"),
        pytest.param(("thread", DEMO, "--form", "json"), "--form", id="half an option"),
        pytest.param(("thread", DEMO, "--min-confidence", "sure"), "sure", id="unknown confidence"),
        pytest.param(("thread", DEMO, "--kernel", "six"), "invalid kernel version 'six'", id="bad kernel"),
        pytest.param(("thread", DEMO, "--config", "absent.toml"), "absent.toml", id="missing config"),
        pytest.param(("thread", DEMO, "--rules", "absent"), "absent", id="missing rules"),
        pytest.param(("thread", DEMO, "-v", "-q"), "not allowed with", id="loud and quiet"),
        pytest.param(("rule", "scope-leek"), "scope-leak", id="unknown rule"),
        pytest.param(("matrix", "__GFP_NOFALL"), "__GFP_NOFAIL", id="unknown flag"),
    ],
)
def test_a_command_line_that_cannot_be_meant_is_refused(command, arguments, said):
    done = command(*arguments)
    assert (done.code, done.out) == (2, "")
    assert said in done.err
    assert "Traceback" not in done.err
    assert len(done.err.splitlines()) == 1


def test_an_unknown_key_in_the_users_config_is_refused(command):
    path = command.home / ".config" / "reviewbot" / "config.toml"
    path.parent.mkdir(parents=True)
    path.write_text('[surfce]\ntext = "low"\n')
    done = command("rule")
    assert done.code == 2
    assert "'surfce'" in done.err
    assert str(path) in done.err


@pytest.mark.parametrize("path", ["../../etc/passwd", "/etc/passwd", "a/../../../etc/cron.d/x.c", "fs/$(id).c"])
def test_a_path_that_leaves_the_tree_reaches_no_file(command, path):
    # the second file of the same mail is reviewed all the same
    thread = mail(diff=diff(path).removesuffix("-- \n2.43.0\n") + diff())
    asked = ("thread", "-", "--config", SENDER, "--drafts", "replies", "--format", "json")
    done = command(*asked, stdin=thread)
    assert done.code == 1
    found = [one["path"] for patch in json.loads(done.out)["patches"] for one in patch["findings"]]
    assert "fs/exfoo/a.c" in found
    assert all(left.startswith(("work/replies/new/", "home/.local/state/reviewbot/memory")) for left in command.left())


def test_nothing_in_a_mail_reaches_the_terminal_as_it_is(command):
    subject = "[PATCH] exfoo: \x1b]0;owned\x07\x1b[2J\u202egnp.exe \x9b31m"
    line = "\tp = kmalloc(8, GFP_KERNEL | GFP_NOFS); /* \x1b[2J\u202e \x07 */"
    thread = mail(subject, diff(line=line))
    for color in ("never", "always"):
        done = command("thread", "-", "--color", color, stdin=thread)
        assert "conflicting-flags" in done.out
        styled = re.sub(r"\x1b\[[0-9;]*m", "", done.out)
        assert ESCAPES.findall(styled + done.err) == []
    done = command("thread", "\x1b[2J\x07@example.org")
    assert (done.code, ESCAPES.findall(done.err)) == (2, [])


def test_bytes_that_are_no_text_are_shown_and_do_not_end_the_run(command):
    line = diff(line="\tp = kmalloc(8, GFP_KERNEL | GFP_NOFS); /* @ */").encode().replace(b"@ */", b"\xe9\xff */")
    for form in ("text", "json", "mail"):
        done = command("thread", "-", "--format", form, "--config", SENDER, stdin=mail(diff=line), LC_ALL="C")
        assert done.code == 1, done.err
        # a draft quotes the patch byte by byte; what people and programs read is sound UTF-8
        assert form == "mail" or "\\xe9\\xff" in done.out.encode().decode().replace("\\\\", "\\")


def test_a_server_that_is_gone_is_one_clear_line(command):
    (command.work / "lore.toml").write_text('[lore]\nurl = "http://127.0.0.1:9/all"\ntimeout = 2\n')
    done = command("thread", "20240610.1-1-a@example.org", "--config", "lore.toml")
    assert (done.code, done.out, len(done.err.splitlines())) == (3, "", 1)
    assert "127.0.0.1:9" in done.err
