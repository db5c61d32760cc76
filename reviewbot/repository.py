"""The path of a git repository in; its commits, trees and files out, and a place to make new ones beside it.

Nothing of the repository is ever run or changed. It is asked two things, where its objects are and which commit a
name means. All other work is done by a bare repository of our own in a temporary folder that borrows those objects
(gitrepository-layout(5), objects/info/alternates): so hooks, filters, monitors, replace refs, attributes and the
promisor of a partial clone are not there, and an object that is missing is missing, with nobody asked for it.
"""

from __future__ import annotations

import os
import re
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, Self

from reviewbot.model import InputError, UsageError, Version
from reviewbot.presence import release

if TYPE_CHECKING:
    from git.cmd import Git

_TOO_LONG = "git took too long (seconds under [tree] in config.toml)"
_OPENING = 20  # seconds
LARGEST = 4 << 20  # bytes of a file that is handed out
_LARGEST_TREE = 32 << 20  # bytes of one folder's listing
_FOLDERS = 4096  # listings that are remembered
_FILE = "100"  # what the modes of regular files begin with
_FOLDER = "40000"
_HEX = re.compile(r"[0-9a-f]{7,64}")
_COMMIT = re.compile(r"[0-9a-f]{7,64}\^?")

# what a shell or a hook says about some other repository, see git(1)
_ELSEWHERE = (
    "GIT_DIR",
    "GIT_WORK_TREE",
    "GIT_COMMON_DIR",
    "GIT_INDEX_FILE",
    "GIT_OBJECT_DIRECTORY",
    "GIT_ALTERNATE_OBJECT_DIRECTORIES",
    "GIT_NAMESPACE",
    "GIT_PREFIX",
    "GIT_GRAFT_FILE",
    "GIT_SHALLOW_FILE",
    "GIT_REPLACE_REF_BASE",
    "GIT_ATTR_SOURCE",
)
# no protocol at all: a partial clone fetches what it lacks whenever it is looked at
_QUIET = {
    "GIT_ALLOW_PROTOCOL": "none",
    "GIT_NO_LAZY_FETCH": "1",
    "GIT_NO_REPLACE_OBJECTS": "1",
    "GIT_OPTIONAL_LOCKS": "0",
    "GIT_TERMINAL_PROMPT": "0",
}
_CONFIG = """\
[core]
\tfsmonitor = false
\tlooseCompression = 0
\tcompression = 0
[gc]
\tauto = 0
[advice]
\tgraftFileDeprecated = false
"""


class TooLong(InputError):
    """git had no more time."""


class Done(NamedTuple):
    """What a git command said."""

    code: int
    out: bytes
    err: str


class Entry(NamedTuple):
    """What a folder says of one name in it."""

    mode: str
    id: str


class Repository:
    """A repository opened for reading, until close(); use it with `with`. Not for more than one thread.

    Raises UsageError where `path` is no repository, or git will not have it.
    """

    def __init__(self, path: Path) -> None:
        self.path, self.shallow = path, False
        self.allow(_OPENING)
        self._listed: dict[str, dict[bytes, Entry]] = {}
        self._batch: Git.AutoInterrupt | None = None
        with ExitStack() as stack:
            stack.enter_context(_here())
            self.folder = Path(stack.enter_context(_temporary()))
            self._theirs, asked = _open(path)
            self._ours = self._borrow(*asked)
            stack.callback(self._hang_up)
            self._stack = stack.pop_all()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Take the temporary folder away, with all that was made in it."""
        self._stack.close()

    def _borrow(self, form: str, objects: str, shallow: str) -> Git:
        import git

        own = git.Git(self.folder)
        home = str(self.folder)
        own.update_environment(
            **_QUIET,
            GIT_CONFIG_NOSYSTEM="1",
            GIT_CONFIG_GLOBAL=os.devnull,
            GIT_CONFIG_PARAMETERS="",
            GIT_CONFIG_COUNT="0",
            GIT_ATTR_NOSYSTEM="1",
            HOME=home,
            XDG_CONFIG_HOME=home,
            GIT_DIR=f"{home}/git",
            GIT_INDEX_FILE=f"{home}/index",
        )
        self._ours = own
        made = self.run("init", "--quiet", "--bare", "--template=", f"--object-format={form}", f"{home}/git")
        if made.code:
            raise InputError(f"git cannot make a temporary repository: {_first(made.err)}")
        place = self.folder / "git"
        (place / "objects" / "info").mkdir(exist_ok=True)
        (place / "objects" / "info" / "alternates").write_bytes(os.fsencode(objects) + b"\n")
        with (place / "config").open("a") as config:
            config.write(_CONFIG)
        if Path(shallow).is_file():
            shutil.copyfile(shallow, place / "shallow")
            self.shallow = True
        return own

    # --- git commands ---

    def allow(self, seconds: float) -> None:
        """Give the git commands from now on so long, together."""
        self.until = time.monotonic() + seconds

    def run(self, *arguments: str, stdin: bytes = b"", share: float = 1) -> Done:
        """One git command in the repository of our own. Raises TooLong when the time, or its share of it, is up."""
        now = time.monotonic()
        return _run(self._ours, arguments, stdin, now + (self.until - now) * share)

    def commit(self, rev: str) -> str | None:
        """The id of the commit that a name, as its user writes it, means in that repository; None if none."""
        if rev.startswith("-"):
            return None
        done = _run(self._theirs, ("rev-parse", "--verify", "--quiet", rev + "^{commit}"), b"", self.until)
        found = done.out.decode("ascii", "replace").strip()
        return self.known(found) if done.code == 0 and _HEX.fullmatch(found) else None

    def known(self, commit: str) -> str | None:
        """The whole id of a commit that is here, by an id that may be short, or of its first parent ("ID^")."""
        if not _COMMIT.fullmatch(commit):
            return None
        found = self._object(commit + "^{commit}", 0)
        return found[0] if found else None

    def tree(self, commit: str) -> str | None:
        """The tree of a commit."""
        found = self._object(commit + "^{tree}", 0)
        return found[0] if found else None

    # --- objects ---

    def _object(self, name: str, most: int) -> tuple[str, str, bytes | None] | None:
        """Id, type and, up to `most` bytes, content of an object; None if it is not here or cannot be read."""
        try:
            return self._ask(name, most)
        except (OSError, ValueError):  # git gives up on a broken object
            self._hang_up()
            return None
        except BaseException:
            self._hang_up()  # the rest of this answer would be taken for the next one
            raise

    def _ask(self, name: str, most: int) -> tuple[str, str, bytes | None] | None:
        """GitPython's own reader of `cat-file --batch` does not know the longer ids of SHA-256."""
        import subprocess

        if self._batch is None:
            self._batch = self._ours.execute(("git", "cat-file", "--batch"), istream=subprocess.PIPE, as_process=True)
        self._batch.stdin.write(f"{name}\n".encode())
        self._batch.stdin.flush()
        answer = self._batch.stdout.readline().split()
        if len(answer) == 2:  # missing, or ambiguous
            return None
        found, kind, size = answer
        left, kept = int(size), []
        wanted = left <= most
        while left:
            part = self._batch.stdout.read(min(left, 1 << 16))
            if not part:
                raise ValueError("the answer ends early")
            left -= len(part)
            if wanted:
                kept.append(part)
        self._batch.stdout.read(1)
        return found.decode(), kind.decode(), b"".join(kept) if wanted else None

    def _hang_up(self) -> None:
        if self._batch is not None:
            _end(self._batch)
            self._batch = None

    def entry(self, tree: str, path: str) -> Entry | None:
        """What stands at a path of a tree; None if nothing does."""
        names = path.encode("utf-8", "surrogateescape").split(b"/")
        for name in names[:-1]:
            found = self._folder(tree).get(name)
            if found is None or found.mode != _FOLDER:
                return None
            tree = found.id
        return self._folder(tree).get(names[-1])

    def read(self, tree: str, path: str) -> bytes | None:
        """The content of a regular file; None if there is none, it is larger than LARGEST or not in this clone."""
        found = self.entry(tree, path)
        if found is None or not found.mode.startswith(_FILE):
            return None
        read = self._object(found.id, LARGEST)
        return read[2] if read else None

    def version(self, tree: str) -> Version | None:
        """The kernel version that a tree's Makefile gives."""
        return release(self.read(tree, "Makefile") or b"")

    def _folder(self, tree: str) -> dict[bytes, Entry]:
        if tree not in self._listed:
            if len(self._listed) >= _FOLDERS:
                self._listed.clear()
            found = self._object(tree, _LARGEST_TREE) if _HEX.fullmatch(tree) else None
            is_tree = found is not None and found[1] == "tree"
            self._listed[tree] = dict(_entries(found[2] or b"", len(tree) // 2)) if found and is_tree else {}
        return self._listed[tree]


def _entries(data: bytes, width: int) -> Iterator[tuple[bytes, Entry]]:
    """A tree object as git stores it: mode, blank, name, NUL, the id in `width` bytes."""
    at = 0
    while at < len(data):
        end = data.index(b"\0", at)
        mode, _, name = data[at:end].partition(b" ")
        at = end + 1 + width
        yield name, Entry(mode.decode("ascii", "replace"), data[end + 1 : at].hex())


def _open(path: Path) -> tuple[Git, tuple[str, str, str]]:
    """The repository at or above a path; its object format, the folder of its objects, its list of cut commits."""
    import configparser

    if shutil.which("git") is None:  # GitPython, once imported, would say it in twelve lines
        raise InputError("--tree needs git, which is not installed")
    import git
    from git.exc import GitError

    try:
        found = git.Repo(path, search_parent_directories=True, expand_vars=False)
    except git.NoSuchPathError:
        raise UsageError(f"--tree {path}: there is no such folder") from None
    except (GitError, OSError, ValueError, configparser.Error) as error:
        why = f" ({error.strerror})" if isinstance(error, OSError) and error.strerror else ""
        raise UsageError(f"--tree {path}: this is no git repository{why}") from None
    theirs = git.Git(found.working_tree_dir or found.git_dir)
    theirs.update_environment(**_QUIET)
    asked = ("--show-object-format", "--path-format=absolute", "--git-path", "objects", "--git-path", "shallow")
    done = _run(theirs, ("rev-parse", *asked), b"", time.monotonic() + _OPENING)
    said = os.fsdecode(done.out).split("\n")
    if done.code or len(said) < 3:
        raise UsageError(f"--tree {path}: {_refused(done.err, path)}")
    return theirs, (said[0], said[1], said[2])


def _refused(said: str, path: Path) -> str:
    if "dubious ownership" in said:
        return (
            "git refuses a repository that belongs to somebody else; if you trust it, run: "
            f"git config --global --add safe.directory {path.resolve()}"
        )
    return f"git cannot use this repository: {_first(said)}"


def _first(said: str) -> str:
    """The line of git's complaint that says what is wrong."""
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    told = next((line for line in lines if line.startswith(("fatal: ", "error: "))), lines[0] if lines else "no reason")
    return told.removeprefix("fatal: ").removeprefix("error: ")[:300]


def _run(where: Git, arguments: tuple[str, ...], stdin: bytes, until: float) -> Done:
    """Run git to its end, or to that of the time; whatever happens, it does not outlive this call."""
    import subprocess

    left = until - time.monotonic()
    if left <= 0:
        raise TooLong(_TOO_LONG)
    fixed = ("git", "-c", "core.fsmonitor=false", "-c", f"core.hooksPath={os.devnull}", *arguments)
    process = where.execute(fixed, istream=subprocess.PIPE, as_process=True)
    try:
        out, err = process.communicate(stdin, timeout=left)
    except subprocess.TimeoutExpired:
        _end(process)
        raise TooLong(_TOO_LONG) from None
    except BaseException:
        _end(process)
        raise
    return Done(process.returncode, out, err.decode("utf-8", "replace"))


def _end(process: Git.AutoInterrupt) -> None:
    process.kill()
    with suppress(OSError, ValueError):  # what was still to be said to it cannot be
        process.communicate()


@contextmanager
def _here() -> Iterator[None]:
    """Without what the environment says of another repository: it would be taken for the one that is named."""
    kept = {name: os.environ.pop(name) for name in _ELSEWHERE if name in os.environ}
    try:
        yield
    finally:
        os.environ.update(kept)


@contextmanager
def _temporary() -> Iterator[str]:
    """A folder that is gone afterwards, whatever stands in it."""
    folder = tempfile.mkdtemp(prefix="reviewbot-")
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
