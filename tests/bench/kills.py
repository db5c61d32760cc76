"""A number in; how what is written stands so many ends by kill -9, and one more run after each, out.

    kills.py [--kills N] [--seed N] [-v]

The N kills are shared out among `thread --drafts`, `agent` on a review branch that b4 has made and `range
--write-baseline`, each on a folder that is new, one that has all of it, and one in between. Every third run is a
process that is killed at a random time. The others are ended at a random step of their writing, which takes but a few
milliseconds: before a file is made, renamed, linked or removed, in the middle of what is written to it, or before it
is on the disk. Right after the kill nothing may be there by half; after one more run all is as without a kill, and
nothing is left over, neither there nor in TMPDIR.
"""

from __future__ import annotations

import argparse
import os
import random
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass, field
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "helpers"))

from b4home import B4Home
from exfoo import CHANGE, LEAK, WHOLE, with_mask
from reviewbot.cli import main as cli
from reviewbot.integrations.b4 import review_dir

ODD = with_mask("GFP_KERNEL | GFP_NOFS")
EVENTS = ("os.link", "os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.chmod", "fcntl.flock")
WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT
DATE = re.compile(rb"^Date: .*\n", re.M)
MEMORY = "memory.sqlite"


@dataclass
class Command:
    """One command and where it writes. `states`: what may be there before, each made by a function."""

    name: str
    arguments: Sequence[str]
    work: Path
    place: Path
    env: Mapping[str, str]
    temporary: Path
    states: dict[str, Callable[[], None]] = field(default_factory=dict)
    before: dict[str, dict[str, bytes]] = field(default_factory=dict)  # what is there in each state
    whole: dict[str, dict[str, bytes]] = field(default_factory=dict)  # and after a run from there
    steps: dict[str, int] = field(default_factory=dict)
    seconds: float = 0.0

    def start(self, *more: str) -> subprocess.Popen[bytes]:
        program = [sys.executable, "-m", "reviewbot", *self.arguments, *more]
        quiet = subprocess.DEVNULL
        return subprocess.Popen(program, cwd=self.work, env=self.env, stdin=quiet, stdout=quiet, stderr=quiet)

    def forked(self, last: int | None = None) -> tuple[int, int]:
        """Run without the time for imports; how it ended, and its steps. It is killed at its step `last`."""
        heard, tell = os.pipe()
        child = os.fork()
        if child == 0:
            _child(self, tell, last)
        os.close(tell)
        with os.fdopen(heard, "rb") as file:
            steps = len(file.read())
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), steps

    def content(self) -> dict[str, bytes]:
        """What is there, without what is another one each time."""
        found = {}
        for path in sorted(self.place.rglob("*")):
            if path.name.startswith(MEMORY):
                found.update({MEMORY: _rows(path)} if path.name == MEMORY else {})
            elif path.is_file() or path.is_symlink():
                found[str(path.relative_to(self.place))] = DATE.sub(b"", path.read_bytes())
        return found

    def left(self) -> list[str]:
        """What is there and has no business there."""
        here = [str(path) for path in self.place.rglob("*") if "reviewbot-" in path.name]
        return [*here, *map(str, self.temporary.iterdir())]

    def empty(self) -> None:
        shutil.rmtree(self.place, ignore_errors=True)
        self.place.mkdir()


def _rows(path: Path) -> bytes:
    """What the memory says of drafts, read from a copy: what is there is left as it is, for the next run."""
    with tempfile.TemporaryDirectory() as folder:
        for one in path.parent.glob(f"{MEMORY}*"):
            shutil.copy(one, folder)
        with closing(sqlite3.connect(Path(folder, path.name))) as copy:
            if not copy.execute("SELECT 1 FROM sqlite_master WHERE name = 'drafts'").fetchall():
                return b""
            rows = copy.execute("SELECT asks, message_id, state FROM drafts ORDER BY asks").fetchall()
    return "".join(f"{' '.join(row)}\n" for row in rows).encode()


def _child(command: Command, tell: int, last: int | None) -> None:
    """The run itself, ended at a step; it does not come back."""
    count = 0

    def step(half: Callable[[], object] = lambda: None) -> None:
        nonlocal count
        count += 1
        _write(tell, b".")
        if count == last:
            half()
            os.kill(os.getpid(), signal.SIGKILL)

    def hear(event: str, given: tuple[object, ...]) -> None:
        if event in EVENTS or (event == "open" and isinstance(given[2], int) and given[2] & WRITES):
            step()

    def write(descriptor: int, data: memoryview) -> int:
        step(lambda: _write(descriptor, data[: len(data) // 2]))
        return _write(descriptor, data)

    def sync(descriptor: int) -> None:
        step()
        _sync(descriptor)

    code = 99
    with suppress(BaseException):
        os.chdir(command.work)
        os.environ.clear()
        os.environ.update(command.env)
        nowhere = os.open(os.devnull, os.O_RDWR)
        for number in range(3):
            os.dup2(nowhere, number)
        sys.stdout = sys.stderr = os.fdopen(nowhere, "w")
        sys.addaudithook(hear)
        os.write, os.fsync = write, sync  # type: ignore[assignment]
        code = cli.main(list(command.arguments))
    os._exit(code)


_write, _sync = os.write, os.fsync


@dataclass
class Told:
    """What went wrong, and how often what was done."""

    kills: int = 0
    early: int = 0  # runs that had come to their end before
    leftovers: int = 0  # that were there after a kill, to be cleared
    wrong: list[str] = field(default_factory=list)


def made(top: Path) -> list[Command]:
    """A home, its review branch, and the three commands in it."""
    home = B4Home(top)
    tree, base = home.tree, home.tree.commit("exfoo: made()", {"fs/exfoo/a.c": WHOLE, "fs/exfoo/b.c": WHOLE})
    for number, (name, content) in enumerate((("a", LEAK), ("b", ODD), ("c", LEAK), ("d", ODD)), 1):
        tree.commit(f"exfoo: part {number}", {f"fs/exfoo/{name}.c": content})
    mails = [one.replace(b"<a@b>", b"<a@b.example>") for one in tree.mails("--cover-letter", base)]
    tree.git("branch", "series")
    tree.git("reset", "-q", "--hard", base)
    mbox = home.mbox(mails)
    home.b4("review", mbox, CHANGE, base)
    home.git("checkout", "-q", f"b4/review/{CHANGE}")
    temporary = top / "temporary"
    temporary.mkdir()
    env = {**home.env, "TMPDIR": str(temporary), "PYTHONDONTWRITEBYTECODE": "1"}
    drafts, baseline = top / "drafts", top / "baseline"
    env["XDG_STATE_HOME"] = str(drafts / "state")
    low = ("--min-confidence", "low", "-q")
    thread = ("thread", mbox, "--tree", str(tree.folder), "--base", base, "--drafts", str(drafts / "replies"), *low)
    spans = ("range", f"{base}..series", "--write-baseline", str(baseline / "known.json"), *low)
    where = tree.folder
    commands = [
        Command("thread --drafts", thread, where, drafts, env, temporary),
        Command("agent", ("agent", "-q"), where, where / ".git" / "b4-review", env, temporary),
        Command("range --write-baseline", spans, where, baseline, env, temporary),
    ]
    for one in commands:
        _prepare(one)
    return commands


def _prepare(command: Command) -> None:
    """Find out what a whole run writes from each state, in how many steps."""
    begun = time.monotonic()
    command.empty()
    command.start().wait()
    command.seconds = time.monotonic() - begun
    saved = command.place.parent / f"{command.place.name}.whole"
    shutil.copytree(command.place, saved)

    def again() -> None:
        shutil.rmtree(command.place, ignore_errors=True)
        shutil.copytree(saved, command.place)

    command.states = {"nothing": command.empty, "all": again, "part": lambda: (again(), _taken(command))[0]}
    for name, state in command.states.items():
        state()
        command.before[name] = command.content()
        code, command.steps[name] = command.forked()
        command.whole[name] = command.content()
        if code not in (0, 1) or not command.whole[name] or command.left():
            raise SystemExit(f"{command.name} does not do its work: exit code {code}, {command.left()}")


def _taken(command: Command) -> None:
    """As an older run has left it, or the user: a draft is sent, a file is not there yet or says something else."""
    drafts = sorted(command.place.glob("replies/new/*"))
    if drafts:
        drafts[0].unlink()  # and stays away
        drafts[1].rename(command.place / "replies" / "cur" / f"{drafts[1].name}:2,S")
        _forget(command.place / "state" / "reviewbot" / MEMORY, drafts[-1])
        drafts[-1].unlink()
    for path in command.place.glob("known.json"):
        path.write_text('{"schema": 1, "remarks": []}\n')
    for path in command.place.glob("*/reviewbot.json"):
        shutil.rmtree(path.parent)
        path.parent.mkdir()
        review_dir.put_review(
            path.parent, {"identity.txt": b"A <a@b.example>\n", "0001.txt": b"older\n", "0009.txt": b"gone\n"}
        )


def _forget(memory: Path, draft: Path) -> None:
    """As it was before a draft was written."""
    unique = draft.name.rsplit(".", 2)[1]
    with closing(sqlite3.connect(memory)) as opened, opened:
        assert opened.execute("DELETE FROM drafts WHERE message_id LIKE ?", (f"%.{unique}@%",)).rowcount == 1


def kill(command: Command, by_clock: bool, chance: random.Random, told: Told) -> None:
    """One kill, what is there then, one more run, and what is there at the end."""
    state = chance.choice(sorted(command.states))
    command.states[state]()
    if by_clock:
        moment = f"{chance.uniform(0, command.seconds):.3f} s"
        process = command.start()
        with suppress(subprocess.TimeoutExpired):
            process.wait(float(moment.split()[0]))
        process.kill()
        code = process.wait()
    else:
        last = chance.randint(1, command.steps[state])
        moment = f"step {last} of {command.steps[state]}"
        code, _ = command.forked(last)
    told.kills += code == -signal.SIGKILL
    told.early += code != -signal.SIGKILL
    told.leftovers += bool(command.left())
    here = f"{command.name}, {state} there, killed at {moment}"
    half = _halves(command, state)
    if by_clock:
        code = command.start().wait()
    else:
        code, _ = command.forked()
    after, left = command.content(), command.left()
    if half:
        told.wrong.append(f"{here}: by half: {half}")
    if left:
        told.wrong.append(f"{here}: left over: {left}")
    if not _same(after, command.whole[state]):
        told.wrong.append(f"{here}: exit code {code}, {sorted(after)} and not {sorted(command.whole[state])}")


def _halves(command: Command, state: str) -> list[str]:
    """The files that have their names and not their content, neither that of before nor that of after."""
    ends = (command.before[state], command.whole[state])
    lists = (MEMORY, "reviewbot.json")  # which have more in between
    return [
        name
        for name, content in command.content().items()
        if any(name in one for one in ends) and content not in [one.get(name) for one in ends]
        if Path(name).name not in lists
    ]


def _same(after: Mapping[str, bytes], whole: Mapping[str, bytes]) -> bool:
    """Whether all is there once."""
    return after == whole


def run(kills: int, seed: int, verbose: bool = False) -> dict[str, Told]:
    """So many kills, shared out among the commands."""
    chance = random.Random(seed)
    told: dict[str, Told] = {}
    with tempfile.TemporaryDirectory() as top:
        commands = made(Path(top))
        for number in range(kills):
            command = commands[number % len(commands)]
            before = told.setdefault(command.name, Told())
            kill(command, number // len(commands) % 3 == 2, chance, before)
            if verbose and before.wrong:
                print(before.wrong[-1])
    return told


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("-v", "--verbose", action="store_true", help="say what is wrong as soon as it is")
    given = parser.parse_args()
    told = run(given.kills, given.seed, given.verbose)
    print(f"{'':<24}{'kills':>7}{'too late':>10}{'left something':>16}{'wrong after':>13}")
    for name, one in told.items():
        print(f"{name:<24}{one.kills:>7}{one.early:>10}{one.leftovers:>16}{len(one.wrong):>13}")
    for text in (text for one in told.values() for text in one.wrong):
        print(text)
    raise SystemExit(any(one.wrong for one in told.values()))


if __name__ == "__main__":
    main()
