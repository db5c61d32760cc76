"""A series and a repository in; the commits it may be meant for out, the likeliest first, or why one is not here."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from reviewbot import changes
from reviewbot.model import Series
from reviewbot.repository import Repository, TooLong

_COMMITS = 500  # that are looked at for the files as the diff knew them
_SHARE = 0.3  # of the time that is left: the branches are still to be tried
_PATHS = 100  # of a series that are looked for; what has these has the others
_INDEX = re.compile(r"index ([0-9a-f]{4,64})\.\.[0-9a-f]{4,64}(?: [0-7]+)?")


class Base(NamedTuple):
    """A commit to apply a series to, and how it was found."""

    commit: str
    tree: str
    how: str


def candidates(repository: Repository, series: Series, branches: Sequence[str]) -> Iterator[Base | str]:
    """Bases to try, in order, and between them the reasons why a way led to none."""
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
        found = _by_blobs(repository, wanted(series), tuple(tips))
    except TooLong:
        yield "its history could not be searched for the blob ids of the diff in time"
    else:
        if base := _base(repository, found, "blob ids of the diff"):
            yield base
    for commit, name in tips.items():
        if base := _base(repository, commit, name):
            yield base


def named(repository: Repository, rev: str) -> Base | None:
    """The base that somebody asked for."""
    return _base(repository, repository.commit(rev), "--base")


def _base(repository: Repository, commit: str | None, how: str) -> Base | None:
    tree = repository.tree(commit) if commit else None
    return Base(commit, tree, how) if commit and tree else None


def wanted(series: Series) -> Mapping[str, str]:
    """The files a series starts from and the ids, mostly cut short, that they have in its base."""
    ids: dict[str, str] = {}
    made: set[str] = set()  # by a patch of the series itself
    for patch in series.patches:
        for change in changes.parse(patch.diff)[0]:
            old = change.old_path
            index = next((match for line in change.header if (match := _INDEX.fullmatch(line))), None)
            if old is not None and old not in made and index and index[1].strip("0"):
                ids.setdefault(old, index[1])
            made.update(path for path in (change.path, old) if path is not None)
    return ids


def _by_blobs(repository: Repository, ids: Mapping[str, str], tips: Sequence[str]) -> str | None:
    """The newest commit, on the first of `tips` that has one, in which all these files are as the series knew them."""
    paths = sorted(ids)[:_PATHS]
    if not paths:
        return None
    for tip in tips:
        if _has(repository, tip, ids, paths):
            return tip
    for tip in tips:
        walk = ("rev-list", f"--max-count={_COMMITS}", tip, "--", *(f":(top,literal){path}" for path in paths))
        newer = tip
        for commit in repository.run(*walk, share=_SHARE).out.decode("ascii", "replace").split():
            if _has(repository, commit, ids, paths):
                last = repository.known(f"{newer}^") or commit
                return last if _has(repository, last, ids, paths) else commit
            newer = commit
    return None


def _has(repository: Repository, commit: str, ids: Mapping[str, str], paths: Sequence[str]) -> bool:
    tree = repository.tree(commit)
    return tree is not None and all(
        (found := repository.entry(tree, path)) is not None and found.id.startswith(ids[path]) for path in paths
    )
