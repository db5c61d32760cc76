"""Makes the command lines that compare.py runs, each with the mail, the repository or the rule that it is about.

What there is to ask for (commands, formats, rules, flags) is read from what the program prints, so that no name of the
package stands here; `say` asks it. A kind of input that is missing is named by `Missing`.
"""

from __future__ import annotations

import json
import mailbox
import os
import re
import subprocess
import sys
import tempfile
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "helpers"))

from compare_sides import Task

from fixtures import Case, cases

Say = Callable[..., str]  # the arguments of a command line in, what it prints out
SENDER = b'[mail]\nname = "Ada Reader"\nemail = "ada@reader.example.org"\n'
HEAD = (
    "From: Mira Holt <mira.holt@example.org>\nDate: Mon, 10 Jun 2024 10:15:02 +0200\nSubject: [PATCH] toy: {}\n"
    "Message-ID: <{}.made@example.org>\nTo: list@lists.example.org\n\nWhy.\n---\n\n"
)
KERNELS = ("5.10", "6.1", "6.12")  # that pages are asked for, beside the newest
LOW = ("--min-confidence", "low")
MANY = 20  # inputs of a kind; those after it are forked
PERSON = "A <a@example.org> {} +0000"
FIRST = b"int toy_one(struct toy *t)\n{\n\tspin_lock(&t->lock);\n\tspin_unlock(&t->lock);\n\treturn 0;\n}\n"
LOCAL = {  # what is done to that file: committed, staged, and in the working tree
    "commit": FIRST.replace(b"\tspin_un", b"\tt->a = kmalloc(8, GFP_KERNEL);\n\tspin_un"),
    "staged": FIRST.replace(b"\tspin_un", b"\tt->a = kmalloc(8, GFP_KERNEL | GFP_NOFS);\n\tspin_un"),
    "unstaged": FIRST.replace(b"\treturn", b"\tt->b = kmalloc(8, GFP_NOWAIT | __GFP_NOFAIL);\n\treturn"),
}


class Missing(Exception):
    """A kind of input that is not there, and why."""


def numbered(found: Iterable[Task]) -> Iterator[Task]:
    """Those tasks; all but the first so many start from a process that has imported everything."""
    counts: dict[str, int] = defaultdict(int)
    for task in found:
        counts[task.what] += 1
        yield task._replace(forked=counts[task.what] > MANY)


def formats(say: Say, command: str) -> list[str]:
    """Those that its help lists."""
    found = re.search(r"--format NAME\s+on stdout: (.*?)\n\s+--output", say(command, "--help"), re.DOTALL)
    return re.findall(r"[a-z][a-z0-9]*", re.sub(r"\([^)]*\)", "", found[1])) if found else []


def every(names: Sequence[str], explained: bool = True) -> list[str]:
    """All formats at once: text as a reader has it, and the others into files."""
    files = [word for name in names if name != "mail" for word in ("--output", f"{name}=out.{name}")]
    return [*files, *(["--explain"] if explained else [])]


def thread(kind: str, name: str, raw: bytes, names: Sequence[str], more: Sequence[str]) -> Task:
    arguments = ["thread", "mail", "--config", "sender.toml", *every(names), "--drafts", "drafts"]
    if "mail" in names:
        arguments += ["--format", "mail"]
    what = f"thread, {len(names)} formats, drafts"
    return Task(kind, what, name, [*arguments, *more], {"mail": raw, "sender.toml": SENDER})


def checks(kind: str, name: str, raw: bytes, more: Sequence[str] = ()) -> Iterator[Task]:
    for protocol in ("review", "prep"):
        yield Task(kind, f"check, {protocol}", name, ["check", "--protocol", protocol, *more], stdin=raw)


def messages(path: Path) -> list[bytes]:
    """The mails of a file, one where it is no mbox."""
    if not path.read_bytes().startswith(b"From "):
        return [path.read_bytes()]
    box = mailbox.mbox(path, create=False)
    try:
        return [bytes(one) for one in box]
    finally:
        box.close()


def mails(kind: str, folders: Sequence[Path], say: Say, more: Sequence[str]) -> Iterator[Task]:
    """Every mail and mbox of those folders, as a thread; what is a single mail as a check too."""
    paths = [one for folder in folders for one in sorted(folder.rglob("*")) if one.suffix in (".eml", ".mbox")]
    if not paths:
        raise Missing(f"no mail in {' or '.join(map(str, folders))}")
    names = formats(say, "thread")
    for path in paths:
        yield thread(kind, path.name, path.read_bytes(), names, more)
        for at, raw in enumerate(messages(path)):
            yield from checks(kind, f"{path.name}, {at}", raw)


def threads(checkout: Path, say: Say) -> Iterator[Task]:
    """Those of the tests, with what is shown by default as well, and each format alone."""
    folder = checkout / "tests" / "threads"
    yield from mails("tests/threads", [folder], say, (*LOW, "--kernel", "6.10"))
    for path in sorted(folder.glob("*.mbox")):
        names = formats(say, "thread")
        bars = thread("tests/threads", path.name, path.read_bytes(), names, ())
        yield bars._replace(what="thread, as configured")
        for name in names:
            plain = ["thread", "mail", "--config", "sender.toml", "--format", name]
            yield Task("tests/threads", "thread, a format alone", f"{path.name}, {name}", plain, bars.files)


def labelled(folder: Path | None, say: Say) -> Iterator[Task]:
    if folder is None:
        raise Missing("no --corpus")
    yield from mails("corpus", [folder / "lore"], say, LOW)


def judged(folder: Path | None, say: Say) -> Iterator[Task]:
    if folder is None:
        raise Missing("no --cases")
    names = formats(say, "thread")
    for line in (folder / "cases.jsonl").read_text(encoding="utf-8").splitlines():
        case = json.loads(line)
        raw, kernel = (folder / case["file"]).read_bytes(), ("--kernel", case["kernel"])
        yield thread("cases", case["file"], raw, names, (*kernel, *LOW))
        yield from checks("cases", case["file"], raw, kernel)


def fixtures(checkout: Path) -> list[Case]:
    found = [case for path in sorted((checkout / "tests" / "rules").glob("*.md")) for case in cases(path)]
    if not found:
        raise Missing(f"no fixture in {checkout / 'tests' / 'rules'}")
    return found


def hunks(checkout: Path, say: Say) -> Iterator[Task]:
    """Each case of a rule's fixture as a mail: hunks are all that the tests of the rules see."""
    names = formats(say, "thread")
    for at, case in enumerate(fixtures(checkout)):
        raw = (HEAD.format(re.sub(r"[^ -~]", "", case.name), at) + case.diff).encode()
        yield thread("rule fixtures", f"{case.fixture}: {case.name}", raw, names, (*LOW, "--kernel", case.kernel))


def side(diff: str, mark: str) -> bytes | None:
    """The file that a diff's hunks are of, empty rows where they show nothing; None where there is none."""
    if mark == "-" and "\n--- /dev/null\n" in diff:
        return None
    rows: list[str] = []
    for row in diff.split("\n")[3:]:
        if found := re.match(r"@@ -(\d+)\S* \+(\d+)", row):
            rows += [""] * (int(found[1 if mark == "-" else 2]) - 1 - len(rows))
        elif row[:1] in (" ", mark) and not row.startswith(("--- ", "+++ ")):
            rows.append(row[1:])
    return ("\n".join(rows) + "\n").encode()


def committed(folder: Path, listed: Sequence[Case]) -> None:
    """A repository of which a first commit has all old files, and one commit for each case its new one."""
    places: dict[str, Case] = {}
    for at, case in enumerate(listed):
        top, _, name = case.path.rpartition("/")
        places[case.path if case.path not in places else f"{top}/case{at}/{name}"] = case
    old = {path: side(case.diff, "-") for path, case in places.items()}
    out = [_commit(1, "old", {path: text for path, text in old.items() if text is not None})]
    out += [
        _commit(at, case.name, {path: side(case.diff, "+") or b""}) for at, (path, case) in enumerate(places.items(), 2)
    ]
    git(folder, "init", "-q", "-b", "main", ".")
    git(folder, "fast-import", "--quiet", stdin=b"".join(out))


def _commit(number: int, subject: str, texts: dict[str, bytes]) -> bytes:
    said = f"toy: {subject}\n".encode()
    out = [b"commit refs/heads/main\ncommitter %b\ndata %d\n%b\n" % (_who(number), len(said), said)]
    out += [b"M 644 inline %b\ndata %d\n%b\n" % (path.encode(), len(text), text) for path, text in texts.items()]
    return b"".join(out)


def _who(number: int) -> bytes:
    return PERSON.format(1718000000 + number).encode()


def git(folder: Path, *arguments: str, stdin: bytes = b"") -> str:
    names = {f"GIT_{who}_{what}": "a@example.org" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
    dates = {f"GIT_{who}_DATE": "1718000000 +0000" for who in ("AUTHOR", "COMMITTER")}
    env = {"PATH": os.environ["PATH"], "HOME": "/nonexistent", "GIT_CONFIG_NOSYSTEM": "1", **names, **dates}
    done = subprocess.run(["git", "-C", folder, *arguments], input=stdin, env=env, capture_output=True, check=True)
    return done.stdout.decode()


def whole_files(checkout: Path, say: Say, folder: Path) -> Iterator[Task]:
    """The same cases as commits of a repository for each kernel: whole files, sifted first."""
    by_kernel: dict[str, list[Case]] = defaultdict(list)
    for case in fixtures(checkout):
        by_kernel[case.kernel].append(case)
    names = formats(say, "range")
    for kernel, listed in by_kernel.items():
        made = Path(tempfile.mkdtemp(dir=folder))
        committed(made, listed)
        first = git(made, "rev-list", "--max-parents=0", "main").strip()
        span = ["range", f"{first}..main", "--tree", str(made), "--kernel", kernel, *LOW, *every(names)]
        yield Task("rule fixtures, commits", f"range, {len(names)} formats", kernel, span)


def history(repository: Path | None, commits: int, say: Say) -> Iterator[Task]:
    if repository is None:
        raise Missing("no --repository")
    found = git(repository, "rev-list", "--first-parent", f"--max-count={commits + 1}", "HEAD").split()
    names = formats(say, "range")
    for what, more in (("", LOW), (", as configured", ())):
        span = ["range", f"{found[-1]}..{found[0]}", "--tree", str(repository.resolve()), *every(names), *more]
        yield Task("repository", f"range, {len(names)} formats{what}", f"{len(found) - 1} first parents", span)


def helps(say: Say) -> Iterator[Task]:
    """What the command line says of itself, and of what it does not know."""
    listed = re.search(r"positional arguments:\n  COMMAND\n(.*?)\n\n", say("--help"), re.DOTALL)
    commands = re.findall(r"^    (\S+)", listed[1] if listed else "", re.MULTILINE)
    if not commands:
        raise Missing("--help names no command")
    lines = [["--help"], ["--version"], [], ["no-such-command"]]
    lines += [[command, word] for command in commands for word in ("--help", "--no-such-option")]
    for arguments in (*lines, ["thread", "no-such-file"], ["setup", "b4"], ["agent"], ["local"], ["range", "HEAD"]):
        yield Task("command line", "--help, mistakes", " ".join(arguments), arguments)


def pages(say: Say) -> Iterator[Task]:
    """A page for each rule, and for each flag and scope of the matrix."""
    rules = re.findall(r"^([a-z][a-z0-9-]+)  ", say("rule"), re.MULTILINE)
    matrix = say("matrix")
    flags = re.findall(r"^([A-Za-z_]\w+)  ", matrix, re.MULTILINE)
    scopes = sorted(set(re.findall(r"\b(\w+)\(\)", matrix)))
    if not rules or not flags:
        raise Missing("no rule or no flag is listed")
    for command, words in (("rule", rules), ("matrix", [*flags, *scopes])):
        lines = [[command], [command, "no-such"], *([command, "--kernel", kernel] for kernel in KERNELS)]
        for arguments in (*lines, *([command, word] for word in words)):
            yield Task("pages", command, " ".join(arguments), arguments)


def local(say: Say, folder: Path) -> Iterator[Task]:
    """A commit, what is staged and what is not, in a small repository; and the commit as a file."""
    made = Path(tempfile.mkdtemp(dir=folder))
    committed(made, ())
    path = made / "fs" / "toy.c"
    path.parent.mkdir()
    path.write_bytes(FIRST)
    git(made, "add", ".")
    git(made, "commit", "-qm", "toy: first")
    for name, text in LOCAL.items():
        path.write_bytes(text)
        if name != "unstaged":
            git(made, "add", ".")
        if name == "commit":
            git(made, "commit", "-qm", "toy: second")
    (made / "fs" / "new.c").write_bytes(LOCAL["unstaged"])
    patch = git(made, "format-patch", "--stdout", "-1").encode()
    names = formats(say, "local")
    ways = [
        ["--base", "HEAD~1"],
        ["--staged"],
        ["--base", "HEAD~1", "--untracked"],
        ["--base", "HEAD~1", "a.patch"],
        [],
    ]
    for way in ways:
        for what, more in ((f"local, {len(names)} formats", every(names)), ("local, as configured", ())):
            files = {"a.patch": patch} if "a.patch" in way else {}
            yield Task("small repository", what, " ".join(way), ["local", *way, *more], files, copy=made)
