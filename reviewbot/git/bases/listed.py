"""Finds the branches of the trees that MAINTAINERS of a tree names (T:) for the files of a series.

A tree counts where a remote of the user's repository has its URL. Its branch is the one that MAINTAINERS names, else
the one for the next release.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import NamedTuple

from reviewbot.git.bases.base import Tip
from reviewbot.git.bases.maintainers import Area, areas_of, listed_trees
from reviewbot.git.bases.references import References, remote_url
from reviewbot.git.bases.subject import FIRST, FOR_NEXT
from reviewbot.git.repository import Repository

_FILE = "MAINTAINERS"
_PATHS = 100  # of a series that are looked up
_SECONDS = 2.0  # for looking them up: Linux needs 2 ms a path
_TREES = 8  # that are tried: an area has three or four


class ListedRemote(NamedTuple):
    """A remote that MAINTAINERS names, and the branch of it, "" for none."""

    remote: str
    branch: str


def listed_remotes(
    repository: Repository, commit: str, paths: Sequence[str], references: References
) -> list[ListedRemote]:
    """The remotes that MAINTAINERS of a commit names for some paths, the most specific first."""
    tree = repository.tree(commit) if references.remotes else None
    there = repository.entry(tree, _FILE) if tree is not None else None
    text = repository.content(there.id) if there is not None and there.is_file else None
    if there is None or text is None:
        return []
    found: dict[ListedRemote, None] = {}
    for one in listed_trees(_parsed(there.id, text), sorted(set(paths))[:_PATHS], _SECONDS):
        found |= dict.fromkeys(ListedRemote(remote, one.branch) for remote in references.at(remote_url(one.url)))
        if len(found) >= _TREES:
            break
    return list(found)[:_TREES]


@lru_cache(maxsize=4)
def _parsed(_id: str, text: bytes) -> tuple[Area, ...]:
    return areas_of(text.decode("utf-8", "surrogateescape"))


def listed_tips(remotes: Sequence[ListedRemote], words: Sequence[str], references: References) -> Iterator[Tip]:
    """The tips of these remotes: of each the branches that the subject names (`words`), and those for its patches."""
    for remote, branch in remotes:
        named = (f"{branch}-next", branch) if branch else ()
        asked = (*words, *(named or (f"{remote}-next", *FOR_NEXT, *FIRST)))
        for name, commit in references.of_remote(remote, tuple(dict.fromkeys(asked))):
            yield Tip(commit, f"T: line of {_FILE}, {name}")
