"""Finds the candidates for the base commit of a series, the likeliest first, and why others are not here.

In this order: the base-commit trailer, the commit whose blobs the diff names, the tips of configured branches.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from typing import NamedTuple

from reviewbot.git.command import TooLong
from reviewbot.git.repository import Repository
from reviewbot.model.patch import FileChange, Series
from reviewbot.patch import parse
from reviewbot.support.diff_lines import blob_ids

_SHARE = 0.3  # of the time that is left, for the search: the branches are still to be tried
_PATHS = 100  # of a series that are looked for; what has these has the others


class Base(NamedTuple):
    """A base commit, its tree, and in words how it was found."""

    commit: str
    tree: str
    how: str


def candidates(repository: Repository, series: Series, branches: Sequence[str]) -> Iterator[Base | str]:
    """Bases to try, in order, and in between, as text, why a search found none."""
    if series.base is not None:
        yield _base(repository, repository.known(series.base), "base-commit trailer") or (
            f"base commit {series.base[:12]} is not in this tree" + (", a shallow clone" if repository.shallow else "")
        )
    tips: dict[str, str] = {}
    for name in branches:
        commit = repository.commit(name)
        if commit is None:
            yield f"{name} names no commit in this tree"
        else:
            tips.setdefault(commit, name)
    try:
        yield from _by_blobs(repository, wanted_blobs(series), tuple(tips))
    except TooLong:
        yield "its history could not be searched for the blob ids of the diff in time"
    for commit, name in tips.items():
        if base := _base(repository, commit, name):
            yield base


def base_named(repository: Repository, rev: str) -> Base | str | None:
    """The base that the user names; as text why it cannot be used, None if it is no commit."""
    return _base(repository, repository.commit(rev), "--base")


def _base(repository: Repository, commit: str | None, how: str) -> Base | str | None:
    if commit is None:
        return None
    tree = repository.tree(commit)
    return Base(commit, tree, how) if tree else f"the files of {commit[:12]} ({how}) are not here, in a partial clone"


def wanted_blobs(series: Series) -> Mapping[str, str]:
    """By path the blob ids, mostly cut short, of the files that a series changes in its base; zeros: no such file."""
    ids: dict[str, str] = {}
    made: set[str] = set()  # by a patch of the series itself
    for patch in series.patches:
        for change in parse.parse_diff(patch.diff)[0]:
            known = _old_id(change)
            first = change.path if change.created else change.old_path
            if first is not None and first not in made and known is not None:
                ids.setdefault(first, known)
            made.update(path for path in (change.path, change.old_path) if path is not None)
    return ids


def is_in(repository: Repository, tree: str, path: str, known: str) -> bool:
    """Whether the blob at a path of a tree has an id, which may be cut short; for zeros, whether there is none."""
    found = repository.entry(tree, path)
    return not known.strip("0") if found is None else found.id.startswith(known)


def old_id(change: FileChange) -> str | None:
    """The blob id, mostly cut short, of the file before a change; None if the diff names none, or there was no file."""
    known = _old_id(change)
    return known if known and known.strip("0") else None


def _old_id(change: FileChange) -> str | None:
    ids = blob_ids(change.header)
    return ids[0] if ids else None


def _by_blobs(repository: Repository, ids: Mapping[str, str], tips: Sequence[str]) -> Iterator[Base | str]:
    """The newest commit with all these blobs, on the first of `tips` that has one; as text, why there is none."""
    there = sorted(path for path, known in ids.items() if known.strip("0"))[:_PATHS]
    paths = (*there, *sorted(ids.keys() - set(there))[: _PATHS - len(there)])
    if not there or not tips:
        return
    found = next((tip for tip in tips if _has(repository, tip, ids, paths)), None)
    if found is None:
        missing = repository.missing(ids[path] for path in there)
        if lost := next((path for path in there if ids[path] in missing), None):
            yield f"{lost} as the diff knew it ({ids[lost][:12]}) is not in this tree"
            return
        now = time.monotonic()
        until = now + (repository.until - now) * _SHARE
        for at, tip in enumerate(tips):
            found = found or _before_a_change(repository, ids, paths, (tip, *(f"^{done}" for done in tips[:at])), until)
    if base := _base(repository, found, "blob ids of the diff"):
        yield base


def _before_a_change(
    repository: Repository, ids: Mapping[str, str], paths: Sequence[str], revs: Sequence[str], until: float
) -> str | None:
    """The newest commit with all these blobs that is the parent of a change to one of the files.

    No other commit can be the newest one unless it is the tip itself. So the walk ends at the base, and not where the
    oldest of the files was last changed, which may be all of history. `until`: by time.monotonic(). Raises TooLong.
    """
    known = tuple({ids[path] for path in paths})
    asked = ("log", "--raw", "--no-abbrev", "--no-renames", "--format=>%P", "--stdin")
    told = "\n".join((*revs, "--", *(f":(top,literal){path}" for path in paths), ""))
    parents: list[str] = []
    fits = False  # all files that the commit changed had the blobs of the series before

    def found() -> str | None:
        return next((one for one in parents if fits and _has(repository, one, ids, paths)), None)

    with closing(repository.lines(*asked, stdin=told.encode("utf-8", "surrogateescape"), until=until)) as parts:
        for lines in parts:
            for line in lines:
                if line.startswith(b":"):
                    fits = fits and line.split(b" ", 3)[2].decode("ascii", "replace").startswith(known)
                elif line.startswith(b">"):
                    if base := found():
                        return base
                    parents, fits = line[1:].decode("ascii", "replace").split(), True
            if base := found():  # the next line may be long in coming, and be from the other end of history
                return base
    return None


def _has(repository: Repository, commit: str, ids: Mapping[str, str], paths: Sequence[str]) -> bool:
    tree = repository.tree(commit)
    return tree is not None and all(is_in(repository, tree, path, ids[path]) for path in paths)
