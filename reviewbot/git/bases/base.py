"""Defines a base commit: one that a series may be made for, with its tree, and in words how it was found."""

from __future__ import annotations

from typing import NamedTuple

from reviewbot.git.repository import Repository


class Base(NamedTuple):
    """A base commit, its tree, and in words how it was found.

    `sure`: the series names it, or its diffs knew the very files.
    """

    commit: str
    tree: str
    how: str
    sure: bool = False


class Tip(NamedTuple):
    """A commit that a branch or a tag is at, and in words what led there."""

    commit: str
    how: str


def base_at(repository: Repository, commit: str | None, how: str, *, sure: bool = False) -> Base | str | None:
    """The base at a commit; as text why it cannot be used, None if there is no commit."""
    if commit is None:
        return None
    tree = repository.tree(commit)
    if tree is None:
        return f"the files of {commit[:12]} ({how}) are not here, in a partial clone"
    return Base(commit, tree, how, sure)


def base_named(repository: Repository, rev: str) -> Base | str | None:
    """The base that the user names; as text why it cannot be used, None if it is no commit."""
    return base_at(repository, repository.commit(rev), "--base", sure=True)
