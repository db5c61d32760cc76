"""Streams that are closed, full or no files, pipes and devices in the place of files, and programs that call main()."""

from __future__ import annotations

import io
import itertools
import json
import os
import re
import resource
import shlex
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from command import THREADS, Done, diff, mail
from kerneltree import KernelTree
from reviewbot.cli import main
from reviewbot.support.timeout import TooSlow, bounded

DEMO = str(THREADS / "demo.mbox")
SENDER = str(THREADS / "demo.toml")
MEMORY = 1 << 30  # bytes that a run may have
BAD = "int made(void)\n{\n\tvoid *p;\n\tp = kmalloc(8, GFP_KERNEL | GFP_NOFS);\n}\n"


@pytest.fixture
def shell(command):
    """Runs a line in bash, where `reviewbot` is this one."""
    tree = KernelTree(command.work / "tree")
    tree.commit("fs: bad", {"fs/d.c": BAD})

    def run(line):
        program = f"{shlex.quote(sys.executable)} -m reviewbot"
        done = subprocess.run(
            ["bash", "-c", f'reviewbot() {{ {program} "$@"; }}\n{line}'],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
            env=command.env,
            cwd=command.work,
            preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY)),
        )
        assert "Traceback" not in done.stdout + done.stderr
        assert "mistake of reviewbot" not in done.stderr
        assert "Exception ignored" not in done.stderr
        return Done(done.returncode, done.stdout, done.stderr)

    (command.work / "one.eml").write_bytes(mail(diff=diff()))
    return run


def at_once(shell, lines):
    """What comes of lines that run side by side, by the same names: each may wait as long as all of them."""
    text = "".join(
        f"{{ {line}\n}} >'{name}.out' 2>'{name}.err' & jobs[{at}]=$!\n" for at, (name, line) in enumerate(lines.items())
    )
    codes = shell(f'{text}for job in "${{jobs[@]}}"; do wait $job; echo $?; done').out.split()
    files = shell('for name in *.out *.err; do cat "$name"; printf \'\\0%s\\0\' "$name"; done').out.split("\0")
    texts = dict(zip(files[1::2], files[::2], strict=False))
    return {
        name: Done(int(code), texts[f"{name}.out"], texts[f"{name}.err"])
        for name, code in zip(lines, codes, strict=True)
    }


# one line for each command that reads or prints, and the exit code that it has
COMMANDS = {
    "thread": ("reviewbot thread one.eml", 1),
    "json": ("reviewbot thread one.eml --format json", 1),
    "mail": (f"reviewbot thread one.eml --format mail --config {shlex.quote(SENDER)}", 1),
    "local": ("reviewbot local -q one.eml", 1),
    "range": ("reviewbot range --tree tree HEAD", 1),
    "rule": ("reviewbot rule scope-leak", 0),
    "matrix": ("reviewbot matrix", 0),
    "check": ("reviewbot check --protocol review < one.eml", 1),
    "help": ("reviewbot --help", 0),
    "help of one": ("reviewbot range --help", 0),
    "version": ("reviewbot --version", 0),
}
each_command = pytest.mark.parametrize(("line", "code"), COMMANDS.values(), ids=COMMANDS)


@each_command
def test_nobody_can_read_what_is_found(shell, line, code):
    closed = shell(f"{line} >&-")
    assert (closed.code, closed.err.splitlines()[-1]) == (3, "reviewbot: cannot write to standard output: it is closed")
    full = shell(f"{line} >/dev/full")
    assert (full.code, full.err.splitlines()[-1]) == (3, "reviewbot: cannot write to standard output: the disk is full")
    gone = shell(f"{line} | true; exit ${{PIPESTATUS[0]}}")
    assert (gone.code, gone.err) in ((141, ""), (code, ""))  # what fits into the pipe may be there before it ends


@each_command
def test_what_is_said_beside_it_changes_nothing(shell, line, code):
    plain = shell(line)
    assert plain.code == code
    for where in ("2>&-", "2>/dev/full"):
        done = shell(f"{line} {where}")
        assert done.code == code
        assert re.sub(r"\nDate: .*", "", done.out) == re.sub(r"\nDate: .*", "", plain.out)


@pytest.mark.parametrize("where", ["2>&-", "2>/dev/full"])
def test_a_voice_that_nobody_hears_does_not_go_elsewhere(shell, where):
    done = shell(f"reviewbot thread one.eml --format json -v {where}")
    assert done.code == 1
    assert json.loads(done.out)["schema"] == 1
    assert shell(f"reviewbot thread absent.mbox {where}") == (3, "", "")
    assert shell(f"reviewbot --absent {where}") == (2, "", "")


def test_all_three_are_closed(shell):
    assert shell("reviewbot thread one.eml --output json=report.json <&- >&- 2>&-").code == 3
    assert shell("cat report.json").out.startswith("{")
    assert shell("reviewbot range --tree tree HEAD --output json=report.json <&- >&- 2>&-; cat report.json").code == 0


@pytest.mark.parametrize("line", ["reviewbot thread -", "reviewbot local -", "reviewbot check --protocol review"])
def test_standard_input_is_closed(shell, line):
    done = shell(f"{line} <&-")
    assert done.code in (2, 3)
    assert "stdin: it is closed" in done.out + done.err


def test_other_commands_need_no_standard_input(shell):
    for line, code in (COMMANDS[name] for name in ("thread", "local", "range", "rule")):
        assert shell(f"{line} <&-").code == code


def test_a_reader_that_stops_is_no_error_and_an_error_is_no_reader_that_stops(shell):
    many = shell("for i in $(seq 300); do cat one.eml; done > many.mbox; reviewbot matrix | head -1")
    assert (many.code, many.err) == (0, "")
    assert shell("set -o pipefail; reviewbot rule scope-leak | head -c 0").code in (0, 141)


# --- what is no file ---

FILES = {
    "mail": "thread {}",
    "config": "thread one.eml --config {}",
    "baseline": "thread one.eml --baseline {}",
    "rules": "thread one.eml --rules {}",
    "a rule": "thread one.eml --rules folder",
    "patch": "local {}",
    "patches": "local one.eml {}",
    "tree": "thread one.eml --tree {}",
    "templates": "thread one.eml --format mail --config texts.toml",
    "drafts": "thread one.eml --drafts {} --config " + shlex.quote(SENDER),
    "tracking": "check --protocol review --series < one.eml",
}


def _prepared(what):
    """A folder of rules, and a folder of texts, with that in the place of a file."""
    return (
        f"mkdir -p folder texts; ln -sf $PWD/{what} folder/a-b.toml; ln -sf $PWD/{what} texts/reply.txt\n"
        'printf \'[mail]\\nname="A"\\nemail="a@b.example"\\n[templates]\\nfolder="%s"\\n\' $PWD/texts > texts.toml\n'
    )


@pytest.mark.parametrize(
    ("make", "what"),
    [("mkfifo pipe", "pipe"), ("ln -s /dev/zero zero", "zero"), ("mkdir dir", "dir"), ("ln -s x loop", "loop")],
    ids=["fifo", "zero", "folder", "nothing"],
)
def test_what_is_no_file_is_a_clear_line(shell, make, what):
    shell(f"{make}\n{_prepared(what)}")
    lines = {place: f"export B4_TRACKING_FILE={what}; reviewbot {line.format(what)}" for place, line in FILES.items()}
    for place, done in at_once(shell, lines).items():
        if what == "dir" and place in ("drafts", "rules"):  # which is what they are
            assert done.code == 1, place
        elif place == "tracking":
            assert json.loads(done.out)[0]["tool"] == "gfp-series"
        else:
            assert done.code in (2, 3), place
            assert place == "drafts" or done.out == ""  # those are written last
            assert done.err.splitlines()[-1].startswith("reviewbot: ")


def test_a_pipe_that_somebody_writes_to_is_as_good_as_a_file(shell):
    plain = shell("reviewbot thread one.eml --format json").out
    assert shell("reviewbot thread <(cat one.eml) --format json").out == plain
    late = shell("mkfifo pipe; { sleep 1; cat one.eml; } > pipe & reviewbot thread pipe --format json")
    assert late.out == plain
    slow = shell("reviewbot thread <(head -c 99 one.eml; sleep 4; tail -c +100 one.eml) --format json")
    assert slow.out == plain
    assert shell("reviewbot thread one.eml --config <(echo '[report]'; echo 'min_severity=\"error\"')").code == 0


def test_what_cannot_be_written_to_is_a_clear_line(shell):
    shell("mkfifo pipe; mkdir dir; ln -s loop loop; touch file")
    reasons = {
        "pipe": "nobody reads from this pipe",
        "/dev/full": "the disk is full",
        "dir": "is a directory",
        "loop": "too many levels of symbolic links",
        "file/x": "not a directory",
    }
    options = ("--output json=", "--write-baseline ")
    tried = list(itertools.product(options, reasons))
    lines = {str(at): f"reviewbot thread one.eml {option}{what}" for at, (option, what) in enumerate(tried)}
    lines["step"] = "GITHUB_STEP_SUMMARY=pipe reviewbot thread one.eml --format github"
    done = at_once(shell, lines)
    for at, (_, what) in enumerate([*tried, ("", "pipe")]):
        one = done[str(at) if at < len(tried) else "step"]
        assert (one.code, one.err) == (3, f"reviewbot: cannot write {what}: {reasons[what]}\n")


def test_a_pipe_and_a_device_that_somebody_reads_are_written_to(shell):
    plain = json.loads(shell("reviewbot thread one.eml --format json").out)
    assert json.loads(shell("reviewbot thread one.eml --output json=>(cat >got) >&2; sleep 1; cat got").out) == plain
    both = shell("reviewbot thread one.eml --output json=/dev/stdout | cat").out  # the file first
    assert json.JSONDecoder().raw_decode(both)[0] == plain


# --- a program that calls main() ---


class Writes:
    """As little as a stream can be."""

    def __init__(self):
        self.text = ""

    def write(self, text):
        self.text += text


def called(monkeypatch, out, err, *arguments, stdin=None):
    monkeypatch.setattr(sys, "stdout", out)
    monkeypatch.setattr(sys, "stderr", err)
    monkeypatch.setattr(sys, "stdin", stdin)
    code = main.main([*map(str, arguments)])
    monkeypatch.undo()
    return code


@pytest.mark.parametrize("kind", [Writes, io.StringIO])
@pytest.mark.parametrize("name", ["text", "json", "junit", "github"])
def test_streams_may_be_anything_that_writes(monkeypatch, kind, name):
    said = []
    for _ in range(2):
        out, err = kind(), kind()
        assert called(monkeypatch, out, err, "thread", DEMO, "--format", name, "-v", "--kernel", "6.10") == 1
        said.append([stream.text if kind is Writes else stream.getvalue() for stream in (out, err)])
    assert said[0] == said[1]
    assert "scope-leak" in said[0][0]
    assert "rules from" in said[0][1]


def test_standard_input_may_be_text(monkeypatch):
    out = io.StringIO()
    assert called(monkeypatch, out, Writes(), "thread", "-", stdin=io.StringIO(Path(DEMO).read_text())) == 1
    assert "scope-leak" in out.getvalue()
    for verb in ("thread", "local"):
        assert called(monkeypatch, out, Writes(), verb, "-", stdin=io.StringIO("")) == 3


def test_help_and_mistakes_go_to_such_streams_too(monkeypatch):
    out, err = Writes(), Writes()
    assert called(monkeypatch, out, err, "--help") == 0
    assert called(monkeypatch, out, err, "--version") == 0
    assert called(monkeypatch, out, err, "thread", "absent") == 3
    assert called(monkeypatch, out, err, "absent") == 2
    assert "usage: reviewbot" in out.text
    assert "no command 'absent'" in err.text
    assert "absent: no such file" in err.text


def test_a_narrow_encoding_and_a_closed_file(monkeypatch, tmp_path):
    thread = tmp_path / "one.eml"
    thread.write_bytes(mail("[PATCH] exfoo: \u4e00 \u00e9", diff()))
    narrow = io.TextIOWrapper(io.BytesIO(), "ascii", errors="strict")
    assert called(monkeypatch, narrow, Writes(), "thread", thread) == 1
    assert b"\\u4e00 \\xe9" in narrow.buffer.getvalue()
    assert narrow.errors == "strict"
    closed, err = io.StringIO(), Writes()
    closed.close()
    assert called(monkeypatch, closed, err, "thread", thread) == 3
    assert err.text.startswith("reviewbot: cannot write to standard output: ")
    assert called(monkeypatch, Writes(), closed, "thread", thread, "-v") == 1


def test_the_caller_keeps_its_handlers_its_clock_and_its_descriptors(monkeypatch):
    rung = []
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGPIPE)
    before = [signal.getsignal(number) for number in numbers]
    old = signal.signal(signal.SIGALRM, lambda *_: rung.append(1))
    files = sorted(Path("/proc/self/fd").iterdir())
    environment = dict(os.environ)
    signal.setitimer(signal.ITIMER_REAL, 300, 7)
    try:
        for arguments in (["thread", DEMO], ["thread", "absent"], ["rule", "absent"]):
            called(monkeypatch, Writes(), Writes(), *arguments)
        left, every = signal.getitimer(signal.ITIMER_REAL)
        assert 0 < left < 300
        assert every == 7
        assert signal.getsignal(signal.SIGALRM) is not signal.SIG_DFL
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, old)
    assert [signal.getsignal(number) for number in numbers] == before
    assert sorted(Path("/proc/self/fd").iterdir()) == files
    assert dict(os.environ) == environment


def test_a_clock_that_ran_out_meanwhile_rings_at_once():
    rung = []
    old = signal.signal(signal.SIGALRM, lambda *_: rung.append(1))
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.05)
        with pytest.raises(TooSlow), bounded(0.2):
            time.sleep(5)
        time.sleep(0.05)
        assert rung == [1]
    finally:
        signal.signal(signal.SIGALRM, old)


def test_another_thread_is_told_so(monkeypatch):
    codes, err = [], Writes()
    one = threading.Thread(target=lambda: codes.append(called(monkeypatch, Writes(), err, "thread", DEMO)))
    one.start()
    one.join()
    assert codes == [2]
    assert "only the main thread" in err.text
