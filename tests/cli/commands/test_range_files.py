"""`reviewbot range`: whatever a commit is to a file, its name and its bytes, is read, or said not to be."""

from __future__ import annotations

import json
import os
import subprocess
from typing import NamedTuple

import pytest

from command import Command
from desk import LEAK, WHOLE, Span
from kerneltree import NOBODY
from report_readers import READERS
from reviewbot.report.registry import FORMATS

LINE = LEAK.split("\n").index("\t\treturn -ENOMEM;") + 1
LATIN = LEAK.encode().replace(b"#include", b"/* Ren\xe9 */\n#include", 1)
BINARY = "git takes it for binary"
NO_PATH = "the path leaves the tree or is no path"


class Kind(NamedTuple):
    """A commit: what it does to a repository, the places of the leaks in it, and what of it is not looked at."""

    name: str
    files: dict[str, str | bytes | None] = {}  # noqa: RUF012 - never changed
    leaks: tuple[str, ...] = ()
    unread: tuple[tuple[str, str], ...] = ()
    do: str = ""  # a shell's commands in the work tree, before


def leaks(path: str, **more: object) -> Kind:
    """A new file with a leak in it."""
    return Kind(ascii(path), {path: LEAK}, (path,), **more)


def refused(path: str, shown: str) -> Kind:
    return Kind(ascii(path), {path: LEAK}, (), ((shown, NO_PATH),))


KINDS = (
    Kind("the files there are", {f"{name}.c": WHOLE for name in ("mode", "gone", "link", "text", "moved", "edited")}),
    Kind("a mode", do="chmod +x mode.c"),
    Kind("a mode and a line", {"mode.c": LEAK}, ("mode.c",), do="chmod -x mode.c"),
    Kind("a deleted file", {"gone.c": None}),
    Kind("a file becomes a link", do="ln -sf text.c link.c"),
    Kind("a link is no file", do="ln -s /etc/passwd out.c; ln -s nowhere.c dead.c"),
    Kind("a link leads elsewhere", do="ln -sf mode.c link.c"),
    Kind("a link becomes a file", {"link.c": LEAK}, ("link.c",), do="rm link.c"),
    Kind("a submodule", do="mkdir sub.c; git update-index --add --cacheinfo 160000,$(git rev-parse HEAD),sub.c"),
    Kind("it moves on", do="git update-index --cacheinfo 160000,$(git rev-parse HEAD),sub.c"),
    Kind("it becomes a file", {"sub.c": LEAK}, ("sub.c",), do="git update-index --force-remove sub.c; rmdir sub.c"),
    Kind("a renamed file", do="git mv moved.c there.c"),
    Kind("renamed and edited", {"later.c": LEAK}, ("later.c",), do="git mv edited.c later.c"),
    Kind("renamed to what is no source", do="git mv later.c later.txt"),
    Kind("and back", leaks=("back.c",), do="git mv later.txt back.c"),
    Kind("no longer UTF-8", {"text.c": LATIN}, ("text.c",)),
    Kind("no UTF-8 any more, and a line", {"text.c": LATIN.replace(b"(8,", b"(9,")}),
    Kind("lines of DOS", {"dos.c": LEAK.replace("\n", "\r\n")}, ("dos.c",)),
    Kind("no newline at the end", {"end.c": LEAK.rstrip()}, ("end.c",)),
    Kind(
        "one line, and no end of it",
        {"one.c": LEAK + "int x" + " " * 30_000 + ";\n"},
        (),
        (("one.c", "a line is longer"),),
    ),
    Kind("binary", {"bin.c": b"\0" + LEAK.encode()}, (), (("bin.c", BINARY),)),
    Kind("binary no longer", {"bin.c": LEAK}, (), (("bin.c", BINARY),)),
    Kind("UTF-16", {"wide.c": LEAK.encode("utf-16")}, (), (("wide.c", BINARY),)),
    Kind("what looks like a diff", {"diff.c": f"{LEAK}\ndiff --git a/x.c b/x.c\n--- a/x.c\n+++ b/x.c\n"}, ("diff.c",)),
    Kind("an empty file", {"empty.c": ""}),
    Kind("no source", {"a.txt": LEAK, "a.rs": LEAK, "a.c.orig": LEAK, "ac": LEAK}),
    leaks("a.h"),
    leaks("a.inc"),
    Kind("nothing at all"),
    leaks("with blank.c"),
    leaks("caf\u00e9.c"),
    leaks(os.fsdecode(b"caf\xe9.c")),
    leaks("\"quoted\" 'too'.c"),
    leaks("-rf.c"),
    leaks(":(glob)*.c"),
    leaks("$HOME %d {0} [bold].c"),
    leaks("a/b/a/b.c"),
    leaks("x => y.c"),
    refused("with\ttab.c", "with\\ttab.c"),
    refused("with\nline.c", "with\\nline.c"),
    refused("back\\slash.c", "back\\\\slash.c"),
    refused("\x1b[31mred.c", "\\x1b[31mred.c"),
)


@pytest.fixture(scope="module")
def span(tmp_path_factory) -> Span:
    folder = tmp_path_factory.mktemp("files")
    span = Span(Command(folder), folder / "linux").quick
    for kind in KINDS:
        subprocess.run(["/bin/sh", "-ec", kind.do], cwd=span.folder, env=NOBODY, check=True)
        span.kernel.commit(kind.name, kind.files)
    span.kernel.git("checkout", "--quiet", "-b", "wrong", span.base)
    span.kernel.commit("wrong", {"a.c": LEAK})
    span.kernel.git("checkout", "--quiet", "main")
    return span


@pytest.fixture(scope="module")
def patches(span) -> dict[str, dict]:
    """What is said of each of them, in one go."""
    found = span.found(f"{span.base}..main")
    assert [patch["subject"] for patch in found["patches"]] == [printed(kind.name) for kind in KINDS]
    assert found["unread"] == []
    return {kind.name: patch for kind, patch in zip(KINDS, found["patches"], strict=True)}


def printed(text: str) -> str:
    """As JSON has what was no UTF-8."""
    return "".join(f"\\x{ord(char) - 0xDC00:02x}" if 0xDC80 <= ord(char) <= 0xDCFF else char for char in text)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_what_a_commit_may_do(patches, kind):
    patch = patches[kind.name]
    found = [one["path"] for one in patch["findings"] if one["rule"] == "scope-leak"]
    assert sorted(found) == sorted(map(printed, kind.leaks))
    unread = [(one["path"], one["reason"]) for one in patch["unread"]]
    assert [path for path, _ in unread] == [path for path, _ in kind.unread]
    for (_, said), (_, wanted) in zip(unread, kind.unread, strict=True):
        assert said.startswith(wanted)


def test_links_and_submodules_are_no_files(span):
    for name in ("a link is no file", "a link leads elsewhere", "a submodule", "it moves on"):
        done = span(f":/^{name}")
        assert (done.code, "no commit changes a file that can be read" in done.err) == (0, True), name


def test_a_commit_says_the_same_alone(span, patches):
    """What it stands among has no part in it."""
    for name in ("a mode and a line", "a link becomes a file", "no longer UTF-8", "lines of DOS"):
        (alone,) = span.found(f":/^{name}")["patches"]
        assert {**alone, "number": 0} == {**patches[name], "number": 0}, name


def test_every_format_takes_every_name(span, patches):
    """Each reader is as strict as the program it stands for, and finds each file that a leak is in."""
    folder = span.folder.parent / "reports"
    folder.mkdir()
    done = span(f"{span.base}..main", *(f"--output={name}={folder}/{name}" for name in FORMATS), "--color", "always")
    assert done.code == 1
    found = [one for patch in patches.values() for one in patch["findings"] if one["rule"] == "scope-leak"]
    wanted = len({one["path"] for one in found if one["resolved_by"] is None})
    for name, rows in READERS.items():
        shown = len({row.path for row in rows((folder / name).read_text()) if row.rule == "scope-leak"})
        assert shown == (min(wanted, 10) if name == "github" else wanted), name
    text = (folder / "text").read_text()
    assert f"    {'caf'}\\xe9.c:{LINE}\n" in text
    assert "\x1b" not in text
    assert "\x1b[31mred" not in done.out


# --- messages ---


def written(
    span: Span, message: bytes, encoding: bytes = b"", author: bytes = b"A", when: bytes = b"1700000000"
) -> str:
    """A commit of a leak, made as no porcelain would."""
    tree = span.kernel.git("rev-parse", "wrong^{tree}").encode()
    parent = span.base.encode()
    head = b"tree %s\nparent %s\nauthor %s <a@b> %s +0000\ncommitter %s <a@b> %s +0000\n"
    raw = head % (tree, parent, author, when, author, when)
    raw += (b"encoding %s\n" % encoding if encoding else b"") + b"\n" + message
    command = ("git", "-C", span.folder, "hash-object", "-t", "commit", "-w", "--stdin", "--literally")
    return subprocess.run(command, input=raw, env=NOBODY, capture_output=True, check=True).stdout.decode().strip()


MESSAGES = (
    (b"caf\xe9: gr\xfc\xdfe\n", b"ISO-8859-1", "caf\u00e9: gr\u00fc\u00dfe"),
    (b"caf\xe9\n", b"", "caf\\xe9"),
    (b"caf\xc3\xa9\n", b"", "caf\u00e9"),
    (b"caf\xe9\n", b"no-such-thing", "caf\\xe9"),
    (b"caf\xe9\n", b"\xff\xfe", "caf\\xe9"),
    (b"\x93\xfa\x96{\n", b"Shift_JIS", "\u65e5\u672c"),
    (b"a-" + b"9a" * 4_000 + b"\n", b"punycode", "a-" + "9a" * 4_000),
    (b"a \\q\\x1b[1m\n", b"unicode_escape", "a \\q\\x1b[1m"),
    (b"lone +2AA-\n", b"utf-7", "lone \\ud800"),
    (b"two\nlines\n\nbody\n", b"", "two lines"),
    (b"\n\n  blanks\n", b"", "blanks"),
    (b"", b"", ""),
    (b"a\x1b[31m\x00b\n", b"", "a\x1b[31m\x00b"),
)


@pytest.mark.parametrize(("message", "encoding", "subject"), MESSAGES, ids=[ascii(one[2][:20]) for one in MESSAGES])
def test_a_message_in_any_encoding(span, message, encoding, subject):
    folder = span.folder.parent
    commit = written(span, message, encoding, b"Ren\xe9")
    done = span(commit, *(f"--output={name}={folder}/{name}" for name in FORMATS))
    assert done.code == 1
    assert json.loads((folder / "json").read_text())["patches"][0]["subject"] == subject
    for name, rows in READERS.items():
        assert "scope-leak" in {row.rule for row in rows((folder / name).read_text())}, name
    assert "\x1b" not in done.out
    assert "\0" not in done.out


@pytest.mark.parametrize("when", [b"0", b"-1", b"99999999999", b"999999999999999999999", b"x", b""])
def test_a_commit_of_any_time(span, when):
    assert span.groups(written(span, b"x\n", when=when))["x"] != []


# --- limits ---


def test_a_diff_that_is_too_long_hides_no_other(span):
    kernel = span.kernel
    (span.folder.parent / "small.toml").write_text("[limits]\nmail_bytes = 3000\n")
    kernel.git("checkout", "--quiet", "-B", "long", "main")
    base = kernel.git("rev-parse", "HEAD")
    wrong = {"l/a.c": LEAK, "l/c.c": LEAK.replace("made", "c")}
    long = {f"l/{name}.c": "int x;\n" * lines for name, lines in (("b", 30_000), ("d", 600), ("e", 200), ("f", 200))}
    kernel.commit("long", {**wrong, **long})
    kernel.commit("after it", {"l/g.c": LEAK})
    found = span.found(f"{base}..long", "--config", span.folder.parent / "small.toml")["patches"]
    first, second = ([one["path"] for one in patch["findings"] if one["rule"] == "scope-leak"] for patch in found)
    assert (first, second) == (["l/a.c", "l/c.c"], ["l/g.c"])
    (why,) = found[0]["unread"]
    assert why == {
        "path": None,
        "reason": "3 files: the diff is longer than 3000 bytes (mail_bytes under [limits] in config.toml)",
    }
    assert found[1]["unread"] == []


def test_of_a_file_that_is_too_large_the_hunks_are_read(span):
    kernel = span.kernel
    kernel.git("checkout", "--quiet", "-B", "large", "main")
    filler = ("/* " + "x" * 94 + " */\n") * 45_000
    kernel.commit("large", {"large.c": WHOLE + filler})
    kernel.commit("and wrong", {"large.c": LEAK + filler})
    (patch,) = span.found("large")["patches"]
    assert [(one["rule"], one["line"]) for one in patch["findings"]] == [("scope-leak", LINE)]
    assert patch["unread"] == [
        {"path": "large.c", "reason": "the file has more than 4 MB, or is not in this clone; only its hunks were read"}
    ]
