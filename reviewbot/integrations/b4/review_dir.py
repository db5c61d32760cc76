"""Writes review files into the folder from which b4 reads them, and leaves those of others there alone.

b4 0.16 looks below `.git` of the work tree for b4-review/<id of the branch's last commit>, reads all that is in it
under the one name that identity.txt gives, and removes it. A list of our own beside the files says which ones we wrote,
with their digests: b4 ignores it. Links count as others' files, and none is followed.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import re
import stat
from collections.abc import Mapping
from pathlib import Path

from reviewbot.filesystem import files, unfinished
from reviewbot.filesystem.files import reason_of
from reviewbot.model.errors import InputError

IDENTITY = "identity.txt"
_LIST = "reviewbot.json"
_TAKEN = re.compile(r"identity\.txt|series\.txt|[0-9]{4}\.txt")
_LARGEST = 16 << 20
_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK


def put_review(folder: Path, content: Mapping[str, bytes]) -> tuple[str, ...]:
    """Write files, by name, in place of those of an earlier run. Gives the names that others hold, which are left.

    Without files, those of an earlier run are removed. Runs at the same time wait for each other. Raises InputError if
    somebody else's review is in the folder, or it cannot be written; then it is unchanged.
    """
    parent = folder.parent
    try:
        with unfinished.alone(parent.parent):
            if content:
                parent.mkdir(exist_ok=True)
            elif not parent.is_dir():
                return ()
            with unfinished.handle(parent) as descriptor:
                unfinished.clear(descriptor)
            if not os.path.lexists(folder) and (not content or _make(folder, content)):
                return ()
            with unfinished.handle(folder, follow=False) as descriptor:
                return _update(folder, descriptor, content)
    except OSError as error:
        raise InputError(f"cannot write {folder}: {reason_of(error)}") from error


def _make(folder: Path, content: Mapping[str, bytes]) -> bool:
    """Make the folder with all files at once, as b4 may look at any time. False if somebody else made it first."""
    with unfinished.folder(folder.parent, hidden=True) as part, unfinished.handle(part) as descriptor:
        for name, data in content.items():
            _write(descriptor, name, data)
        _write(descriptor, _LIST, _listed({name: {_sum(data)} for name, data in content.items()}))
        try:
            part.rename(folder)
        except OSError as error:
            if error.errno not in (errno.EEXIST, errno.ENOTEMPTY):
                raise
            return False
    return True


def _update(folder: Path, descriptor: int, content: Mapping[str, bytes]) -> tuple[str, ...]:
    unfinished.clear(descriptor)
    there = {name for name in unfinished.listed(descriptor) if _TAKEN.fullmatch(name)}
    ours = _ours(descriptor)
    others = there - set(ours)
    if IDENTITY in others or (others and IDENTITY not in there):
        advice = "let b4 take it in (open the series), then run this again"
        raise InputError(f"{folder} holds the review of {_name(descriptor)}: {advice}")
    _replace(descriptor, ours, {name: data for name, data in content.items() if name not in others})
    if not unfinished.listed(descriptor):
        folder.rmdir()
    return tuple(sorted(others & set(content)))


def _replace(folder: int, ours: Mapping[str, str], content: Mapping[str, bytes]) -> None:
    """Replace our files one by one. The list has both digests meanwhile: all stay known as ours if this ends early."""
    new = {name: _sum(data) for name, data in content.items()}
    both = {name: {one[name] for one in (new, ours) if name in one} for name in {*new, *ours}}
    _write(folder, _LIST, _listed(both))
    for name in sorted(set(ours) - set(content)):
        os.unlink(name, dir_fd=folder)
    for name, data in content.items():
        _write(folder, name, data)
    if content:
        _write(folder, _LIST, _listed({name: {new[name]} for name in new}))
    else:
        os.unlink(_LIST, dir_fd=folder)


def _write(folder: int, name: str, data: bytes) -> None:
    with unfinished.part(folder) as part:
        files.fill_file(part.descriptor, data)
        os.replace(part.name, name, src_dir_fd=folder, dst_dir_fd=folder)


def _ours(folder: int) -> dict[str, str]:
    """The files that are as an earlier run has written them, with their digests."""
    try:
        listed = json.loads(_content(folder, _LIST) or b"")
    except (ValueError, RecursionError):
        return {}
    rows = listed.items() if isinstance(listed, dict) else ()
    known = {name: sums for name, sums in rows if _TAKEN.fullmatch(name) and isinstance(sums, list)}
    contents = {name: _content(folder, name) for name in known}
    return {name: _sum(data) for name, data in contents.items() if data is not None and _sum(data) in known[name]}


def _content(folder: int, name: str) -> bytes | None:
    """The bytes of a file; None if there is none, or it cannot be ours: a link, no regular file, over 16 MiB."""
    try:
        descriptor = os.open(name, _READ, dir_fd=folder)
    except OSError:
        return None
    with os.fdopen(descriptor, "rb") as file:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            return None
        data = file.read(_LARGEST + 1)
        return data if len(data) <= _LARGEST else None


def _listed(sums: Mapping[str, set[str]]) -> bytes:
    return json.dumps({name: sorted(sums[name]) for name in sorted(sums)}, indent=1).encode() + b"\n"


def _sum(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _name(folder: int) -> str:
    return (_content(folder, IDENTITY) or b"").decode("utf-8", "replace").strip()[:200] or "somebody else"
