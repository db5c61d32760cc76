"""The files of a review in; the folder that b4 takes them from, with these in it and what others have put there.

b4 0.16 looks below `.git` of the work tree for b4-review/<id of the branch's last commit>, takes all that is in it
under the one name that identity.txt gives, and removes it. A list of our own beside the files says which are ours, as
we wrote them: b4 does not look at it.
"""

from __future__ import annotations

import hashlib
import json
import re
import secrets
import shutil
from collections.abc import Mapping
from pathlib import Path

from reviewbot import files
from reviewbot.files import because
from reviewbot.model import InputError

IDENTITY = "identity.txt"
_LIST = "reviewbot.json"
_TAKEN = re.compile(r"identity\.txt|series\.txt|[0-9]{4}\.txt")
_LARGEST = 16 << 20


def put(folder: Path, content: Mapping[str, bytes]) -> tuple[str, ...]:
    """Put the files there, in place of those of an earlier run; the names that others hold, which were left.

    With no files those of an earlier run are taken away. Raises InputError where somebody else's review is in the
    folder, or it cannot be written; then it is as it was.
    """
    try:
        if not folder.exists():
            if content:
                _make(folder, content)
            return ()
        there = {path.name for path in folder.iterdir() if _TAKEN.fullmatch(path.name)}
        ours = _ours(folder)
        others = there - ours
        if IDENTITY in others or (others and IDENTITY not in there):
            advice = "let b4 take it in (open the series), then run this again"
            raise InputError(f"{folder} holds the review of {_name(folder)}: {advice}")
        _replace(folder, ours, {name: data for name, data in content.items() if name not in others})
        return tuple(sorted(others & set(content)))
    except OSError as error:
        raise InputError(f"cannot write {folder}: {because(error)}") from error


def _make(folder: Path, content: Mapping[str, bytes]) -> None:
    """All at once: b4 may look at any time."""
    folder.parent.mkdir(exist_ok=True)
    part = folder.with_name(f".reviewbot-{secrets.token_hex(8)}")
    part.mkdir()
    try:
        for name, data in content.items():
            (part / name).write_bytes(data)
        (part / _LIST).write_bytes(_listed({name: {_sum(data)} for name, data in content.items()}))
        part.rename(folder)
    except BaseException:
        shutil.rmtree(part, ignore_errors=True)
        raise


def _replace(folder: Path, ours: set[str], content: Mapping[str, bytes]) -> None:
    """File by file; whichever of them is there when this ends early, it is known as ours."""
    new = {name: {_sum(data)} for name, data in content.items()}
    old = {name: {_sum((folder / name).read_bytes())} for name in ours}
    files.write(folder / _LIST, _listed({name: new.get(name, set()) | old.get(name, set()) for name in {*new, *old}}))
    for name in sorted(ours - set(content)):
        (folder / name).unlink()
    for name, data in content.items():
        files.write(folder / name, data)
    if content:
        files.write(folder / _LIST, _listed(new))
        return
    (folder / _LIST).unlink()
    if not any(folder.iterdir()):
        folder.rmdir()


def _ours(folder: Path) -> set[str]:
    """The files that stand there as an earlier run has written them."""
    try:
        with (folder / _LIST).open("rb") as file:
            listed = json.loads(file.read(_LARGEST))
    except (OSError, ValueError, RecursionError):
        return set()
    rows = listed.items() if isinstance(listed, dict) else ()
    known = {name: sums for name, sums in rows if _TAKEN.fullmatch(name) and isinstance(sums, list)}
    return {
        name for name, sums in known.items() if (folder / name).is_file() and _sum((folder / name).read_bytes()) in sums
    }


def _listed(sums: Mapping[str, set[str]]) -> bytes:
    return json.dumps({name: sorted(sums[name]) for name in sorted(sums)}, indent=1).encode() + b"\n"


def _sum(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _name(folder: Path) -> str:
    try:
        return (folder / IDENTITY).read_text("utf-8", "replace").strip()[:200] or "somebody else"
    except OSError:
        return "somebody else"
