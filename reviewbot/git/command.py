"""Runs git commands, within a time limit and without what the environment says of another repository."""

from __future__ import annotations

import errno
import os
import select
import signal
import time
from collections.abc import Generator, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, NamedTuple

from reviewbot.model.errors import InputError

if TYPE_CHECKING:
    from git.cmd import Git

    Process = Git.AutoInterrupt

TOO_LONG = "git took too long (seconds under [tree] in config.toml)"
_LINES = 1 << 16  # bytes that are read at once

# All other variables of git(1) are about one repository (GIT_DIR in a hook), one command (GIT_LITERAL_PATHSPECS) or
# what is printed (GIT_TRACE). With them git would read another repository than the one that is named.
_KEPT = (
    "GIT_CONFIG",
    "GIT_EXEC_PATH",
    "GIT_CEILING_DIRECTORIES",
    "GIT_DISCOVERY_ACROSS_FILESYSTEM",
    "GIT_TEST_ASSUME_DIFFERENT_OWNER",
)
# no protocol at all: else a partial clone fetches missing objects when they are read
QUIET = {
    "GIT_ALLOW_PROTOCOL": "none",
    "GIT_GRAFT_FILE": os.devnull,  # history is read as it was made: no grafts and, below, no replace refs
    "GIT_NO_LAZY_FETCH": "1",
    "GIT_NO_REPLACE_OBJECTS": "1",
    "GIT_OPTIONAL_LOCKS": "0",
    "GIT_TERMINAL_PROMPT": "0",
}
# for a fetch that the user has allowed: what git itself may speak, and no helper that a URL names (ext::)
# and nobody is asked for a password, in a window neither
NETWORK = {"GIT_ALLOW_PROTOCOL": "file:git:http:https:ssh", "GIT_ASKPASS": "", "SSH_ASKPASS_REQUIRE": "never"}
# the last: a bare repository is only used if the user names it; its owner is checked all the same
_SETTINGS = (
    # a long range runs several of it: with as much as git would like each has a pack and 100 MB of deltas in memory
    "core.deltaBaseCacheLimit=8m",
    "core.packedGitLimit=32m",
    "core.packedGitWindowSize=2m",
    "core.fsmonitor=false",
    f"core.hooksPath={os.devnull}",
    "safe.bareRepository=all",
)
_NO_SPACE = (*(os.strerror(number) for number in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)), "Out of diskspace")


class TooLong(InputError):
    """git did not end within its time."""


class Failed(InputError):
    """git ended with an error, whose text this has."""


class GitResult(NamedTuple):
    """The exit code and the output of a git command. A negative code -N: signal N ended it."""

    code: int
    out: bytes
    err: str

    @property
    def no_space(self) -> str:
        """The system's error text if git failed because it could not write a file, else ""."""
        if self.code == -signal.SIGXFSZ:
            return os.strerror(errno.EFBIG)
        return next((text for text in _NO_SPACE if self.code and text in self.err), "")

    @property
    def complaint(self) -> str:
        """The line of git's errors that says what is wrong, without "fatal: " or "error: ", at most 300 characters."""
        if self.code < 0:
            return f"git was ended by signal {-self.code}"
        lines = [line.strip() for line in self.err.splitlines() if line.strip()]
        rest = [line for line in lines if not line.startswith(("warning:", "hint:"))] or ["git gives no reason"]
        told = next((line for line in rest if line.startswith(("fatal: ", "error: "))), rest[0])
        return told.removeprefix("fatal: ").removeprefix("error: ").strip()[:300]


class Command:
    """git in one folder and one environment. Use it inside outside_of_all() only.

    What `environment` says goes above QUIET.
    """

    def __init__(self, folder: Path, environment: Mapping[str, str]) -> None:
        import git

        self._git = git.Git()
        self._git.update_environment(**{**QUIET, **environment})
        # GitPython takes "~" and "$" out of a folder's name, and goes elsewhere where it may not enter
        self._fixed = ("git", "-C", str(folder), *(word for one in _SETTINGS for word in ("-c", one)))

    def start(self, *arguments: str, stdin: BinaryIO | None = None, apart: bool = False) -> Process:
        """Start a command, with a pipe as its input unless that is a file. The caller has to call end().

        `apart`: in a session of its own, without a terminal to ask for a password at.
        """
        import subprocess

        words, source = (*self._fixed, *arguments), stdin or subprocess.PIPE
        return self._git.execute(words, istream=source, as_process=True, start_new_session=apart)

    def run(self, *arguments: str, stdin: bytes = b"", until: float, apart: bool = False) -> GitResult:
        """Run a command to its end. Raises TooLong, and kills it, if it does not end by `until` (time.monotonic()).

        `apart`: see start(); what it has started is killed with it.
        """
        import subprocess

        left = until - time.monotonic()
        if left <= 0:
            raise TooLong(TOO_LONG)
        try:
            process = self.start(*arguments, apart=apart)
        except OSError as error:
            if error.errno != errno.E2BIG:
                raise
            return GitResult(1, b"", f"fatal: {error.strerror}")  # names of files in a mail may have any length
        try:
            out, err = process.communicate(stdin, timeout=left)
        except subprocess.TimeoutExpired:
            end(process, all_of_it=apart)
            raise TooLong(TOO_LONG) from None
        except BaseException:
            end(process, all_of_it=apart)
            raise
        return GitResult(process.returncode, out, err.decode("utf-8", "replace"))

    def lines(self, *arguments: str, stdin: bytes, until: float) -> Generator[list[bytes]]:
        """The lines that a command prints, in lists, as they come. close() ends it. Raises TooLong.

        The command has to read all of `stdin` first. `until`: by time.monotonic().
        """
        process = self.start(*arguments)
        try:
            with suppress(BrokenPipeError):
                process.stdin.write(stdin)
                process.stdin.close()
            rest = b""
            while (left := until - time.monotonic()) > 0 and select.select([process.stdout], [], [], left)[0]:
                part = os.read(process.stdout.fileno(), _LINES)
                if not part:
                    return
                *lines, rest = (rest + part).split(b"\n")
                yield lines
            raise TooLong(TOO_LONG)
        finally:
            end(process)

    def pour(self, *arguments: str, stdin: BinaryIO) -> Generator[bytes]:
        """The output of a command in parts, as it comes. close() ends it. Raises Failed if it ends with an error."""
        process = self.start(*arguments, stdin=stdin)
        try:
            complaint, streams = b"", [process.stdout, process.stderr]
            while streams:
                for stream in select.select(streams, [], [])[0]:
                    part = os.read(stream.fileno(), _LINES)
                    if not part:
                        streams.remove(stream)
                    elif stream is process.stdout:
                        yield part
                    else:
                        complaint = (complaint + part)[-_LINES:]
            done = GitResult(process.proc.wait() if process.proc else 0, b"", complaint.decode("utf-8", "replace"))
            if done.code:
                raise Failed(done.complaint)
        finally:
            end(process)


def end(process: Process, *, all_of_it: bool = False) -> None:
    """Kill a process, and with `all_of_it` its session, and close its pipes."""
    if all_of_it:
        with suppress(OSError):
            os.killpg(process.pid, signal.SIGKILL)
    process.kill()
    for stream in (process.stdin, process.stdout, process.stderr):
        if stream is not None:  # its input was a file
            with suppress(OSError):  # what was still to be said to it cannot be
                stream.close()
    if process.proc is not None:
        process.proc.wait()


@contextmanager
def outside_of_all() -> Iterator[None]:
    """Take the variables of git that are about one repository or command out of the environment, until the end."""
    names = [name for name in os.environ if name.startswith("GIT_") and not name.startswith(_KEPT)]
    kept = {name: os.environ.pop(name) for name in names}
    try:
        yield
    finally:
        os.environ.update(kept)
