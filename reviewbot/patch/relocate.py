"""Renumbers the lines of a file's change to where they stand in the file before and after it.

A patch may apply some lines off from what its @@ lines say, and what is reviewed are the files.
"""

from __future__ import annotations

from msgspec.structs import replace

from reviewbot.model.patch import DiffLine, FileChange, Hunk
from reviewbot.patch.placement import rows_of, side_of


def relocate(change: FileChange, before: str | None, after: str | None) -> FileChange | None:
    """The change with the line numbers, 1-based, of the two texts; None if its hunks are not in them.

    A text is None where the file is not there. Hunks are looked for in order, each at the place nearest to where it
    should be.
    """
    old, new = rows_of(before), rows_of(after)
    if change.deleted and not change.hunks:  # git-format-patch(1), --irreversible-delete
        lines = tuple(DiffLine("-", row, at, None) for at, row in enumerate(old, 1))
        return replace(change, hunks=(Hunk(f"@@ -1,{len(old)} +0,0 @@", "", lines),) if lines else ())
    hunks: list[Hunk] = []
    done = drift = grown = 0
    for hunk in change.hunks:
        removed, added = side_of(hunk, "-"), side_of(hunk, "+")
        first = next((line.old for line in hunk.lines if line.old is not None), None)
        expected = first - 1 if first is not None else _inserted(hunk) - grown
        at = _nearest(old, removed, max(expected + drift, done), done)
        if at is None or new[at + grown : at + grown + len(added)] != added:
            return None
        hunks.append(_numbered(hunk, at + 1, at + grown + 1))
        drift, done, grown = at - expected, at + len(removed), grown + len(added) - len(removed)
    if len(old) + grown != len(new):
        return None  # something else changed as well
    return replace(change, hunks=tuple(hunks))


def _inserted(hunk: Hunk) -> int:
    """The offset in the new file at which a hunk without old lines puts its own: only the new numbers tell."""
    return next((line.new for line in hunk.lines if line.new is not None), 1) - 1


def _nearest(rows: list[str], wanted: list[str], expected: int, lowest: int) -> int | None:
    """The offset from `lowest` on, nearest to `expected`, at which `wanted` stands; None if it is nowhere."""
    last = len(rows) - len(wanted)
    for away in range(max(expected - lowest, last - expected, 0) + 1):
        for at in dict.fromkeys((expected + away, expected - away)):
            if lowest <= at <= last and (not wanted or rows[at] == wanted[0]) and rows[at : at + len(wanted)] == wanted:
                return at
    return None


def _numbered(hunk: Hunk, old: int, new: int) -> Hunk:
    lines: list[DiffLine] = []
    for line in hunk.lines:
        here = replace(line, old=old if line.mark != "+" else None, new=new if line.mark != "-" else None)
        lines.append(here)
        old, new = old + (line.mark != "+"), new + (line.mark != "-")
    return replace(hunk, lines=tuple(lines))
