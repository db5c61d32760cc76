"""Finds the commits that are the patches a series asks to have applied first (prerequisite-patch-id).

Input: ids as git-patch-id(1) makes them with --stable; commits to look below. Output: the commit that has all of them,
and the ids that are nowhere. `git format-patch --base` (diff.c, diff_get_patch_id) leaves out what a diff says of
renames and modes, b4 does not, so both ids are made. Patches that were changed on their way into a tree have other
ids; so have, from git, patches that change nothing but a mode, or binary files.
"""

from __future__ import annotations

import re
import time
from collections.abc import Sequence
from typing import NamedTuple

from reviewbot.git.bases.base import Tip
from reviewbot.git.repository import Repository

_SHARE = 0.15  # of the time that is left: a diff takes some milliseconds
_LISTED = 20_000  # commits that are known by their dates
_MOST = 1_000  # of those to the same folders, and of others, whose diffs are made
_AT_ONCE = 50  # commits whose diffs are in memory together
_SHORTEST = 7  # characters of an id in a trailer
_MANY = 100  # commits that are compared: their names have to fit on a command line
_EXTENDED = re.compile(rb"^(?:(?:dis)?similarity index |rename |copy |old mode |new mode )[^\n]*\n", re.MULTILINE)
# without --root: what a history begins with is no patch, and in a shallow clone it is the whole kernel
_DIFF = ("diff-tree", "--stdin", "-r", "-p", "-M", "--no-ext-diff", "--no-textconv", "--full-index")


class Prerequisites(NamedTuple):
    """The newest commit that has what was found of some patches, None if no commit has; and the ids that are missing.

    `hurried`: the time was up before all commits were looked at.
    """

    commit: str | None
    missing: tuple[str, ...]
    hurried: bool = False


class PatchSearch(NamedTuple):
    """Where patches are looked for: among the commits below some tips, but not below `base`.

    Those to the folders of `paths` come first, and those that are nearest to the base. `sent`: when the series was, in
    seconds since 1970, 0 if that is not known; what was written later is none of the patches.
    """

    base: str | None
    tips: Sequence[Tip]
    paths: Sequence[str]
    sent: float


def find_prerequisites(repository: Repository, ids: Sequence[str], place: PatchSearch) -> Prerequisites:
    """Look for patches by their ids. Raises TooLong where git takes too long at one step."""
    now = time.monotonic()
    until = now + (repository.until - now) * _SHARE
    wanted: dict[str, list[str]] = {}
    for one in ids:
        wanted.setdefault(one[:_SHORTEST], []).append(one)
    left, found = set(ids), list[str]()
    listed = _commits(repository, place)
    for at in range(0, len(listed), _AT_ONCE):
        if not left or time.monotonic() > until:
            break
        for patch_id, commit in _patch_ids(repository, listed[at : at + _AT_ONCE]):
            same = [one for one in wanted.get(patch_id[:_SHORTEST], ()) if patch_id.startswith(one)]
            if left.intersection(same):
                left.difference_update(same)
                found.append(commit)
    missing = tuple(one for one in dict.fromkeys(ids) if one in left)
    return Prerequisites(_with_all(repository, found, place.tips), missing, bool(missing) and time.monotonic() > until)


def _commits(repository: Repository, place: PatchSearch) -> list[str]:
    """The ids of the commits to look at."""
    revs = [*dict.fromkeys(tip.commit for tip in place.tips), *([f"^{place.base}"] if place.base else [])]
    folders = sorted({path.rpartition("/")[0] for path in place.paths} - {""})
    found: dict[str, None] = {}
    for limits in (folders, []) if folders else ([],):
        told = "\n".join((*revs, "--", *(f":(top,literal){one}" for one in limits), ""))
        options = ("--no-merges", f"--max-count={_LISTED}", "--format=%H %at", "--stdin")
        listed = repository.run("rev-list", *options, stdin=told.encode("utf-8", "surrogateescape"))
        rows = (row.split(" ") for row in listed.out.decode("ascii", "replace").split("\n"))
        early = [row[0] for row in rows if len(row) == 2 and row[0] != "commit" and _is_early(row[1], place.sent)]
        new = [one for one in (reversed(early) if place.base else early) if one not in found]
        found |= dict.fromkeys(new[:_MOST])
    return list(found)


def _is_early(written: str, sent: float) -> bool:
    """Whether an author's date is not after that of a mail; clocks differ by a day at most."""
    return not sent or not written.isdecimal() or int(written) <= sent + 86_400


def _patch_ids(repository: Repository, commits: Sequence[str]) -> list[tuple[str, str]]:
    """The patch ids of commits, each with its commit; of one that renames a file there are two."""
    diffs = repository.run(*_DIFF, stdin="".join(f"{commit}\n" for commit in commits).encode()).out
    rows: list[str] = []
    for text in dict.fromkeys((diffs, _EXTENDED.sub(b"", diffs))):
        told = repository.run("patch-id", "--stable", stdin=text)
        rows += told.out.decode("ascii", "replace").splitlines()
    pairs = (row.partition(" ") for row in rows)
    return [(patch_id, commit) for patch_id, _, commit in pairs]


def _with_all(repository: Repository, found: Sequence[str], tips: Sequence[Tip]) -> str | None:
    """The one of some commits that has all others below it, else the first tip that has."""
    tops = _independent(repository, found)
    if len(tops) < 2:
        return tops[0] if tops else None
    return next((tip.commit for tip in tips if _independent(repository, (*tops, tip.commit)) == [tip.commit]), None)


def _independent(repository: Repository, commits: Sequence[str]) -> list[str]:
    """Those of some commits that are below no other."""
    if len(set(commits)) < 2:
        return list(commits[:1])
    told = repository.run("merge-base", "--independent", *list(dict.fromkeys(commits))[:_MANY])
    return told.out.decode("ascii", "replace").split()
