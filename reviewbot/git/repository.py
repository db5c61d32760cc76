"""Reads commits, trees and files of a git repository, and makes new trees and commits beside it.

Nothing of the repository is ever run or changed. git only looks up there where its objects are and which commit a name
means. All else is done in a bare repository of our own in a temporary folder that borrows those objects
(gitrepository-layout(5), objects/info/alternates): so hooks, filters, monitors, replace refs, attributes and the
promisor of a partial clone are not there, and an object that is missing stays missing: no server is contacted.
"""

from __future__ import annotations

import os
import re
import shutil
import time
from collections.abc import Collection, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Self

from reviewbot.filesystem.temporary import temporary
from reviewbot.git.cat_file import (
    FOLDER,
    LARGEST,
    CatFile,
    GitObject,
    StartedCatFile,
    TreeEntry,
    files_among,
    listed_among,
    tree_entries,
)
from reviewbot.git.command import NETWORK, Command, GitResult, end, outside_of_all
from reviewbot.kernel.backports import release
from reviewbot.model.errors import InputError, UsageError
from reviewbot.model.kernel import Version

_OPENING = 20  # seconds
FOREVER = 86_400  # seconds for git, see allow(): who asks for a long range may wait, or stop it
_LARGEST_TREE = 32 << 20  # bytes of one folder's listing
_AT_ONCE = 256  # objects that are asked for together
_FOLDERS = 4096  # listings that are remembered
_LONGEST = 4096  # characters of a commit's name
_HEX = re.compile(r"[0-9a-f]{7,64}")
_COMMIT = re.compile(r"[0-9a-f]{7,64}\^?")
_TRUST = re.compile(r"^[ \t]*+(git config --global --add safe\.directory .+)$", re.M)
# a split index: for a patch only its changes are written, and not the names of all files of a kernel
# a small cache: in a long range each process has a git of its own, which would use 96 MB for unpacked objects
_CONFIG = """\
[core]
\tfsmonitor = false
\tsplitIndex = true
\tdeltaBaseCacheLimit = 24m
\tlooseCompression = 0
\tcompression = 0
[gc]
\tauto = 0
[advice]
\tgraftFileDeprecated = false
"""


class Repository:
    """A repository opened for reading, until close(); use it with `with`, in one thread only.

    `environment`: variables of git(1) about the repository, as a hook gets them; `called`: the name of the repository
    in errors. Raises UsageError if `path` is no repository, or git refuses it.
    """

    def __init__(self, path: Path, environment: Mapping[str, str] | None = None, called: str = "") -> None:
        self.path, self.shallow = path, False
        self.cut: frozenset[str] = frozenset()  # commits whose parents are not in a shallow clone
        self.allow(_OPENING)
        self._listed: dict[str, dict[bytes, TreeEntry]] = {}
        self._cat_file = CatFile(self._start)
        with ExitStack() as stack:
            stack.enter_context(outside_of_all())
            self._theirs, asked = _open(path, environment or {}, called or f"--tree {path}", self.until)
            self._network = {**(environment or {}), **NETWORK}
            self.folder = stack.enter_context(temporary())
            stack.callback(lambda: self._cat_file.close())  # of the process that closes this, see forked()
            try:
                self._borrow(*asked)
            except OSError as error:
                raise InputError(self.unwritable(error.strerror or "")) from error
            self._stack = stack.pop_all()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Remove the temporary folder, with all objects that were made in it."""
        self._stack.close()

    def _borrow(self, form: str, objects: str, shallow: str) -> None:
        home = str(self.folder)
        self._environment = {
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_CONFIG_GLOBAL": os.devnull,
            "GIT_CONFIG_PARAMETERS": "",
            "GIT_CONFIG_COUNT": "0",
            "GIT_ATTR_NOSYSTEM": "1",
            "HOME": home,
            "XDG_CONFIG_HOME": home,
            "GIT_DIR": f"{home}/git",
            "GIT_INDEX_FILE": f"{home}/index",
        }
        self._ours = Command(self.folder, self._environment)
        made = self.run("init", "--quiet", "--bare", "--template=", f"--object-format={form}", f"{home}/git")
        if made.code:
            raise InputError(f"git cannot make a temporary repository: {made.complaint}")
        place = self.folder / "git"
        (place / "objects" / "info").mkdir(exist_ok=True)
        (place / "objects" / "info" / "alternates").write_bytes(_alternate(os.fsencode(objects)))
        with (place / "config").open("a") as config:
            config.write(_CONFIG)
        if Path(shallow).is_file():
            shutil.copyfile(shallow, place / "shallow")
            self.cut = frozenset((place / "shallow").read_text(encoding="ascii").split())
            self.shallow = True

    def unwritable(self, why: str) -> str:
        """The error message for a temporary folder in which no file can be written."""
        return f"cannot create temporary files in {self.folder.parent} (check TMPDIR): {why}"

    # --- git commands ---

    def allow(self, seconds: float) -> None:
        """Set the time for all git commands from now on, together."""
        self.until = time.monotonic() + seconds

    def run(self, *arguments: str, stdin: bytes = b"") -> GitResult:
        """Run a git command in the repository of our own.

        Raises TooLong when the time is up, InputError if it could not write its files.
        """
        return self._checked(self._ours.run(*arguments, stdin=stdin, until=self.until))

    def run_in(self, top: Path, *arguments: str, stdin: bytes = b"", index: str = "index") -> GitResult:
        """Run a git command that reads a work tree as well. `index`: the file name of an index of our own.

        Raises as run().
        """
        own = {"GIT_WORK_TREE": str(top), "GIT_INDEX_FILE": str(self.folder / index)}
        command = Command(top, {**self._environment, **own})
        return self._checked(command.run(*arguments, stdin=stdin, until=self.until))

    def ask(self, *arguments: str) -> GitResult:
        """Run a git command in the user's repository: it must change nothing there and not read the index."""
        return self._theirs.run(*arguments, until=self.until)

    def fetch(self, *arguments: str, seconds: float) -> GitResult:
        """Run `git fetch` in the user's repository, which changes it: only where the user has allowed that.

        Nobody is asked for a password. Raises TooLong after some seconds. What is fetched is here from then on.
        """
        until = time.monotonic() + seconds
        done = Command(self.path, self._network).run("fetch", *arguments, until=until, apart=True)
        self._cat_file.close()  # a new one sees the new objects
        return done

    def _checked(self, done: GitResult) -> GitResult:
        if done.no_space:
            raise InputError(self.unwritable(done.no_space))
        return done

    def lines(self, *arguments: str, stdin: bytes, until: float) -> Generator[list[bytes]]:
        """The lines that a git command prints, as they come; close() ends the command. Raises TooLong."""
        return self._ours.lines(*arguments, stdin=stdin, until=min(until, self.until))

    def pour(self, *arguments: str, stdin: str) -> Iterator[bytes]:
        """The output of a git command in parts, without a time limit.

        Raises Failed if it ends with an error, InputError if its input cannot be written.
        """
        place = self.folder / "input"
        try:
            place.write_text(stdin, encoding="ascii")
        except OSError as error:
            raise InputError(self.unwritable(error.strerror or "")) from error
        with place.open("rb") as source:
            yield from self._ours.pour(*arguments, stdin=source)

    def drop(self, paths: Iterable[str]) -> None:
        """Remove files from the index."""
        rows = (f"0 {'0' * 40}\t{path}\0" for path in paths)
        self.run("update-index", "-z", "--index-info", stdin="".join(rows).encode("utf-8", "surrogateescape"))

    def commit(self, rev: str) -> str | None:
        """The id of the commit that a revision, as the user writes it, names in that repository; None if none."""
        if rev.startswith("-") or "\0" in rev or len(rev) > _LONGEST:
            return None
        try:
            # in ":/text" all that follows is text: so no "^{commit}" is added, and the type is checked below
            asked = ("-c", "core.disambiguate=committish", "rev-parse", "--verify", "--quiet", rev)
            done = self._theirs.run(*asked, until=self.until)
        except UnicodeEncodeError:  # a lone surrogate
            return None
        found = done.out.decode("ascii", "replace").strip()
        return self.known(found) if done.code == 0 and _HEX.fullmatch(found) else None

    def known(self, commit: str) -> str | None:
        """The whole id of a commit by an id that may be short, or of its first parent ("ID^"); None if not here."""
        if not _COMMIT.fullmatch(commit):
            return None
        found = self._object(commit + "^{commit}", 0)
        return found.id if found else None

    def tree(self, commit: str) -> str | None:
        """The id of a commit's tree; None if that is not here, as in a clone without trees."""
        found = self._object(commit + "^{tree}", 0)
        return found.id if found else None

    def is_empty(self) -> bool:
        """Whether the repository has no commits yet."""
        return not self._theirs.run("for-each-ref", "--count=1", until=self.until).out and self.commit("HEAD") is None

    def missing(self, ids: Iterable[str]) -> frozenset[str]:
        """Those of some blob ids, mostly cut short, that are not in this clone."""
        asked = "".join(f"{one}\n" for one in ids).encode()
        done = self.run("-c", "core.disambiguate=blob", "cat-file", "--batch-check", stdin=asked)
        answers = (line.split() for line in done.out.decode("ascii", "replace").splitlines())
        return frozenset(answer[0] for answer in answers if answer[1:] == ["missing"])

    # --- objects ---

    def content(self, name: str) -> bytes | None:
        """The bytes of an object; None if it is larger than LARGEST or not in this clone."""
        found = self._object(name, LARGEST)
        return found.content if found else None

    def blob(self, name: str, most: int) -> GitObject | None:
        """An object by its id, without its content where that is more than `most` bytes; None if it is not here."""
        return self._object(name, most)

    def contents(self, names: Sequence[str]) -> dict[str, bytes | None]:
        """The bytes of many objects by name; None for one that is larger than LARGEST or not in this clone."""
        found: dict[str, bytes | None] = {}
        for at in range(0, len(names), _AT_ONCE):
            asked = names[at : at + _AT_ONCE]
            try:
                answers = self._cat_file.ask_all([name.encode() for name in asked], LARGEST)
            except (OSError, ValueError):  # git gives up on a broken object
                found |= {name: self.content(name) for name in asked}
            else:
                found |= {name: one.content if one else None for name, one in zip(asked, answers, strict=True)}
        return found

    def forked(self) -> None:
        """To be called in a new process: git is spoken to by the old one."""
        # the old one must not be ended, as it would be if it was forgotten here
        self._other, self._cat_file = self._cat_file, CatFile(self._start)

    def _object(self, name: str, most: int) -> GitObject | None:
        """An object, with up to `most` bytes of content; None if it is not here or cannot be read."""
        try:
            return self._cat_file.ask(name.encode(), most)
        except (OSError, ValueError):  # git gives up on a broken object
            return None

    def _start(self) -> StartedCatFile:
        process = self._ours.start("cat-file", "--batch")
        return StartedCatFile(process.stdin, process.stdout, partial(end, process))

    def entry(self, tree: str, path: str) -> TreeEntry | None:
        """The entry at a path of a tree; None if there is none."""
        names = path.encode("utf-8", "surrogateescape").split(b"/")
        for name in names[:-1]:
            found = self._folder(tree).get(name)
            if found is None or found.mode != FOLDER:
                return None
            tree = found.id
        return self._folder(tree).get(names[-1])

    def read(self, tree: str, path: str) -> bytes | None:
        """The bytes of a regular file of a tree; None if there is none, it is larger than LARGEST or not here."""
        found = self.entry(tree, path)
        return self.content(found.id) if found is not None and found.is_file else None

    def files(self, tree: str, folder: str) -> dict[str, str]:
        """The regular files of a folder of a tree, the ids of their contents by name; {} if no such folder.

        What it lists is not remembered: of a long range each commit has another tree.
        """
        for name in folder.encode("utf-8", "surrogateescape").split(b"/"):
            found = self.some(tree, (name,)).get(name)
            if found is None or found.mode != FOLDER:
                return {}
            tree = found.id
        return files_among(self.some(tree, None).items())

    def listing(self, tree: str) -> dict[str, str]:
        """The regular files and the folders of a tree object, see Folders; {} for what is none."""
        return listed_among(self.some(tree, None).items())

    def some(self, tree: str, names: Collection[bytes] | None) -> dict[bytes, TreeEntry]:
        """The entries of some names in a tree object, None for all of them; it is not remembered."""
        found = self._object(tree, _LARGEST_TREE) if _HEX.fullmatch(tree) else None
        if found is None or found.kind != "tree":
            return {}
        return dict(tree_entries(found.content or b"", len(tree) // 2, names))

    def version(self, tree: str) -> Version | None:
        """The kernel version in a tree's Makefile, None without one."""
        return release(self.read(tree, "Makefile") or b"")

    def _folder(self, tree: str) -> dict[bytes, TreeEntry]:
        if tree not in self._listed:
            if len(self._listed) >= _FOLDERS:
                self._listed.clear()
            found = self._object(tree, _LARGEST_TREE) if _HEX.fullmatch(tree) else None
            is_tree = found is not None and found.kind == "tree"
            self._listed[tree] = dict(tree_entries(found.content or b"", len(tree) // 2)) if found and is_tree else {}
        return self._listed[tree]


def _open(
    path: Path, environment: Mapping[str, str], called: str, until: float
) -> tuple[Command, tuple[str, str, str]]:
    """The repository at or above a path; its object format, the folder of its objects, its file `shallow`.

    Raises UsageError if there is none, or git refuses it.
    """
    if shutil.which("git") is None:  # GitPython, once imported, would say it in twelve lines
        raise InputError(f"{called}: git is not installed")
    try:
        is_folder = path.is_dir()
    except OSError as error:
        raise UsageError(f"{called} is not a git repository ({error.strerror})") from None
    if not is_folder:
        raise UsageError(f"{called} is not a git repository" if path.exists() else f"{called}: no such folder")
    theirs = Command(path, environment)
    said: list[str] = []
    # one by one: a folder's name may hold line breaks
    for asked in ("--show-object-format", "objects", "shallow"):
        place = () if asked.startswith("-") else ("--path-format=absolute", "--git-path")
        done = theirs.run("rev-parse", *place, asked, until=until)
        if done.code:
            raise UsageError(_refused(done, path, called))
        said.append(os.fsdecode(done.out.removesuffix(b"\n")))
    return theirs, (said[0], said[1], said[2])


def _refused(done: GitResult, path: Path, called: str) -> str:
    if "dubious ownership" in done.err:
        advice = _TRUST.search(done.err)
        command = advice[1] if advice else f"git config --global --add safe.directory {path.resolve()}"
        return f"{called}: git refuses a repository that belongs to somebody else; if you trust it, run: {command}"
    if "not a git repository" in done.err:
        return f"{called} is not a git repository"
    return f"{called}: git cannot use this repository: {done.complaint}"


def _alternate(folder: bytes) -> bytes:
    """A line of objects/info/alternates; a name that git would read as a comment or two lines is quoted as in C."""
    if not folder.startswith((b'"', b"#")) and b"\n" not in folder:
        return folder + b"\n"
    quoted = folder.replace(b"\\", b"\\\\").replace(b'"', b'\\"').replace(b"\n", b"\\n")
    return b'"' + quoted + b'"\n'
