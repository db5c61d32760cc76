"""Diffs one function of a file between two versions of the file.

Used to ask what is left of a remark many commits later: the function alone is read again and compared with what it was
before the commit that the remark is about. Functions are found by their names (see frontend/cut_functions.py), not
parsed. Where a name is not enough, for it stands for two functions, or for a macro, everything that mentions it counts.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from reviewbot.frontend.cut_functions import CutFile, FunctionRows
from reviewbot.model.patch import DiffLine, FileChange, Hunk

_HEIRS = 32  # functions
_MOST = 250_000  # pairs of rows; of longer functions all is taken for changed


def text_of(path: str, text: str) -> CutFile:
    """A file, cut into functions."""
    return CutFile(_bytes(path), _bytes(text))


def is_touched(old: CutFile, new: CutFile, function: str) -> bool:
    """Whether a function, or what mentions it where it is none, differs between two versions of a file."""
    return [place.part.text for place in _places(old, function)] != [
        place.part.text for place in _places(new, function)
    ]


def speaks_of(text: CutFile, function: str) -> bool:
    """Whether a function, or a call of it, may stand in a file."""
    return bool(_places(text, function))


def heirs(old: CutFile | None, new: CutFile) -> list[str]:
    """The functions that a version of a file has and the one before had not, 32 at most.

    One of them may be the new name of another function.
    """
    known = old.named if old is not None else {}
    fresh = [name for name in new.named if name not in known]
    return [name.decode("utf-8", "surrogateescape") for name in fresh[:_HEIRS]]


def function_hunks(path: str, before: CutFile | None, after: CutFile, function: str) -> FileChange:
    """The hunks of a function, "" for the whole file, as a change of its file.

    All of the function is added where it was not there, and removed where it is gone.
    """
    old = _places(before, function) if before is not None else []
    new = _places(after, function)
    hunks: list[Hunk] = []
    if len(old) == len(new) == 1:
        hunks.append(_hunk(tuple(_compared(old[0], new[0]))))
    else:
        hunks += (_hunk(tuple(_all(place, "-"))) for place in old)
        hunks += (_hunk(tuple(_all(place, "+"))) for place in new)
    return FileChange(path, path, tuple(hunks), created=before is None)


def _places(text: CutFile, function: str) -> Sequence[FunctionRows]:
    """The place of a function; where there is none, or more than one, every function text that mentions its name."""
    name = _bytes(function)
    if not name:
        return text.places
    if name not in text.text:
        return []
    named = [place for place in text.places if place.part.name == name]
    return named if len(named) == 1 else [place for place in text.places if name in place.part.words]


def _compared(old: FunctionRows, new: FunctionRows) -> Iterator[DiffLine]:
    before, after = _rows(old), _rows(new)
    if len(before) * len(after) > _MOST:
        yield from (*_all(old, "-"), *_all(new, "+"))
        return
    from difflib import SequenceMatcher  # of which a review of mails alone has no need

    for kind, first, last, begin, end in SequenceMatcher(None, before, after, autojunk=False).get_opcodes():
        if kind == "equal":
            for at in range(last - first):
                yield DiffLine(" ", before[first + at], old.first + first + at + 1, new.first + begin + at + 1)
            continue
        for at in range(first, last):
            yield DiffLine("-", before[at], old.first + at + 1, None)
        for at in range(begin, end):
            yield DiffLine("+", after[at], None, new.first + at + 1)


def _all(place: FunctionRows, mark: str) -> Iterator[DiffLine]:
    for at, row in enumerate(_rows(place), place.first + 1):
        yield DiffLine(mark, row, at if mark == "-" else None, at if mark == "+" else None)


def _hunk(lines: tuple[DiffLine, ...]) -> Hunk:
    old = [line.old for line in lines if line.old is not None]
    new = [line.new for line in lines if line.new is not None]
    header = f"@@ -{min(old, default=0)},{len(old)} +{min(new, default=0)},{len(new)} @@"
    return Hunk(header, "", lines)


def _rows(place: FunctionRows) -> Sequence[str]:
    return [row.decode("utf-8", "surrogateescape") for row in place.part.rows]


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")
