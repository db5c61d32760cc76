"""Reads commits: the message of each, and the diff to its parent as git prints it, in bytes.

One process of git prints all of them (git-diff-tree(1), --stdin). Its output does not depend on the user's
configuration, and renames are found as with -M. Only files that the parser reads are requested, so that git does not
diff firmware either; links and submodules are left out. The first byte tells what a line is: content begins with a
blank, "+", "-" or "\\", so no file can forge a header or the id of a commit.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from msgspec import Struct

from reviewbot.git.command import Failed
from reviewbot.git.repository import Repository
from reviewbot.git.revisions import Commit
from reviewbot.mail.body import decoded_payload
from reviewbot.model.patch import FileChange, Unread
from reviewbot.patch import parse
from reviewbot.patch.parse import SOURCES
from reviewbot.support.diff_lines import HUNKS_BYTES, INDEX_BYTES

_DIFF = (
    *("diff-tree", "--stdin", "--root", "--always", "-r", "-p", "--cc", "-M", "--full-index", "--no-color"),
    *("--no-ext-diff", "--no-textconv", "--no-relative", "--submodule=short", "--diff-algorithm=default"),
    *("--unified=3", "--inter-hunk-context=0", "--indent-heuristic", "--src-prefix=a/", "--dst-prefix=b/"),
)
_PATHS = ("--", *(f"*.{ending}" for ending in SOURCES))
_SECTION = b"\ndiff --"
_MODE = re.compile(rb"^(?:new file|deleted file|old|new) mode ([0-7]+)$", re.MULTILINE)
_FILE = b"100"  # what the modes of regular files begin with
_LACKS = "a partial clone gets what it lacks where git log -p goes over these commits"


class Section(NamedTuple):
    """One file's part of a diff. `file`: its header, without hunks; `old`, `new`: its blob ids before and after.

    An id is "" if there is no file. `added`: the number of lines added.
    """

    text: bytes
    file: FileChange
    old: str
    new: str
    added: int

    @property
    def has_hunks(self) -> bool:
        """Whether the content changes, and as text."""
        return bool(self.old or self.new) and b"\n@@ -" in self.text

    def among(self, rows: Sequence[tuple[int, int]]) -> bytes:
        """The text with those hunks alone that reach one of some ranges of rows after it, counted from 0."""
        starts = list(HUNKS_BYTES.finditer(self.text))
        ends = [*(found.start() for found in starts[1:]), len(self.text)]
        kept = [self.text[: starts[0].start()]] if starts else []
        for found, end in zip(starts, ends, strict=True):
            first = int(found[3]) - 1
            last = first + int(found[4] if found[4] is not None else 1)
            if any(begin <= last and first <= stop for begin, stop in rows):
                kept.append(self.text[found.start() : end])
        return b"".join(kept)


class CommitDiff(Struct, frozen=True):
    """A commit and its changes of files that can be read. `before`, `after`: the ids of the trees, "" for none.

    `label`: as in revisions.Commit; `stamp`: as in CommitMessage.
    """

    commit: str
    subject: str
    body: str
    before: str
    after: str
    sections: tuple[Section, ...]
    unread: tuple[Unread, ...] = ()
    label: str = ""
    stamp: int = 0


class CommitMessage(NamedTuple):
    """The content of a commit object. `stamp`: the committer's date in seconds since 1970, 0 if it has none."""

    tree: str
    subject: str
    body: str
    stamp: int


def read_commits(repository: Repository, commits: Sequence[Commit], largest: int) -> Iterator[CommitDiff]:
    """The diff of each commit, in order, with as many files as fit into `largest` bytes.

    A commit that git cannot read has no sections, and `unread` says why.
    """
    trees: dict[str | None, str] = {None: ""}
    for commit, (texts, unread) in zip(commits, diffs(repository, [one.id for one in commits], largest), strict=True):
        said = message(repository, commit.id)
        if commit.parent not in trees:
            trees[commit.parent] = repository.tree(commit.parent or "") or ""
        before = trees[commit.parent]
        trees = {commit.id: said.tree, None: ""}  # mostly the parent of the next one
        sections: list[Section] = []
        for text in texts:
            found = _section(text)
            if isinstance(found, Section):
                sections.append(found)
            elif found is not None:
                unread = (*unread, found)
        yield CommitDiff(
            commit.id, said.subject, said.body, before, said.tree, tuple(sections), unread, commit.label, said.stamp
        )


def message(repository: Repository, commit: str) -> CommitMessage:
    """Read a commit object. Bytes of the message that are not in its encoding are kept as surrogates."""
    head, _, text = (repository.content(commit) or b"").partition(b"\n\n")
    fields = dict(line.partition(b" ")[::2] for line in reversed(head.split(b"\n")))
    said, _ = decoded_payload(text, fields.get(b"encoding", b"").decode("ascii", "replace"))
    subject, _, body = said.strip("\n").partition("\n\n")
    stamp = re.search(rb"> ([0-9]{1,12}) ", fields.get(b"committer", b""))
    tree = fields.get(b"tree", b"").decode("ascii", "replace")
    return CommitMessage(tree, " ".join(subject.split()), body, int(stamp[1]) if stamp else 0)


def diffs(repository: Repository, ids: Sequence[str], largest: int) -> Iterator[tuple[list[bytes], tuple[Unread, ...]]]:
    """The sections of each commit's diff, and what is not in them. If git fails at one, the others still follow."""
    done = 0
    while done < len(ids):
        cut = _Cut(ids[done:], largest)
        try:
            for part in repository.pour(*_DIFF, *_PATHS, stdin="".join(f"{one}\n" for one in ids[done:])):
                for one in cut.feed(part):
                    yield one
                    done += 1
            yield cut.last()
        except Failed as error:
            if done + 1 < len(ids):  # it may have ended with the next one, before it said so
                yield from diffs(repository, [ids[done]], largest)
            else:
                yield [], (Unread(None, f"git cannot read this commit: {error} ({_LACKS})"),)
        done += 1


class _Cut:
    """Splits the streamed output of git diff-tree into commits and files. Buffers `largest` bytes plus one chunk."""

    def __init__(self, ids: Sequence[str], largest: int) -> None:
        self._marks = iter([f"\n{one}\n".encode() for one in ids])
        self._mark: bytes | None = next(self._marks)
        self._first, self._largest = True, largest
        self._rest = b"\n"
        self._begin()

    def _begin(self) -> None:
        self._sections: list[bytes] = []
        self._size = self._left_out = 0
        self._skips = False  # what is at hand is the rest of a section that is too large

    def feed(self, part: bytes) -> Iterator[tuple[list[bytes], tuple[Unread, ...]]]:
        """The commits that are over with this part."""
        begin = len(self._rest)
        self._rest += part
        while self._mark is not None and (at := self._rest.find(self._mark, max(0, begin - len(self._mark)))) >= 0:
            if not self._first:
                self._take(self._rest[:at])
                yield self._commit()
            self._rest = self._rest[at + len(self._mark) - 1 :]
            self._mark, self._first, begin = next(self._marks, None), False, 0
        end = self._rest.rfind(_SECTION)
        if end > 0:
            self._take(self._rest[:end])
            self._rest = self._rest[end:]
        elif len(self._rest) > self._largest:
            self._left_out += not self._skips
            self._skips = True
            self._rest = self._rest[-2 * len(self._mark or _SECTION) :]  # in which one of both may begin

    def last(self) -> tuple[list[bytes], tuple[Unread, ...]]:
        """The last commit, after all output was fed."""
        self._take(self._rest)
        return self._commit()

    def _take(self, text: bytes) -> None:
        _, *found = text.split(_SECTION)
        self._skips = self._skips and not found
        for one in found:
            if self._size + len(one) > self._largest:
                self._left_out += 1
            else:
                self._size += len(one)
                self._sections.append(_SECTION[1:] + one + b"\n")

    def _commit(self) -> tuple[list[bytes], tuple[Unread, ...]]:
        found, left = self._sections, self._left_out
        files = "1 file" if left == 1 else f"{left} files"
        why = f"{files}: the diff is longer than {self._largest} bytes (mail_bytes under [limits] in config.toml)"
        self._begin()
        return found, (Unread(None, why),) if left else ()


def _section(text: bytes) -> Section | Unread | None:
    """Parse a section's header. None if it is no regular file; why it cannot be read if its path is invalid."""
    end = text.find(b"\n@@")
    head = text if end < 0 else text[: end + 1]
    index = INDEX_BYTES.search(head)
    modes = [*_MODE.findall(head), *([index[3]] if index and index[3] else [])]
    if not all(mode.startswith(_FILE) for mode in modes):
        return None
    found = parse.head(head.decode("utf-8", "surrogateescape").split("\n"))
    if not isinstance(found, FileChange):
        return found
    old, new = (one.decode() if one.strip(b"0") else "" for one in index.group(1, 2)) if index else ("", "")
    return Section(text, found, old, new, text.count(b"\n+", end) if end >= 0 else 0)
