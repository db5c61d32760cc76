"""A command line in, what a whole `reviewbot` process did out: exit code, both outputs, files it left."""

from __future__ import annotations

import atexit
import contextlib
import functools
import io
import os
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple
from unittest import mock

import reviewbot
from answers import check_output
from forkserver import EARLY, ForkServer
from reviewbot.cli import main

THREADS = Path(__file__).parents[1] / "threads"
TIMEOUT = 60
SUBMITTER = Path(__file__).with_name("submitter")  # a folder of settings, without which KCIDB is no format


@functools.cache
def _server(early: tuple[tuple[str, str], ...]) -> ForkServer:
    """One for each environment; they end with the tests."""
    server = ForkServer({**dict(early), "PATH": os.environ["PATH"], "HOME": "/nonexistent", "GIT_CONFIG_NOSYSTEM": "1"})
    atexit.register(server.close)
    return server


class Done(NamedTuple):
    code: int
    out: str
    err: str


class Command:
    """Runs reviewbot in `folder`/work with a home of its own."""

    def __init__(self, folder: Path) -> None:
        self.work = folder / "work"
        self.home = folder / "home"
        self.work.mkdir()
        self.home.mkdir()
        self.env = {
            "PATH": os.environ["PATH"],
            "HOME": str(self.home),
            "XDG_CACHE_HOME": os.environ["XDG_CACHE_HOME"],  # that of all tests: conftest.py
            "GIT_CONFIG_NOSYSTEM": "1",
            "PYTHONPATH": str(Path(reviewbot.__file__).parents[1]),  # the same code as the tests import
            "LC_ALL": "C.UTF-8",
            "PYTHONWARNINGS": "error",
        }

    def __call__(self, *arguments: str | Path, stdin: bytes = b"", **env: str) -> Done:
        """Forked from a process that has imported everything, unless what is given matters before that."""
        env = {**_origin(arguments), **env}
        if any(name.startswith(EARLY) for name in env):
            return self.fresh(*arguments, stdin=stdin, **env)
        whole = {**self.env, **env}
        server = _server(tuple(sorted((name, whole[name]) for name in whole if name.startswith(EARLY))))
        ended = server.run([*map(str, arguments)], stdin, self.work, whole, TIMEOUT)
        return _checked(
            arguments, ended.code, *(one.decode("utf-8", "surrogateescape") for one in (ended.out, ended.err))
        )

    def fresh(self, *arguments: str | Path, stdin: bytes = b"", **env: str) -> Done:
        """As a user's shell starts it."""
        env = {**_origin(arguments), **env}
        done = subprocess.run(
            [sys.executable, "-m", "reviewbot", *map(str, arguments)],
            input=stdin,
            capture_output=True,
            cwd=self.work,
            env={**self.env, **env},
            timeout=TIMEOUT,
            check=False,
        )
        out, err = (stream.decode("utf-8", "surrogateescape") for stream in (done.stdout, done.stderr))
        return _checked(arguments, done.returncode, out, err)

    def inside(self, *arguments: str | Path, **env: str) -> Done:
        """The same without a process of its own, for tables of many runs: most of one is spent on imports."""
        out, err = (io.TextIOWrapper(io.BytesIO(), "utf-8", write_through=True) for _ in range(2))
        environment = mock.patch.dict(os.environ, {**self.env, **_origin(arguments), **env}, clear=True)
        with contextlib.ExitStack() as stack:
            for one in (contextlib.chdir(self.work), environment):
                stack.enter_context(one)
            stack.enter_context(contextlib.redirect_stdout(out))
            stack.enter_context(contextlib.redirect_stderr(err))
            code = main.main([*map(str, arguments)])
        said = (stream.buffer.getvalue().decode("utf-8", "surrogateescape") for stream in (out, err))
        return _checked(arguments, code, *said)

    def left(self) -> set[str]:
        """The files under work/ and home/, relative to the folder of both."""
        top = self.work.parent
        return {str(path.relative_to(top)) for path in top.rglob("*") if path.is_file()}


def _origin(arguments: tuple[str | Path, ...]) -> dict[str, str]:
    """Who wants a report for KCIDB and names no settings is somebody whose settings have an origin."""
    words = [*map(str, arguments)]
    wanted = any("kcidb" in word for word in words) and "--config" not in words
    return {"XDG_CONFIG_HOME": str(SUBMITTER)} if wanted else {}


def _checked(arguments: tuple[str | Path, ...], code: int, out: str, err: str) -> Done:
    """What a run has done; JSON in it is what the schema says."""
    check_output(tuple(map(str, arguments)), out)
    return Done(code, out, err)


def mail(subject="[PATCH] exfoo: a patch", diff="", body="Why.\n"):
    """A patch mail as bytes; `diff` may be bytes that are no text."""
    head = (
        f"From: Mira Holt <mira.holt@example.org>\nDate: Mon, 10 Jun 2024 10:15:02 +0200\nSubject: {subject}\n"
        f"Message-ID: <1.made@example.org>\nTo: list@lists.example.org\n\n{body}---\n\n"
    )
    return head.encode() + (diff if isinstance(diff, bytes) else diff.encode())


def diff(path="fs/exfoo/a.c", line="\tp = kmalloc(8, GFP_KERNEL | GFP_NOFS);"):
    return (
        f"diff --git a/{path} b/{path}\nindex 1111111..2222222 100644\n--- a/{path}\n+++ b/{path}\n"
        f"@@ -1,4 +1,5 @@ int made(void)\n int made(void)\n {{\n \tvoid *p;\n+{line}\n }}\n-- \n2.43.0\n"
    )
