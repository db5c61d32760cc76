"""Applies patches to a tree, one after the other, in an index of our own, and names the hunks that do not fit.

Input: patches with the files they change, and a tree. Output: the patches with the trees before and after each. A hunk
is put where git puts it, unless that is another function than it names: then the patch is not applied.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from msgspec.structs import replace

from reviewbot.git.bases.blobs import is_in, old_id
from reviewbot.git.bases.trial import file_rows, placement
from reviewbot.git.command import TOO_LONG, GitResult, TooLong
from reviewbot.git.repository import Repository
from reviewbot.model.patch import FileChange, Patch, Unread
from reviewbot.patch import parse
from reviewbot.patch.placement import MovedHunk, Placement
from reviewbot.support.timeout import TooSlow, bounded

DAMAGED = "cannot be applied, its diff is damaged"
WHOLE = "whole files"  # what is not read of a patch without trees
_GLOB = str.maketrans({sign: f"\\{sign}" for sign in "*?[]"})


class PatchFiles(NamedTuple):
    """The files that a patch changes, and what of its diff could not be read."""

    changes: tuple[FileChange, ...]
    unread: tuple[Unread, ...]


class AppliedPatches(NamedTuple):
    """Patches, with their trees if they apply; for each that does not its number and why; and what stands elsewhere."""

    patches: tuple[Patch, ...]
    failures: list[str]
    moved: tuple[MovedHunk, ...]


class _Step(NamedTuple):
    """What became of one patch: the tree after it, or why there is none, and its hunks that stand elsewhere."""

    tree: str | None
    why: str = ""
    moved: tuple[MovedHunk, ...] = ()


def changes_in(patch: Patch) -> PatchFiles:
    """Parse the diff of a patch."""
    return PatchFiles(*parse.parse_diff(patch.diff))


def is_damaged(patch: Patch, unread: Sequence[Unread]) -> bool:
    """Whether parts of a patch were lost on the way; `unread`: what of its diff could not be read."""
    return bool(unread) or any(one.path is not None for one in patch.unread)


def number_of(patch: Patch) -> str:
    """The name of a patch in its series: "2/5"."""
    return f"{patch.number}/{patch.total}"


def apply_patches(
    repository: Repository, patches: Sequence[Patch], files: Sequence[PatchFiles], tree: str
) -> AppliedPatches:
    """Apply patches to a tree, in order; one that builds on another that does not apply is not tried."""
    started = repository.run("read-tree", tree)
    out: list[Patch] = []
    failures: list[str] = []
    moved: list[MovedHunk] = []
    lost: dict[str, str] = {}  # files, and the patch that is not there and would have changed them
    for patch, (changes, unread) in zip(patches, files, strict=True):
        paths = {path for change in changes for path in (change.path, change.old_path) if path is not None}
        paths.update(one.path for one in unread if one.path is not None)
        needed = next((lost[path] for path in sorted(paths) if path in lost), None)
        if needed:
            done = _Step(None, f"builds on patch {needed}, which is not applied")
        elif is_damaged(patch, unread):
            done = _Step(None, DAMAGED)
        elif started.code:
            done = _Step(None, f"cannot be applied: {_told(started)}")
        else:
            done = _apply_in_time(repository, patch, changes, tree)
        if done.tree is None:
            failures.append(f"{number_of(patch)} {done.why}")
            lost.update(dict.fromkeys(paths, number_of(patch)))
            out.append(_noted(patch, Unread(None, f"{WHOLE}: the patch {done.why}")))
        else:
            hollow = (Unread(one.path, "binary, and the mail does not hold its content") for one in _hollow(changes))
            out.append(_noted(replace(patch, before=tree, after=done.tree), *hollow))
            moved += done.moved
            tree = done.tree
    return AppliedPatches(tuple(out), failures, tuple(moved))


def _noted(patch: Patch, *notes: Unread) -> Patch:
    return replace(patch, unread=(*patch.unread, *notes))


def _apply_in_time(repository: Repository, patch: Patch, files: Sequence[FileChange], tree: str) -> _Step:
    try:
        with bounded(repository.until - time.monotonic()):
            placed = _placed(repository, files, tree)
        if misfit := next((one for place in placed.values() for one in place.misfits), None):
            return _Step(None, f"does not apply: {misfit}")
        after, why = _apply(repository, patch, files, tree)
        if after is not None and (other := _other(repository, after, placed)):
            return _Step(None, f"does not apply: {other}")
    except TooSlow:
        return _Step(None, f"cannot be applied: {TOO_LONG}")
    except TooLong as error:  # those before it are applied all the same
        return _Step(None, f"cannot be applied: {error}")
    return _Step(after, why, tuple(one for place in placed.values() for one in place.moved))


def _placed(repository: Repository, files: Sequence[FileChange], tree: str) -> dict[str, Placement]:
    """Where the hunks of each file stand, of those that are other than the diff knew them."""
    once = Counter(change.old_path or change.path for change in files)
    changes = (change for change in files if once[change.old_path or change.path] == 1)
    found = ((change.path, placement(repository, tree, change)) for change in changes)
    return {path: place for path, place in found if place is not None}


def _other(repository: Repository, tree: str, placed: Mapping[str, Placement]) -> str:
    """The hunk that git has put elsewhere than it was found, among others like it; "" for none."""
    for path, place in placed.items():
        if place.moved and file_rows(repository, tree, path) not in (None, place.rows):
            one = place.moved[0]
            return f"{path}: hunk {one.number} (line {one.line}) fits in several places"
    return ""


def _apply(repository: Repository, patch: Patch, files: Sequence[FileChange], tree: str) -> tuple[str | None, str]:
    """The id of the tree after the patch, and ""; None and the reason if it does not apply."""
    dropped = [change for change in files if _is_dropped(change)]
    for change in dropped:
        if not is_in(repository, tree, change.path, old_id(change) or ""):
            there = "different" if repository.entry(tree, change.path) else "not"
            return None, f"does not apply: {change.path} is {there} there"
    left_out = [*_hollow(files), *dropped]
    if len(left_out) < len(files):
        try:
            diff = patch.diff.encode("utf-8", "surrogateescape")
        except UnicodeEncodeError:
            return None, "cannot be applied: its diff is no text"
        if diff.split(b"\n", 1)[0].endswith(b"\r"):
            diff = diff.replace(b"\r\n", b"\n")
        excluded = (f"--exclude={change.path.translate(_GLOB)}" for change in left_out)
        options = ("--cached", "--whitespace=nowarn", f"-p{int(_prefixed(files))}", *excluded)
        done = repository.run("apply", *options, "-", stdin=diff + b"\n")  # a blank line ends binary data
        if done.code:
            return None, f"does not apply: {_told(done)}"
    elif not dropped:
        return tree, ""
    if dropped:
        repository.drop(change.path for change in dropped)
    written = repository.run("write-tree")
    if written.code:
        return None, f"cannot be written as a tree: {_told(written)}"
    return written.out.decode("ascii").strip(), ""


def _is_dropped(change: FileChange) -> bool:
    """Whether the diff deletes a file without its content, as git-format-patch(1) does with --irreversible-delete."""
    return change.deleted and not change.hunks and old_id(change) is not None and not _hollow([change])


def _hollow(files: Sequence[FileChange]) -> list[FileChange]:
    """The files of which the diff says only that they differ: binary ones without their content."""
    return [change for change in files if any(line.startswith("Binary file") for line in change.header)]


def _prefixed(files: Sequence[FileChange]) -> bool:
    """Whether the paths of a diff have a prefix like a/ and b/, which git apply has to know."""
    return not all(_is_bare(change) for change in files)


def _is_bare(change: FileChange) -> bool:
    names = (change.path, change.old_path or change.path)
    lines = {f"{start}{name}" for name in names for start in ("+++ ", "--- ", f"diff --git {names[1]} ")}
    return any(line.split("\t")[0] in lines for line in change.header)


def _told(done: GitResult) -> str:
    """What git says is wrong, in its own words, but shorter."""
    told = done.complaint
    if told.startswith("patch failed: "):
        told = told.removeprefix("patch failed: ") + " is different there"
    return told
