"""Runs of `reviewbot` as processes of their own that need not import everything again: half a second for each of many.

A process that has imported the program, and has done nothing else, forks for each run; the child gets the arguments,
environment, folder and open files that a new process would have. What happens before the program begins (encodings,
warnings, PYTHONPATH) is that of the first process: a run that is to differ in those needs one of its own.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import json
import os
import pkgutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

EARLY = ("PYTHON", "LC_", "LANG")  # variables that matter before the program begins
LARGEST = 1 << 20  # bytes of a request


class Ended(NamedTuple):
    code: int  # as of subprocess: negative for a signal
    out: bytes
    err: bytes


class ForkServer:
    """The process that forks; `env` is what matters of the environment before the program begins.

    A run that takes too long raises TimeoutError, and no other can follow.
    """

    def __init__(self, env: Mapping[str, str]) -> None:
        self._folder = os.environ["XDG_CACHE_HOME"]
        self._ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, __file__, str(theirs.fileno())], env=dict(env), pass_fds=[theirs.fileno()]
            )

    def run(self, arguments: Sequence[str], stdin: bytes, folder: Path, env: Mapping[str, str], timeout: int) -> Ended:
        with contextlib.ExitStack() as stack:
            # not where a test looks for what a run leaves behind
            given, out, err = (stack.enter_context(tempfile.TemporaryFile(dir=self._folder)) for _ in range(3))
            given.write(stdin)
            given.seek(0)
            request = json.dumps([arguments, dict(env), str(folder)]).encode()
            socket.send_fds(self._ours, [request], [given.fileno(), out.fileno(), err.fileno()])
            self._ours.settimeout(timeout)
            code = int(self._ours.recv(100))
            out.seek(0)
            err.seek(0)
            return Ended(code, out.read(), err.read())

    def close(self) -> None:
        self._ours.close()  # which ends it
        self._process.kill()
        self._process.wait()


# --- in the process that forks ---


def _serve(ours: socket.socket) -> int:
    """Fork for each request; in a child, return its exit code."""
    from reviewbot.cli import main

    while True:
        request, files, _, _ = socket.recv_fds(ours, LARGEST, 3)
        if not request:
            return 0
        arguments, env, folder = json.loads(request)
        child = os.fork()
        if not child:
            ours.close()
            _become(env, folder, files)
            return main.main(arguments)
        for file in files:
            os.close(file)
        _, status = os.waitpid(child, 0)
        ours.send(str(os.waitstatus_to_exitcode(status)).encode())


def _become(env: Mapping[str, str], folder: str, files: Sequence[int]) -> None:
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(env)
    time.tzset()
    tempfile.tempdir = None
    for number, file in enumerate(files):
        os.dup2(file, number)
        os.close(file)


def _import_all() -> None:
    """What any of the commands imports; nothing that is built for one command alone is missing, nothing is run."""
    import b4
    import git  # noqa: F401
    import httpx  # noqa: F401

    import reviewbot

    for found in pkgutil.walk_packages(reviewbot.__path__, "reviewbot."):
        if found.name != "reviewbot.__main__":
            importlib.import_module(found.name)
    assert b4.__file__


if __name__ == "__main__":
    _import_all()
    gc.collect()
    gc.freeze()
    with socket.socket(fileno=int(sys.argv[1])) as there, contextlib.suppress(ConnectionError):
        code = _serve(there)
    raise SystemExit(code)
