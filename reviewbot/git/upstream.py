"""Finds the upstream commit on which the work at HEAD is based, and says how, or why there is none.

On a branch on which b4 prepares a series, b4 knows it: b4 0.16 (ez.py) keeps a JSON object with the change-id either in
the message of an empty commit that is the cover letter, below a marker, or in the branch's configuration. The object
has a base-branch unless the cover letter is the first commit of the series. (Its strategies "tag" and "tip-merge" are
names without code.) Else it is the branch's upstream, else the default branch of the remote.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import NamedTuple

from reviewbot.git.commits import message
from reviewbot.git.repository import Repository

MARKER = "--- b4-submit-tracking ---"
_DEEPEST = 2_000  # commits below HEAD, by first parents, among which a cover letter is searched
_LONGEST = 100  # characters of b4's names that are printed
_HOW = "the branch has no upstream, is no series of b4, and no remote says which of its branches is the default"
_HEADS = "refs/heads/"

TrackingData = Mapping[str, object]


class Upstream(NamedTuple):
    """The upstream commit, after which the commits to review begin. `how`: how it was found, in words.

    `cover`: the commit that is b4's cover letter, None if there is none.
    """

    commit: str
    how: str
    cover: str | None = None


def find(repository: Repository, head: str, rebased: str | None = None) -> Upstream | str:
    """The upstream of the commit `head`, at which HEAD is; as text why none is known.

    `rebased`: the branch that is being rebased, as HEAD is on none meanwhile; None if none is.
    """
    asked = repository.ask("symbolic-ref", "--quiet", "HEAD")
    branch = asked.out.decode("utf-8", "surrogateescape").strip() if asked.code == 0 else rebased or ""
    name = branch.removeprefix(_HEADS) if branch.startswith(_HEADS) else ""
    default = _default(repository)
    found = _prepared(repository, head, name, default) or _tracked(repository, name) or default
    return found or (f"HEAD is detached, and {_HOW.partition(', and ')[2]}" if not name else _HOW)


# --- b4 ---


def _prepared(repository: Repository, head: str, name: str, default: Upstream | None) -> Upstream | None:
    """The upstream of the series that b4 prepares on this branch, None if there is none."""
    cover = _cover(repository, head, default)
    if cover is not None:
        tracking = parsed(message(repository, cover).body)
        series = _series(tracking)
        if series is not None:
            base = _base(repository, head, series)
            begins = None if "base-branch" in series else Upstream(cover, _named(series), cover)
            return begins or (Upstream(base, _named(series), cover) if base else None)
    if name:
        told = repository.ask("config", "--get", f"branch.{name}.b4-tracking")
        series = _series(parsed(told.out.decode("utf-8", "replace"))) if told.code == 0 else None
        base = _base(repository, head, series) if series is not None else None
        return Upstream(base, _named(series), None) if base and series is not None else None
    return None


def _cover(repository: Repository, head: str, default: Upstream | None) -> str | None:
    """The newest cover letter among the user's own commits; one that went upstream by mistake does not count."""
    mine = repository.ask("config", "--get", "user.email").out.decode("utf-8", "surrogateescape").strip()
    if not mine:
        return None
    below = () if default is None else (f"^{default.commit}",)
    # git log counts what it prints, and would go on to the beginning of history
    ids = repository.run("rev-list", "--first-parent", f"--max-count={_DEEPEST}", head, *below).out
    options = ("--no-walk=unsorted", "--stdin", "--fixed-strings", f"--grep={MARKER}", "--format=%H %ce")
    rows = repository.run("log", *options, stdin=ids).out.decode("utf-8", "surrogateescape").splitlines() if ids else []
    return next((row.partition(" ")[0] for row in rows if row.partition(" ")[2] == mine), None)


def parsed(text: str) -> TrackingData | None:
    """Parse b4's JSON object of a series, alone or at the end of a cover letter; None if there is none."""
    _, _, kept = text.rpartition(MARKER)
    begin = kept.find("{")
    try:
        found = json.loads(kept[begin:]) if begin >= 0 else None
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def _series(tracking: TrackingData | None) -> TrackingData | None:
    series = tracking.get("series") if tracking is not None else None
    return series if isinstance(series, dict) else None


def _base(repository: Repository, head: str, series: TrackingData) -> str | None:
    """The commit at which the series left its base branch, which may have been rebased since."""
    branch = series.get("base-branch")
    if not isinstance(branch, str) or branch == "HEAD":
        return None
    tip = repository.commit(_HEADS + branch) or repository.commit(branch)
    if tip is None:
        return None
    for asked in (
        repository.ask("merge-base", "--fork-point", _HEADS + branch, head),
        repository.run("merge-base", tip, head),
    ):
        if asked.code == 0 and (found := asked.out.decode("ascii", "replace").split()):
            return found[0]
    return None


def _named(series: TrackingData) -> str:
    return f"the b4 series {str(series.get('change-id'))[:_LONGEST]} v{str(series.get('revision'))[:_LONGEST]}"


# --- branches ---


def _tracked(repository: Repository, name: str) -> Upstream | None:
    """The upstream of a branch in git's configuration."""
    if not name:
        return None
    told = repository.ask("rev-parse", "--quiet", "--symbolic-full-name", f"{name}@{{upstream}}")
    full = told.out.decode("utf-8", "surrogateescape").strip()
    commit = repository.commit(full) if told.code == 0 and full else None
    return Upstream(commit, _short(full)) if commit is not None else None


def _default(repository: Repository) -> Upstream | None:
    """The default branch of the remote origin, or of the only remote that names one."""
    told = repository.ask("for-each-ref", "--format=%(refname)", "refs/remotes/*/HEAD")
    names = told.out.decode("utf-8", "surrogateescape").split()
    origin = "refs/remotes/origin/HEAD"
    full = origin if origin in names else names[0] if len(names) == 1 else None
    commit = repository.commit(full) if full is not None else None
    return Upstream(commit, _short(full or "")) if commit is not None else None


def _short(full: str) -> str:
    return full.removeprefix("refs/remotes/").removeprefix(_HEADS)
