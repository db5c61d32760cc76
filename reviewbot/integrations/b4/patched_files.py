"""Reads the files of a patch as they are before and after it, by the blob ids in its diff.

The `index` line of a diff names the blobs of both (git-diff(1), "Generating patch text with -p"). So if a repository
has the old blob, on whatever branch, whole files can be read without a base commit and without applying the patch.
"""

from __future__ import annotations

from collections.abc import Mapping

from msgspec.structs import replace

from reviewbot.git.objects import Objects
from reviewbot.model.patch import FileChange, Patch, ReadFile
from reviewbot.patch import parse
from reviewbot.patch.relocate import relocate
from reviewbot.support.diff_lines import blob_ids


def by_commits(objects: Objects) -> ReadFile:
    """A function that reads a file by commit id and path, and remembers it; None if there is no such file."""
    seen: dict[tuple[str, str], bytes | None] = {}

    def read(commit: str, path: str) -> bytes | None:
        if (commit, path) not in seen:
            seen[commit, path] = objects.file(f"{commit}:{path}")
        return seen[commit, path]

    return read


def fits(patch: Patch, read: ReadFile) -> bool:
    """Whether the hunks of a patch match all its source files before and after it."""
    before, after = patch.before, patch.after
    if before is None or after is None:
        return False
    files, unread = parse.parse_diff(patch.diff)
    return not unread and all(
        relocate(
            change,
            None if change.created else _text(read(before, change.old_path or change.path)),
            None if change.deleted else _text(read(after, change.path)),
        )
        for change in files
        if parse.is_source(change)
    )


def by_blobs(patch: Patch, objects: Objects) -> tuple[Patch, ReadFile, bool] | None:
    """The patch with the names of two trees, a function that reads their files, and whether the new blobs are here.

    None if an old file is not here, or a hunk does not fit it: so a wrong blob id gives no wrong file.
    """
    files, unread = parse.parse_diff(patch.diff)
    sources = [change for change in files if parse.is_source(change)]
    if unread or not sources:
        return None
    old: dict[str, bytes] = {}
    new: dict[str, bytes] = {}
    applied = True
    for change in sources:
        before, after = _ids(change)
        if not change.created:
            text = objects.file(before) if before else None
            if text is None:
                return None
            old[change.old_path or change.path] = text
        if not change.deleted:
            result = objects.file(after) if after else None
            applied = applied and result is not None
            result = result if result is not None else _made(change, old.get(change.old_path or change.path, b""))
            if result is None:
                return None
            new[change.path] = result
    placed = replace(patch, before="old", after="new")
    trees: Mapping[str, Mapping[str, bytes]] = {"old": old, "new": new}

    def read(tree: str, path: str) -> bytes | None:
        return trees[tree].get(path)

    return (placed, read, applied) if fits(placed, read) else None


def at_head(patch: Patch, objects: Objects) -> bool:
    """Whether HEAD has a file of the patch as it is before or after it."""
    files, _ = parse.parse_diff(patch.diff)
    return any(_is_at(objects, change) for change in files if not change.created)


def _is_at(objects: Objects, change: FileChange) -> bool:
    blob = objects.find(f"HEAD:{change.old_path or change.path}", most=0)
    return blob is not None and any(blob_id and blob.id.startswith(blob_id) for blob_id in _ids(change))


def _ids(change: FileChange) -> tuple[str, str]:
    """The blobs before and after; "" for none."""
    found = blob_ids(change.header)
    return (_real(found[0]), _real(found[1])) if found else ("", "")


def _real(name: str) -> str:
    return name if name.strip("0") else ""


def _made(change: FileChange, old: bytes) -> bytes | None:
    """The file with the hunks applied at their line numbers; None if they do not fit."""
    rows = (_text(old) or "").split("\n")
    out: list[str] = []
    at = 0
    for hunk in change.hunks:
        first = next((line.old for line in hunk.lines if line.old is not None), 1 if change.created else 0)
        start = first - 1
        if not at <= start <= len(rows):
            return None
        out += rows[at:start]
        at = start
        for line in hunk.lines:
            if line.mark != "+":
                if at >= len(rows) or rows[at].rstrip("\r") != line.text.rstrip("\r"):
                    return None
                at += 1
            if line.mark != "-":
                out.append(line.text)
    return "\n".join([*out, *rows[at:]]).encode("utf-8", "surrogateescape")


def _text(data: bytes | None) -> str | None:
    return None if data is None else data.decode("utf-8", "surrogateescape")
