"""Tracking data and the objects of a repository in; the patches of the series as its commits have them out."""

from __future__ import annotations

import re
from collections.abc import Sequence

from reviewbot.git.objects import Objects
from reviewbot.integrations.b4.tracking import Tracking
from reviewbot.model.errors import InputError
from reviewbot.model.patch import Patch

MOST = 1_000  # commits; a series of so many is none
_DIFF = ("diff-tree", "--stdin", "-p", "-M", "--root", "--no-ext-diff", "--no-textconv", "--no-color")
_START = re.compile(rb"(?:\A|\n)\0([0-9a-f]{40,64})\n")  # in a diff every line begins with a mark


def commits(objects: Objects, tracking: Tracking, tip: str) -> tuple[str, ...]:
    """The ids of the patches' commits in order; `tip` names the branch, whose last commit is none of them.

    Raises InputError, saying what is missing.
    """
    last = objects.commit(tip)
    if last is None:
        raise InputError("its branch is not here")
    found: list[str] = []
    while last is not None and last.parents and len(found) < MOST:
        last = objects.commit(last.parents[0])
        if last is None or (not tracking.first and last.id == tracking.base):
            break
        found.append(last.id)
        if last.id == tracking.first:
            return tuple(reversed(found))
    if last is not None and found and not tracking.first and last.id == tracking.base:
        return tuple(reversed(found))
    raise InputError("the commits of its patches are not on its branch")


def patches(objects: Objects, ids: Sequence[str]) -> tuple[Patch, ...]:
    """The commits as patches that know their trees, under the names of the commits before and after each.

    Raises InputError where git does not show them.
    """
    said = objects.run(*_DIFF, "--format=%x00%H", stdin="".join(f"{one}\n" for one in ids).encode())
    if said is None:
        raise InputError("git does not show the commits of its patches")
    parts = _START.split(said)
    diffs = dict(zip(parts[1::2], parts[2::2], strict=True))
    out: list[Patch] = []
    for number, one in enumerate(ids, 1):
        commit = objects.commit(one)
        if commit is None or not commit.parents:
            raise InputError("the commits of its patches are not whole")
        subject, _, body = commit.message.partition("\n")
        diff = diffs.get(one.encode(), b"").lstrip(b"\n").decode("utf-8", "surrogateescape")
        out.append(
            Patch(
                *(number, len(ids), subject, body.strip("\n"), diff),
                commit=one,
                before=commit.parents[0],
                after=commit.id,
                label=f"{number}/{len(ids)}",  # as b4 counts them, whose users do not know the ids
            )
        )
    return tuple(out)
