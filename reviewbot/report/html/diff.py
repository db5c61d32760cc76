"""Shows the diff of a patch as tables of numbered lines, each remark below the line that it is about."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from reviewbot.model.patch import DiffLine, FileChange, Hunk
from reviewbot.report.html.element import Html, element
from reviewbot.support.escape import clip, visible

LineNotes = Mapping[int, Sequence[Html]]  # the remarks below a line of a hunk, by its 0-based index there
FileNotes = Mapping[int, LineNotes]  # the same by the 0-based index of the hunk

_LONGEST = 400  # characters of a line
MOST_LINES = 20_000  # of all diffs of a page; hunks with remarks come on top
_KINDS = {"+": "added", "-": "removed", " ": "kept"}


def file_part(change: FileChange, marks: FileNotes, room: int) -> tuple[Html, int]:
    """The hunks of a file, folded where no remark is in them; and how many lines those without remarks have.

    `room`: how many these may have.
    """
    shown: list[Html] = []
    used = left = 0
    for at, hunk in enumerate(change.hunks):
        if at in marks:
            shown.append(_hunk(hunk, marks[at]))
        elif used + len(hunk.lines) <= room:
            shown.append(_hunk(hunk, {}))
            used += len(hunk.lines)
        else:
            left += len(hunk.lines)
    if left:
        shown.append(
            element("p", f"Not shown, for they have no remark: {left} more lines of this file.", class_="faint")
        )
    added = sum(line.mark == "+" for hunk in change.hunks for line in hunk.lines)
    removed = sum(line.mark == "-" for hunk in change.hunks for line in hunk.lines)
    counts = element("span", f"+{added} −{removed}", class_="faint")
    name = element("h3", element("code", _name(change)), " ", counts)
    if marks:
        return element("div", name, *shown, class_="file"), used
    return element("details", element("summary", name), *shown, class_="file"), used


def _name(change: FileChange) -> str:
    if change.deleted:
        return f"{change.path} (deleted)"
    if change.created or change.old_path is None:
        return f"{change.path} (new)"
    return change.path if change.old_path == change.path else f"{change.old_path} → {change.path}"


def code_row(text: str, number: int, below: Sequence[Html]) -> Html:
    """A line that no hunk shows, with its remarks."""
    return _table([*_line(DiffLine("+", text, None, number)), *_below(below)], f"Line {number}")


def _hunk(hunk: Hunk, marks: LineNotes) -> Html:
    rows = [element("tr", element("td", clip(hunk.header, _LONGEST), colspan="3"), class_="at")]
    for at, line in enumerate(hunk.lines):
        rows += _line(line, at in marks)
        rows += _below(marks.get(at, ()))
    return _table(rows, hunk.header)


def _table(rows: Sequence[Html], called: str) -> Html:
    return element(
        "div",
        element("table", *rows, class_="diff"),
        class_="wide",
        tabindex="0",
        role="region",
        aria_label=clip(called, 80),
    )


def _line(line: DiffLine, marked: bool = True) -> Iterator[Html]:
    number = "" if line.new is None else str(line.new)
    code = element("td", element("code", clip(visible(line.text).expandtabs(), _LONGEST)))
    mark = element("td", line.mark, class_="mark")
    kind = _KINDS[line.mark] + (" marked" if marked else "")
    yield element("tr", element("td", number, class_="new"), mark, code, class_=kind)


def _below(remarks: Sequence[Html]) -> Iterator[Html]:
    if remarks:
        yield element("tr", element("td", *remarks, colspan="3"), class_="below")
