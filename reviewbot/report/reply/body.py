"""Writes the body of a reply: the diff of a patch, quoted, with a question below each line that has a finding."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import groupby

from reviewbot.model.patch import FileChange, Hunk
from reviewbot.model.review import Finding, PatchReview
from reviewbot.report.reply.questions import Speaker
from reviewbot.report.reply.quote import CUT, DiffPosition, excerpt, places, quoted, statement
from reviewbot.report.reply.wrap import wrapped

_NEAR = 12  # lines below the one that a finding hangs on, for which a reader need not look
_LONGEST_HEADER = 8  # lines; git writes no longer one


def body_lines(
    reviewed: PatchReview, findings: Sequence[Finding], again: Callable[[str], str], context: int, pages: str = ""
) -> list[str]:
    """The body of a reply between attribution and signature, as lines; odd bytes of the diff are surrogates.

    Only hunks with findings are quoted, each line unchanged, with at most `context` lines above a question and the
    evidence in the same hunk; "[...]" stands for lines left out. A question follows its line, between blank lines.
    For `again` and `pages` see Speaker.
    """
    where = places(reviewed.files)
    placed, loose = _placed(findings, where, reviewed.files)
    speaker = Speaker(again, quoted_above(reviewed), pages)
    lines: list[str] = []
    shown = -1
    for (file_at, hunk_at), group in groupby(sorted(placed), key=lambda place: (place.file, place.hunk)):
        change = reviewed.files[file_at]
        if file_at != shown:
            lines += _header(change)
            shown = file_at
        marks = {place.line: placed[place] for place in group}
        evidence = (place for at in marks for finding in marks[at] for place in _evidence(change, finding, where))
        also = [place.line for place in evidence if (place.file, place.hunk) == (file_at, hunk_at)]
        also = [line for line in also if line <= max(marks)]  # below it nobody speaks of them
        begins = {at: min(_begin(one, where, change.hunks[hunk_at], at) for one in marks[at]) for at in marks}
        lines += _hunk(change.hunks[hunk_at], marks, begins, also, context, speaker)
    return _squeezed([*lines, *_loose(loose, speaker)])


def annotated(
    reviewed: PatchReview, findings: Sequence[Finding], again: Callable[[str], str]
) -> tuple[list[str], list[str]]:
    """The lines of the whole diff, quoted, with the questions; and apart from them questions about no line of it.

    For b4, which splits such a text with str.splitlines(): a line of the diff that this would split is quoted in
    pieces, and bytes that are no UTF-8 are replaced. No line of a question looks like one of b4's own. For `again` see
    body_lines().
    """
    where = places(reviewed.files)
    placed, loose = _placed(findings, where, reviewed.files)
    diff = reviewed.patch.diff.removesuffix("\n").split("\n")
    rows = _rows(diff, reviewed.files)
    marks = {rows[place]: there for place, there in placed.items() if place in rows}
    lost = [finding for place, there in placed.items() if place not in rows for finding in there]
    speaker = Speaker(again, quoted_above(reviewed))
    lines: list[str] = []
    for at, line in enumerate(diff):
        text = line.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
        lines += [f"> {piece}" for piece in text.splitlines() or [""]]
        if at in marks:
            lines += map(_own, speaker.ask(marks[at]))
    return lines, _squeezed(list(map(_own, _loose([*lost, *loose], speaker))))


def quoted_above(reviewed: PatchReview) -> Callable[[Finding], str]:
    """What a reader sees right above the question about a finding: its statement, and the line that is spoken of."""
    where = places(reviewed.files)

    def text(finding: Finding) -> str:
        place = where.get((finding.path, finding.line))
        if place is None:
            return finding.line_text
        hunk = reviewed.files[place.file].hunks[place.hunk]
        begin, _ = statement(hunk, place.line)
        _, end = statement(hunk, _spoken(finding, place, where))
        return " ".join(line.text for line in hunk.lines[begin : end + 1] if line.mark != "-")

    return text


def _placed(
    findings: Iterable[Finding], where: Mapping[tuple[str, int], DiffPosition], files: Sequence[FileChange]
) -> tuple[dict[DiffPosition, list[Finding]], list[Finding]]:
    """The findings by the last line of their statement in the diff, and those that are not in it."""
    placed: dict[DiffPosition, list[Finding]] = {}
    loose: list[Finding] = []
    for finding in findings:
        place = where.get((finding.path, finding.line))
        if place is None:
            loose.append(finding)
        else:
            _, end = statement(files[place.file].hunks[place.hunk], _spoken(finding, place, where))
            placed.setdefault(DiffPosition(place.file, place.hunk, end), []).append(finding)
    return placed, loose


def _spoken(finding: Finding, place: DiffPosition, where: Mapping[tuple[str, int], DiffPosition]) -> int:
    """The line of its hunk that the question about a finding speaks of. `place`: that of the finding."""
    spoken = where.get((finding.path, finding.spoken or 0), place)
    near = (spoken.file, spoken.hunk) == (place.file, place.hunk) and spoken.line - place.line in range(_NEAR)
    return spoken.line if near else place.line


def _begin(finding: Finding, where: Mapping[tuple[str, int], DiffPosition], hunk: Hunk, end: int) -> int:
    """The first line of a finding's statement in a hunk. `end`: the line below which its question stands."""
    return min(statement(hunk, where[finding.path, finding.line].line)[0], end)


def _loose(findings: Iterable[Finding], speaker: Speaker) -> list[str]:
    """Questions about lines that the diff does not show."""
    lines: list[str] = []
    for finding in findings:
        place_text = f"In {finding.path}, {finding.function}():" if finding.function else f"In {finding.path}:"
        lines += ["", *wrapped(place_text), *speaker.ask([finding])]
    return lines


def _rows(diff: Sequence[str], files: Sequence[FileChange]) -> dict[DiffPosition, int]:
    """The 0-based row of each hunk's line in the text of the diff."""
    rows: dict[DiffPosition, int] = {}
    begin = 0
    for file_at, change in enumerate(files):
        for hunk_at, hunk in enumerate(change.hunks):
            for start in (at for at in range(begin, len(diff)) if diff[at] == hunk.header):
                rows_of_hunk = _rows_of(diff, start + 1, hunk)
                if rows_of_hunk is not None:
                    rows.update({DiffPosition(file_at, hunk_at, line): at for line, at in enumerate(rows_of_hunk)})
                    begin = rows_of_hunk[-1] + 1 if rows_of_hunk else start + 1
                    break
    return rows


def _rows_of(diff: Sequence[str], at: int, hunk: Hunk) -> list[int] | None:
    """The rows of a hunk's lines, if they begin at row `at`; None if another hunk stands there."""
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
    """A line of ours, with a blank before "#" and "|": b4 takes lines with these marks for its notes and others'."""
    return f" {line}" if line.startswith(("#", "|")) else line


def _hunk(
    hunk: Hunk,
    marks: Mapping[int, Sequence[Finding]],
    begins: Mapping[int, int],
    also: Iterable[int],
    context: int,
    speaker: Speaker,
) -> list[str]:
    lines = [f"> {hunk.header}"]
    rows = [row for at, first in begins.items() for row in range(first, at)]
    for at in excerpt(hunk, [*begins.values(), *marks], before=context, also=[*also, *rows]):
        if at is CUT:
            lines.append("[...]")
            continue
        lines.append(quoted(hunk, at))
        if at in marks:
            lines += speaker.ask(marks[at])
    return lines


def _evidence(
    change: FileChange, finding: Finding, where: Mapping[tuple[str, int], DiffPosition]
) -> Iterable[DiffPosition]:
    """The positions of a finding's evidence in the diff, as far as the lines there have its text."""
    for evidence in finding.evidence:
        place = where.get((evidence.path, evidence.line))
        if place and evidence.path == change.path:
            text = change.hunks[place.hunk].lines[place.line].text
            if evidence.text.strip() in text:
                yield place


def _header(change: FileChange) -> list[str]:
    lines = [line for line in change.header if not line.startswith("index ")]
    return [f"> {line}" for line in (lines if len(lines) <= _LONGEST_HEADER else lines[-2:])]


def _squeezed(lines: list[str]) -> list[str]:
    """The lines without blank ones at either end and without two blank ones in a row."""
    kept: list[str] = []
    for line in lines:
        if line or (kept and kept[-1]):
            kept.append(line)
    return kept[:-1] if kept and not kept[-1] else kept
