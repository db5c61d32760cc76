"""Finds the b4 review branch that is checked out in a work tree, and the folder where b4 looks for review files."""

from __future__ import annotations

import os
from pathlib import Path

from msgspec import Struct

from reviewbot.git.objects import CommitObject, Objects
from reviewbot.integrations.b4.tracking import PREFIX, Tracking, from_message
from reviewbot.model.errors import InputError

_HEADS = "refs/heads/"


class Checkout(Struct, frozen=True):
    """A review branch of b4, the commit at its tip and the tracking data in that.

    `folder`: for the review files of this tip; `elsewhere`: the work tree in which b4 reads them, None for this one.
    """

    branch: str
    tip: CommitObject
    tracking: Tracking
    folder: Path
    elsewhere: Path | None = None


def checked_out(objects: Objects) -> Checkout:
    """The review branch in this work tree. Raises InputError if none is checked out, or b4 would not find the files."""
    top = _git_path(objects, "--show-toplevel")
    if top is None:
        raise InputError("not inside a git work tree; change to the one with the review branch")
    head = objects.run("symbolic-ref", "--quiet", "HEAD")
    if head is None:
        raise InputError(f"HEAD is detached: check out the review branch ({PREFIX}CHANGE-ID)")
    name = os.fsdecode(head).strip()
    if not name.startswith(_HEADS + PREFIX):
        raise InputError(f"{name.removeprefix(_HEADS)} is no review branch of b4: check out one ({PREFIX}CHANGE-ID)")
    tip = objects.commit("HEAD")
    if tip is None:
        raise InputError(f"{name.removeprefix(_HEADS)} has no commit yet")
    try:
        tracking = from_message(tip.message)
    except InputError as error:
        raise InputError(f"{name.removeprefix(_HEADS)}: {error}") from None
    place, elsewhere = _place(objects, Path(top))
    return Checkout(name.removeprefix(_HEADS), tip, tracking, place / "b4-review" / tip.id, elsewhere)


def _place(objects: Objects, top: Path) -> tuple[Path, Path | None]:
    """The folder `.git` in which b4 looks, and its work tree if that is another one.

    b4 joins ".git" to the top of the work tree. In a linked work tree that is a file, and b4 finds nothing; but the
    branch can be opened from the main work tree, where it is the folder that all of them share.
    """
    if (top / ".git").is_dir():
        return top / ".git", None
    common = Path(_git_path(objects, "--git-common-dir") or "")
    if common.name == ".git" and common.is_dir():
        return common, common.parent
    raise InputError(f"b4 finds no review files here: {top / '.git'} is no folder, and there is no main work tree")


def _git_path(objects: Objects, what: str) -> str | None:
    output = objects.run("rev-parse", "--path-format=absolute", what)
    return None if output is None else os.fsdecode(output.removesuffix(b"\n"))
