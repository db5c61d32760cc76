"""A patch and the findings to ask about in; its diff as a mail quotes it, with a question under each line, out."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import groupby

from reviewbot.model.patch import FileChange, Hunk
from reviewbot.model.review import Finding, PatchReview
from reviewbot.report.reply.quote import CUT, DiffPosition, excerpt, places, quoted
from reviewbot.report.reply.wrap import paragraphs, wrapped

_LONGEST_HEADER = 8  # lines; git writes no longer one


def body_lines(
    reviewed: PatchReview, findings: Sequence[Finding], again: Callable[[str], str], context: int
) -> list[str]:
    """The body of a reply between attribution and signature, as lines; text with surrogateescape.

    Only hunks somebody asks about are quoted, each line as it was, with at most `context` lines above a
    question and the evidence that stands in the same hunk; "[...]" stands for what is cut. A question
    follows its line between blank lines. What was asked before is not asked twice: paragraphs already
    said are left out, and where nothing is left stands again(the function it was asked in), with ""
    where that is the question right above or is not known.
    """
    where = places(reviewed.files)
    asked, loose = _placed(findings, where)
    speaker = _Speaker(again)
    lines: list[str] = []
    shown = -1
    for (file_at, hunk_at), group in groupby(sorted(asked), key=lambda place: (place.file, place.hunk)):
        change = reviewed.files[file_at]
        if file_at != shown:
            lines += _header(change)
            shown = file_at
        marks = {place.line: asked[place] for place in group}
        evidence = (place for at in marks for found in marks[at] for place in _evidence(change, found, where))
        also = [place.line for place in evidence if (place.file, place.hunk) == (file_at, hunk_at)]
        lines += _hunk(change.hunks[hunk_at], marks, also, context, speaker)
    return _squeezed([*lines, *_loose(loose, speaker)])


def annotated(
    reviewed: PatchReview, findings: Sequence[Finding], again: Callable[[str], str]
) -> tuple[list[str], list[str]]:
    """The whole diff, no line of it left out, with the questions; and apart from it those about no line of it.

    For b4, which reads the lines of such a text as text: a line of the diff that Python would split is quoted in
    pieces, and bytes that are no UTF-8 are replaced. No line of a question looks like one of b4's own.
    """
    where = places(reviewed.files)
    asked, loose = _placed(findings, where)
    diff = reviewed.patch.diff.removesuffix("\n").split("\n")
    rows = _rows(diff, reviewed.files)
    marks = {rows[place]: found for place, found in asked.items() if place in rows}
    lost = [one for place, found in asked.items() if place not in rows for one in found]
    speaker = _Speaker(again)
    lines: list[str] = []
    for at, line in enumerate(diff):
        text = line.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
        lines += [f"> {piece}" for piece in text.splitlines() or [""]]
        if at in marks:
            lines += map(_own, speaker.ask(marks[at]))
    return lines, _squeezed(list(map(_own, _loose([*lost, *loose], speaker))))


def _placed(
    findings: Iterable[Finding], where: Mapping[tuple[str, int], DiffPosition]
) -> tuple[dict[DiffPosition, list[Finding]], list[Finding]]:
    """The findings by their place in the diff, and those that have none."""
    asked: dict[DiffPosition, list[Finding]] = {}
    loose: list[Finding] = []
    for found in findings:
        place = where.get((found.path, found.line))
        if place is None:
            loose.append(found)
        else:
            asked.setdefault(place, []).append(found)
    return asked, loose


def _loose(findings: Iterable[Finding], speaker: _Speaker) -> list[str]:
    """Questions about lines that the diff does not show."""
    lines: list[str] = []
    for found in findings:
        place_text = f"In {found.path}, {found.function}():" if found.function else f"In {found.path}:"
        lines += ["", *wrapped(place_text), *speaker.ask([found])]
    return lines


def _rows(diff: Sequence[str], files: Sequence[FileChange]) -> dict[DiffPosition, int]:
    """Where each line of each hunk stands in the text of the diff."""
    rows: dict[DiffPosition, int] = {}
    begin = 0
    for file_at, change in enumerate(files):
        for hunk_at, hunk in enumerate(change.hunks):
            for start in (at for at in range(begin, len(diff)) if diff[at] == hunk.header):
                found = _rows_of(diff, start + 1, hunk)
                if found is not None:
                    rows.update({DiffPosition(file_at, hunk_at, line): at for line, at in enumerate(found)})
                    begin = found[-1] + 1 if found else start + 1
                    break
    return rows


def _rows_of(diff: Sequence[str], at: int, hunk: Hunk) -> list[int] | None:
    """The rows of a hunk's lines from a row on; None if it is another hunk that stands there."""
    rows: list[int] = []
    for line in hunk.lines:
        while at < len(diff) and diff[at].startswith("\\"):  # "\ No newline at end of file"
            at += 1
        if at >= len(diff) or diff[at] not in (line.mark + line.text, line.text):
            return None
        rows.append(at)
        at += 1
    return rows


def _own(line: str) -> str:
    """A line of ours, as b4 leaves it: it takes lines with these marks for its own notes and for those of others."""
    return f" {line}" if line.startswith(("#", "|")) else line


class _Speaker:
    """What was asked so far in this mail, and in which function first."""

    def __init__(self, again: Callable[[str], str]) -> None:
        self._again = again
        self._said: dict[tuple[str, str], str] = {}
        self._last = ""

    def ask(self, findings: Iterable[Finding]) -> list[str]:
        """The questions about one line, a blank line before each and after the last."""
        texts = dict.fromkeys(self._text(found) for found in findings)
        return [line for text in texts for line in ("", *wrapped(text))] + [""]

    def _text(self, found: Finding) -> str:
        parts = paragraphs(found.question or found.message)
        keys = [(found.rule, part) for part in parts]
        cause = (found.rule, f"message: {found.message}")
        fresh = [part for key, part in zip(keys, parts, strict=True) if key not in self._said]
        repeated = cause in self._said or not fresh
        first = next((self._said[key] for key in (cause, *keys) if key in self._said), "")
        above, self._last = self._last, found.rule
        for key in (cause, *keys):
            self._said.setdefault(key, found.function)
        if repeated:
            return self._again("" if above == found.rule or first == found.function else first)
        return "\n\n".join(fresh)


def _hunk(
    hunk: Hunk, marks: Mapping[int, Sequence[Finding]], also: Iterable[int], context: int, speaker: _Speaker
) -> list[str]:
    lines = [f"> {hunk.header}"]
    for at in excerpt(hunk, marks, before=context, also=also):
        if at is CUT:
            lines.append("[...]")
            continue
        lines.append(quoted(hunk, at))
        if at in marks:
            lines += speaker.ask(marks[at])
    return lines


def _evidence(
    change: FileChange, found: Finding, where: Mapping[tuple[str, int], DiffPosition]
) -> Iterable[DiffPosition]:
    """Where a finding's evidence stands in the diff, if the line there is the one it speaks of."""
    for shown in found.evidence:
        place = where.get((shown.path, shown.line))
        if place and shown.path == change.path:
            text = change.hunks[place.hunk].lines[place.line].text
            if shown.text.strip() in text:
                yield place


def _header(change: FileChange) -> list[str]:
    said = [line for line in change.header if not line.startswith("index ")]
    return [f"> {line}" for line in (said if len(said) <= _LONGEST_HEADER else said[-2:])]


def _squeezed(lines: list[str]) -> list[str]:
    """No blank line at either end, never two in a row."""
    kept: list[str] = []
    for line in lines:
        if line or (kept and kept[-1]):
            kept.append(line)
    return kept[:-1] if kept and not kept[-1] else kept
