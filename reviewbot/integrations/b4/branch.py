"""Reads the patches of a series from the commits of its b4 branch.

Takes b4's tracking data and the objects of the repository; a series has at most 1,000 commits.
"""

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
    """The ids of the patches' commits in order. `tip`: the branch; its last commit holds b4's data and is no patch.

    Raises InputError, which says what is missing.
    """
    last = objects.commit(tip)
    if last is None:
        raise InputError("its branch is not here")
    ids: list[str] = []
    while last is not None and last.parents and len(ids) < MOST:
        last = objects.commit(last.parents[0])
        if last is None or (not tracking.first and last.id == tracking.base):
            break
        ids.append(last.id)
        if last.id == tracking.first:
            return tuple(reversed(ids))
    if last is not None and ids and not tracking.first and last.id == tracking.base:
        return tuple(reversed(ids))
    raise InputError("the commits of its patches are not on its branch")


def patches(objects: Objects, ids: Sequence[str]) -> tuple[Patch, ...]:
    """The commits as patches; the ids of the commits before and after stand for those of the trees.

    Raises InputError where git cannot show a commit.
    """
    output = objects.run(*_DIFF, "--format=%x00%H", stdin="".join(f"{commit_id}\n" for commit_id in ids).encode())
    if output is None:
        raise InputError("git does not show the commits of its patches")
    parts = _START.split(output)
    diffs = dict(zip(parts[1::2], parts[2::2], strict=True))
    out: list[Patch] = []
    for number, commit_id in enumerate(ids, 1):
        commit = objects.commit(commit_id)
        if commit is None or not commit.parents:
            raise InputError("the commits of its patches are not whole")
        subject, _, body = commit.message.partition("\n")
        diff = diffs.get(commit_id.encode(), b"").lstrip(b"\n").decode("utf-8", "surrogateescape")
        out.append(
            Patch(
                *(number, len(ids), subject, body.strip("\n"), diff),
                commit=commit_id,
                before=commit.parents[0],
                after=commit.id,
                label=f"{number}/{len(ids)}",  # as b4 counts them, whose users do not know the ids
            )
        )
    return tuple(out)
