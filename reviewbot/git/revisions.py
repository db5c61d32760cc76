"""Resolves a commit range, as the user writes it, into its commits, oldest first, or says why it cannot."""

from __future__ import annotations

import re
from typing import NamedTuple

from reviewbot.git.repository import Repository
from reviewbot.model.errors import InputError, UsageError

_DEEPEN = "git fetch --unshallow gets the rest, git fetch --deepen=N some of it; actions/checkout needs fetch-depth: 0"
_SEVERAL = re.compile(r"^\^|\^[@!]$|\^-[0-9]*$|\.\.|^[^{]*\s")  # gitrevisions(7): more than one, or their ends
_WRITE = "write BASE..TIP, or COMMIT"


class Commit(NamedTuple):
    """A commit. `parent`: None for a root; `label`: its name if it is no commit of the user's ("staged"), else ""."""

    id: str
    parent: str | None
    label: str = ""


class CommitRange(NamedTuple):
    """The commits to review, parents before their children; and the merges among them, which are not reviewed.

    `base`: the commit after which the range starts, None if it starts with a root.
    """

    name: str
    base: str | None
    tip: str
    commits: tuple[Commit, ...]
    merges: tuple[str, ...] = ()


def commit_range(repository: Repository, asked: str | None, since: str | None = None) -> CommitRange:
    """The commits of `asked`: BASE..TIP, or one commit. With `since` all up to it (or HEAD) that is not in that branch.

    Raises UsageError for an invalid or ambiguous range, InputError if commits of it are not in this clone.
    """
    text = asked if asked is not None else "HEAD"
    if asked is None and since is None:
        raise UsageError("name what to review: BASE..HEAD, one commit, or --since-merge-base BRANCH")
    if "..." in text:
        left, _, right = text.partition("...")
        raise UsageError(
            f"{text} means commits of both sides to git log, and of one to git diff: write {left}..{right or 'HEAD'} "
            f"for what is in {right or 'HEAD'} and not in {left or 'HEAD'}"
        )
    if since is not None:
        if ".." in text:
            raise UsageError("--since-merge-base says where the range begins: name one commit beside it, or none")
        return _since(repository, since, text)
    if ".." not in text:
        return _one(repository, text)
    left, _, right = text.partition("..")
    if not (left or right):
        raise UsageError(f"{text}: this range has no end, write BASE..HEAD")
    base, tip = _commit(repository, left or "HEAD"), _commit(repository, right or "HEAD")
    if not left and base == tip:  # in a script a variable that nobody has set; "clean" would be said of nothing
        raise UsageError(f"{text} is empty: a missing base means HEAD; write BASE{text}")
    if repository.shallow and not _meet(repository, base, tip):
        raise InputError(f"{text}: this clone is shallow, and has no commit that both sides come from ({_DEEPEN})")
    return _walked(repository, text, base, tip)


def _since(repository: Repository, branch: str, rev: str) -> CommitRange:
    left, tip = _commit(repository, branch), _commit(repository, rev)
    bases = _meet(repository, left, tip)
    if not bases:
        why = f"this clone is shallow ({_DEEPEN})" if repository.shallow else "they have nothing in common"
        raise InputError(f"--since-merge-base {branch}: no commit is in both {branch} and {rev}: {why}")
    # all that both have is in one of their merge bases
    return _walked(repository, f"{branch}..{rev}", bases[0], tip, bases[1:])


def _one(repository: Repository, rev: str) -> CommitRange:
    commit = _commit(repository, rev)
    ((_, *parents),) = _listed(repository, "--no-walk", commit)
    _whole(repository, [commit])
    if len(parents) > 1:
        raise InputError(f"{rev} is a merge; to review what it brings in, use {rev}^1..{rev}")
    parent = parents[0] if parents else None
    return CommitRange(rev, parent, commit, (Commit(commit, parent),))


def _walked(repository: Repository, name: str, base: str, tip: str, others: tuple[str, ...] = ()) -> CommitRange:
    rows = _listed(repository, "--topo-order", "--reverse", tip, *(f"^{one}" for one in (base, *others)))
    _whole(repository, [row[0] for row in rows])
    if repository.shallow and any(len(row) == 1 for row in rows):
        # it went on to a root: where the history of the base is cut, that may be what lies behind the cut
        _whole(repository, [row[0] for row in _listed(repository, base, *others)])
    commits = (Commit(row[0], row[1] if len(row) > 1 else None) for row in rows if len(row) < 3)
    return CommitRange(name, base, tip, tuple(commits), tuple(row[0] for row in rows if len(row) > 2))


def _whole(repository: Repository, commits: list[str]) -> None:
    """Raise InputError if a commit has a parent that is not in this shallow clone."""
    cut = next((commit for commit in commits if commit in repository.cut), None)
    if cut is not None:
        raise InputError(
            f"history is missing: this shallow clone ends with {cut[:12]}, so what that commit changes, and what "
            f"comes before it, cannot be seen ({_DEEPEN})"
        )


def _listed(repository: Repository, *arguments: str) -> list[list[str]]:
    """Each commit that git rev-list walks to, followed by its parents."""
    done = repository.run("rev-list", "--parents", *arguments)
    if done.code:
        raise InputError(f"git cannot walk these commits: {done.complaint}")
    return [line.split() for line in done.out.decode("ascii").splitlines()]


def _meet(repository: Repository, one: str, other: str) -> tuple[str, ...]:
    return tuple(repository.run("merge-base", "--all", one, other).out.decode("ascii").split())


def _commit(repository: Repository, rev: str) -> str:
    if not rev:
        raise UsageError(f"an empty name means no commit: {_WRITE}")
    found = repository.commit(rev)
    if found is not None:
        return found
    if _SEVERAL.search(rev):
        raise UsageError(f"{rev} does not name a single commit: {_WRITE}")
    if repository.is_empty():
        raise InputError(f"{repository.path} has no commits yet")
    if repository.shallow:
        raise InputError(f"{rev}: no such commit in this shallow clone ({_DEEPEN})")
    raise UsageError(f"{rev}: no such commit in {repository.path}")
