"""Runs the program of one checkout and gathers what a run shows: exit code, stdout, stderr, and each file it wrote.

A run starts a process, or forks one from a process that has already done such a run: imports take longer than most
reviews. Both begin as `python -m reviewbot`, and nothing else of the package is named here. What is not the program's
own choice is made the same for both sides: where the checkout and the folder of the run are, and when a draft was
dated. A forked run shows nothing of the order in which modules are imported, so each kind of input needs some that are
not forked.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

LIMIT = 900  # seconds of one run
LATE = b"not done in time\n"
_DATE = re.compile(rb"^Date: \w{3}, \d\d \w{3} \d{4} [0-9:]{8} [+-]\d{4}$", re.MULTILINE)
SERVER = """
import atexit, gc, json, os, runpy, signal, sys, traceback
asked, answers = os.fdopen(os.dup(0)), os.fdopen(os.dup(1), "w")
sys.path.remove("")
leave = os._exit  # for good; the program's own way out is one out of run()
def run(request):
    arguments, folder, limit, streams = request
    os._exit = sys.exit
    os.chdir(folder)
    for number, name in enumerate(streams):
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC if number else os.O_RDONLY
        opened = os.open(name, flags, 0o600)
        os.dup2(opened, number)
        os.close(opened)
    signal.alarm(limit)
    sys.argv = ["reviewbot", *arguments]
    sys.path.insert(0, folder)
    runpy.run_module("reviewbot", run_name="__main__", alter_sys=True)
try:
    run(json.loads(asked.readline()))
except SystemExit:
    pass
signal.alarm(0)
del sys.path[0]
sys.stdout.flush(), sys.stderr.flush()
os.chdir("/")
gc.collect(), gc.freeze()  # what is shared with a child is not written to
print("ready", file=answers, flush=True)
for line in asked:
    child = os.fork()
    if not child:
        code = 0
        try:
            run(json.loads(line))
        except SystemExit as end:
            code = end.code
        except BaseException:
            traceback.print_exc()
            code = 1
        atexit._run_exitfuncs(), sys.stdout.flush(), sys.stderr.flush()
        leave(code)  # without taking apart all that was imported
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), file=answers, flush=True)
"""


class Task(NamedTuple):
    """One command line, and what it finds in its folder.

    `what` names the command in the table; `copy` is a folder whose content the run gets; `forked` as of this module.
    """

    kind: str
    what: str
    name: str
    arguments: Sequence[str]
    files: Mapping[str, bytes] = {}
    stdin: bytes = b""
    copy: Path | None = None
    forked: bool = False


class Side:
    """A checkout, with a home and a cache of its own below `folder`; raises ImportError where another one is run."""

    def __init__(self, checkout: Path, folder: Path, python: str) -> None:
        self.checkout, self.folder, self._python = checkout.resolve(), folder, python
        for name in ("home", "tmp", "empty"):
            (folder / name).mkdir(parents=True)
        (folder / "code").symlink_to(self.checkout)  # as long a path for both sides, should one be shown
        self._env = {
            "PATH": os.environ["PATH"],
            "HOME": str(folder / "home"),
            "TMPDIR": str(folder / "tmp"),
            "GIT_CONFIG_NOSYSTEM": "1",
            "LC_ALL": "C.UTF-8",
            "TZ": "UTC",
            "PYTHONPATH": str(folder / "code"),
            "PYTHONPYCACHEPREFIX": str(folder / "pyc"),  # a checkout is only read
            "PYTHONHASHSEED": "0",
        }
        self._own = [(str(path).encode(), mark) for path, mark in ((folder, b"WORK"), (self.checkout, b"WORK/code"))]
        self._imported()

    def _imported(self) -> None:
        asking = [self._python, "-c", "import reviewbot; print(reviewbot.__file__)"]
        done = subprocess.run(asking, env=self._env, cwd=self.folder / "empty", capture_output=True, text=True)
        found = done.stdout.strip()
        if not found or found == "None" or not Path(found).resolve().is_relative_to(self.checkout):
            said = done.stderr.strip().rpartition("\n")[2]
            raise ImportError(f"{self.checkout}: reviewbot is imported from {found or 'nowhere'} {said}".rstrip())

    def own(self, data: bytes) -> bytes:
        """The same without what differs between two runs of the same code."""
        for path, mark in self._own:
            data = data.replace(path, mark)
        return _DATE.sub(b"Date: NOW", data)

    def outputs(self, task: Task, folder: str, server: Server | None) -> dict[str, bytes]:
        """What a run shows, by name; `folder` is new, and is gone afterwards."""
        work, aside = self.folder / folder, self.folder / f"{folder}.streams"
        if task.copy:
            shutil.copytree(task.copy, work, symlinks=True)
        for path in (work, aside):
            path.mkdir(exist_ok=True)
        for name, data in task.files.items():
            (work / name).write_bytes(data)
        before = _files(work)
        (aside / "in").write_bytes(task.stdin)
        streams = [str(aside / name) for name in ("in", "out", "err")]
        code = server.run(task.arguments, work, streams) if server else self._run(task.arguments, work, streams)
        found = {name: data for name, data in _files(work).items() if before.get(name) != data}
        gone = dict.fromkeys(before.keys() - _files(work).keys(), b"removed\n")
        shown = {"exit code": f"{code}\n".encode() if code != -signal.SIGALRM else LATE}
        shown |= {f"std{name}": (aside / name).read_bytes() for name in ("out", "err")}
        for path in (work, aside):
            shutil.rmtree(path)
        return {name: self.own(data) for name, data in (shown | found | gone).items()}

    def _run(self, arguments: Sequence[str], work: Path, streams: Sequence[str]) -> int:
        command = [self._python, "-m", "reviewbot", *arguments]
        given, *made = map(Path, streams)
        with given.open("rb") as stdin, made[0].open("wb") as out, made[1].open("wb") as err:
            try:
                done = subprocess.run(
                    command, env=self._env, cwd=work, stdin=stdin, stdout=out, stderr=err, timeout=LIMIT
                )
            except subprocess.TimeoutExpired:
                return -signal.SIGALRM
        return done.returncode

    def server(self, first: Task) -> Server:
        """A process that forks, once it has done the first task."""
        return Server([self._python, "-c", SERVER], self._env, self.folder / "empty", first)


class Server:
    """Takes one run after the other."""

    def __init__(self, command: Sequence[str], env: Mapping[str, str], empty: Path, first: Task) -> None:
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
        self._process = subprocess.Popen(command, env=dict(env), cwd=empty, **pipes)
        with_files = empty.parent / f"first-{id(self)}"
        with_files.mkdir()
        for name, data in first.files.items():
            (with_files / name).write_bytes(data)
        if self._ask(first.arguments, with_files, [os.devnull] * 3) != "ready":
            raise RuntimeError(f"{env['PYTHONPATH']}: the first run failed")
        shutil.rmtree(with_files)

    def run(self, arguments: Sequence[str], folder: Path, streams: Sequence[str]) -> int:
        return int(self._ask(arguments, folder, streams))

    def _ask(self, arguments: Sequence[str], folder: Path, streams: Sequence[str]) -> str:
        assert self._process.stdin and self._process.stdout
        print(json.dumps([[*arguments], str(folder), LIMIT, [*streams]]), file=self._process.stdin, flush=True)
        return self._process.stdout.readline().strip()

    def close(self) -> None:
        self._process.communicate()


def _files(folder: Path) -> dict[str, bytes]:
    """All files but those that git keeps for itself."""
    found = (path for path in folder.rglob("*") if path.is_file())
    names = {path.relative_to(folder): path for path in found}
    return {str(name): path.read_bytes() for name, path in sorted(names.items()) if name.parts[0] != ".git"}
