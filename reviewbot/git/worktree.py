"""Turns the staged, unstaged and untracked changes of a work tree into commits of our own.

Nothing of the repository is changed. Its index is copied, and git works on the copy in our repository, which borrows
the objects of this one: new trees and blobs go there, and no lock is taken. No filter of the user's is run. A path with
a conflict is as in HEAD in all these commits, and is named as unread.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterable, Sequence
from functools import cached_property
from pathlib import Path

from msgspec import Struct

from reviewbot.git.command import GitResult
from reviewbot.git.repository import Repository
from reviewbot.git.revisions import Commit
from reviewbot.model.errors import InputError
from reviewbot.model.patch import Unread
from reviewbot.patch.parse import SOURCES

STAGED, UNSTAGED, UNTRACKED = "staged", "not staged", "untracked"

_FILES = ("--", *(f"*.{ending}" for ending in SOURCES))
_SOURCE = re.compile(rb"\.(?:%b)\Z" % b"|".join(ending.encode() for ending in SOURCES))
_ID = re.compile(r"[0-9a-f]{40,64}")
_NOBODY = ("-c", "user.name=reviewbot", "-c", "user.email=reviewbot@localhost")


class WorkTree(Struct, frozen=True):
    """The paths of a work tree's top, of its index and of its git folder."""

    top: Path
    index: Path
    git: Path

    def merging(self) -> tuple[str, ...]:
        """The ids of the commits that an uncommitted merge brings in (MERGE_HEAD)."""
        try:
            said = (self.git / "MERGE_HEAD").read_text(encoding="ascii").split()
        except (OSError, UnicodeDecodeError):
            return ()
        return tuple(one for one in said if _ID.fullmatch(one))

    def rebased(self) -> str | None:
        """The full ref name of the branch that is being rebased; None if none is."""
        for folder in ("rebase-merge", "rebase-apply"):
            try:
                return (self.git / folder / "head-name").read_text(encoding="utf-8").strip()
            except (OSError, UnicodeDecodeError):
                continue
        return None


def work_tree_of(repository: Repository) -> WorkTree | None:
    """The work tree of a repository; None if it has none, or was opened outside of it."""
    top = _path(repository.ask("rev-parse", "--show-toplevel"))
    index = _path(repository.ask("rev-parse", "--path-format=absolute", "--git-path", "index"))
    git = _path(repository.ask("rev-parse", "--absolute-git-dir"))
    return WorkTree(top, index, git) if top and index and git else None


def _path(done: GitResult) -> Path | None:
    said = os.fsdecode(done.out.removesuffix(b"\n"))
    return Path(said) if done.code == 0 and said else None


class Index:
    """A copy of an index, to which files of the work tree can be added. `head`: the commit to compare it with.

    `unread`: files that could not be read. Raises InputError if the index cannot be copied.
    """

    def __init__(self, repository: Repository, place: WorkTree, head: str | None) -> None:
        self._repository, self._place = repository, place
        self._base = repository.tree(head) if head is not None else None
        self._parent = head
        self._unmerged: frozenset[bytes] = frozenset()
        self.unread: tuple[Unread, ...] = ()
        self._copy()

    def _copy(self) -> None:
        ours = self._repository.folder / "index"
        try:
            with self._place.index.open("rb") as file:
                content, times = file.read(), os.fstat(file.fileno())
            parts = {part.name: part.read_bytes() for part in self._place.git.glob("sharedindex.*")}  # of a split index
        except FileNotFoundError:  # nothing was ever added
            return
        except OSError as error:
            raise InputError(f"the index cannot be read: {error.strerror}") from error
        try:
            ours.write_bytes(content)
            # a file that is as old as the index may have been changed since, and git then looks into it
            os.utime(ours, ns=(times.st_atime_ns, times.st_mtime_ns))
            for name, part in parts.items():
                (self._repository.folder / "git" / name).write_bytes(part)
        except OSError as error:
            raise InputError(self._repository.unwritable(error.strerror or "")) from error

    def staged(self, merged: Sequence[str] = ()) -> list[Commit]:
        """The staged changes, as a commit on HEAD; no commit if there are none.

        During a merge (`merged`: the other parents): only files whose staged content differs from every parent, as one
        commit on each parent.
        """
        tree = self._tree()
        if tree in (self._base, _nothing(tree) if self._base is None else None):
            return []
        whole = self._commit(tree, self._parent, STAGED)
        head, self._base, self._parent = self._parent, tree, whole.id
        if head is None or not merged:
            return [whole]
        sides = (head, *merged)
        rows = [self._rows(side, tree) for side in sides]
        own = [row for path, row in rows[0].items() if all(path in there for there in rows)]
        return [self._narrowed(side, own) for side in sides] if own else []

    def _rows(self, side: str, tree: str) -> dict[bytes, bytes]:
        """The files that differ between a commit and a tree, by path, as rows for git update-index --index-info."""
        done = self._repository.run(
            "diff-tree", "-r", "-z", "--raw", "--no-renames", "--no-abbrev", side, tree, *_FILES
        )
        rows = done.out.split(b"\0")
        words = (row.split(b" ") for row in rows[::2])
        return {path: b"%b %b\t%b" % (said[1], said[3], path) for said, path in zip(words, rows[1::2], strict=False)}

    def _narrowed(self, side: str, rows: Sequence[bytes]) -> Commit:
        """A commit on `side` that changes only the files of some rows."""
        read = self._git("read-tree", side, index="side")
        put = self._git("update-index", "-z", "--index-info", stdin=b"\0".join((*rows, b"")), index="side")
        written = self._git("write-tree", "--missing-ok", index="side")
        if failed := next((done for done in (read, put, written) if done.code), None):
            raise InputError(f"cannot read the parents of the merge: {failed.complaint}")
        return self._commit(written.out.decode("ascii").strip(), side, STAGED)

    def unstaged(self) -> list[Commit]:
        """The unstaged changes of tracked files, as a commit on the staged ones; no commit if there are none."""
        done = self._git("diff-files", "--raw", "-z", "--ignore-submodules=all", *_FILES)
        if done.code:
            raise InputError(f"git status failed: {done.complaint}")
        return self._added(self._translated(_changed(done.out) - self._unmerged), UNSTAGED)

    def untracked(self) -> tuple[bytes, ...]:
        """The source files that are neither tracked nor ignored."""
        known = (self._common("info/exclude"), self._theirs("core.excludesFile", "ignore"))
        lists = (f"--exclude-from={path}" for path in known if path.is_file())
        done = self._git("ls-files", "--others", "-z", "--exclude-per-directory=.gitignore", *lists, *_FILES)
        return tuple(path for path in done.out.split(b"\0") if _SOURCE.search(path))

    def with_untracked(self, paths: Sequence[bytes]) -> list[Commit]:
        """Some untracked files, as a commit on all tracked changes."""
        return self._added(self._translated(frozenset(paths)), UNTRACKED)

    # --- one step ---

    def _git(self, *arguments: str, stdin: bytes = b"", index: str = "index") -> GitResult:
        # the mode is no part of what is read, and some file systems have none
        options = ("-c", "core.fileMode=false", "-c", "core.splitIndex=false")
        return self._repository.run_in(self._place.top, *options, *arguments, stdin=stdin, index=index)

    def _tree(self) -> str:
        """The id of the copy's tree, in which paths with a conflict are as in HEAD."""
        done = self._git("write-tree", "--missing-ok")
        if done.code and not self._unmerged:
            listed = self._git("ls-files", "--unmerged", "-z").out.split(b"\0")
            self._unmerged = frozenset(row.partition(b"\t")[2] for row in listed if row)
            sources = sorted(path for path in self._unmerged if _SOURCE.search(path))
            why = "it has a conflict that is not solved"
            self.unread += tuple(Unread(_text(path), why) for path in sources)
            self._settle()
            done = self._git("write-tree", "--missing-ok")
        if done.code:
            raise InputError(f"git cannot read the index: {done.complaint}")
        return done.out.decode("ascii").strip()

    def _settle(self) -> None:
        """Reset the paths with a conflict in the copy to HEAD."""
        rows = [f"0 {'0' * 40}\t".encode() + path for path in self._unmerged]
        for path in self._unmerged:
            there = self._repository.entry(self._base, _text(path)) if self._base else None
            if there is not None:
                rows.append(f"{there.mode} {there.id}\t".encode() + path)
        self._git("update-index", "-z", "--index-info", stdin=b"\0".join((*rows, b"")))

    def _translated(self, paths: frozenset[bytes]) -> list[bytes]:
        """Those of some paths without a filter (gitattributes(5)), which is a program: none is run here."""
        if not paths:
            return []
        there = sorted(paths)
        done = self._git(*self._attributes, "check-attr", "-z", "--stdin", "filter", stdin=b"\0".join((*there, b"")))
        said = done.out.split(b"\0")
        filtered = {path for path, value in zip(said[::3], said[2::3], strict=False) if value != b"unspecified"}
        self.unread += tuple(
            Unread(_text(path), "a filter (gitattributes) changes what is in it, and none is run here")
            for path in there
            if path in filtered
        )
        return [path for path in there if path not in filtered]

    def _added(self, paths: Sequence[bytes], label: str) -> list[Commit]:
        """The content of some files of the work tree, as a commit on the last one; no commit if nothing changes."""
        if not paths:
            return []
        done = self._update(paths)
        if done.code:  # git does not say in a parsable way which of them it was
            for path in paths:
                done = self._update([path])
                if done.code:
                    self.unread += (Unread(_text(path), f"git cannot read it: {done.complaint}"),)
        tree = self._tree()
        if tree == self._base:
            return []
        made = self._commit(tree, self._parent, label)
        self._base, self._parent = tree, made.id
        return [made]

    def _update(self, paths: Iterable[bytes]) -> GitResult:
        options = (*self._coding, *self._attributes, "update-index", "-z", "--add", "--remove", "--stdin")
        return self._git(*options, stdin=b"\0".join((*paths, b"")))

    @cached_property
    def _coding(self) -> tuple[str, ...]:
        """The user's settings for line ends, as options: they turn the content of a file into that of a blob."""
        asked = ((name, self._repository.ask("config", "--get", name)) for name in ("core.autocrlf", "core.eol"))
        said = ((name, done.out.decode("ascii", "replace").strip()) for name, done in asked if done.code == 0)
        return tuple(word for name, value in said for word in ("-c", f"{name}={value}"))

    @cached_property
    def _attributes(self) -> tuple[str, ...]:
        """The attributes (gitattributes(5)) that are in no file of the tree, as an option."""
        ours = self._repository.folder / "attributes"
        known = (self._theirs("core.attributesFile", "attributes"), self._common("info/attributes"))
        try:
            said = b"\n".join(path.read_bytes() for path in known if path.is_file())
        except OSError as error:
            raise InputError(f"git's attributes cannot be read: {error.strerror}") from error
        try:
            ours.write_bytes(said)
        except OSError as error:
            raise InputError(self._repository.unwritable(error.strerror or "")) from error
        return "-c", f"core.attributesFile={ours}"

    def _theirs(self, setting: str, name: str) -> Path:
        """The user's own file that a setting names, or its default place (git-config(1))."""
        home = os.environ.get("XDG_CONFIG_HOME") or Path("~/.config").expanduser()
        return _path(self._repository.ask("config", "--type=path", "--get", setting)) or Path(home, "git", name)

    def _common(self, name: str) -> Path:
        """The path of a file in the git folder that all work trees share."""
        asked = self._repository.ask("rev-parse", "--path-format=absolute", "--git-path", name)
        return _path(asked) or Path(os.devnull)

    def _commit(self, tree: str, parent: str | None, label: str) -> Commit:
        on = ("-p", parent) if parent is not None else ()
        made = self._repository.run(*_NOBODY, "commit-tree", *on, "-m", label, tree)
        if made.code:
            raise InputError(f"git cannot go on from the index: {made.complaint}")
        return Commit(made.out.decode("ascii").strip(), parent, label)


def _nothing(like: str) -> str:
    """The id of the empty tree, by the same hash function as another id."""
    return hashlib.new("sha1" if len(like) == 40 else "sha256", b"tree 0\0", usedforsecurity=False).hexdigest()


def _text(path: bytes) -> str:
    return path.decode("utf-8", "surrogateescape")


def _changed(raw: bytes) -> frozenset[bytes]:
    """The files in the output of git-diff-files(1) --raw that are, or were, regular and have no conflict."""
    rows = raw.split(b"\0")
    found = zip(rows[::2], rows[1::2], strict=False)
    return frozenset(path for row, path in found if row[1:4] in (b"100", b"000") and not row.endswith(b"U"))
