"""Writes a review as text: with rich's colours on a terminal, plain in a pipe.

Both print the same lines. Whatever comes from a message is printed with its control characters escaped, and never as
markup.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from io import StringIO

from msgspec import Struct

from reviewbot.model.patch import Hunk, Unread
from reviewbot.model.review import SEVERITIES, Evidence, Finding, PatchReview, Review, ShownChain
from reviewbot.report.chain import doubts_of, headline, shown_by, without_chain
from reviewbot.report.coverage import clean_words, left_calls
from reviewbot.report.remarks import ReportContext
from reviewbot.report.reply.quote import CUT, DiffPosition, excerpt, places
from reviewbot.report.reply.wrap import wrapped
from reviewbot.report.select import kernels, ordered, select, unread_beside, unread_of
from reviewbot.report.unread import unread_summary
from reviewbot.review.resolved import is_commit, title_of
from reviewbot.support.escape import clip, visible

PIPE_WIDTH = 80
_WIDEST_PROSE = 100
_CHAIN = "      "  # before the functions of a chain
_WIDEST_CODE = 400  # characters of one line of a patch

Styled = tuple[str, str]  # text and the name of its style in STYLES
Line = tuple[Styled, ...]

STYLES = {
    "": "",
    "head": "bold",
    "error": "bold red",
    "warning": "bold yellow",
    "note": "bold cyan",
    "rule": "bold",
    "faint": "dim",
    "+": "green",
    "-": "red",
    " ": "",
    "clean": "green",
    "safe": "green",
    "unsafe": "bold red",
    "context": "yellow",
    "pointless": "dim",
    "none": "dim",
}


class View(Struct, frozen=True):
    """What to print of a review, and how: the kernel's name, the bars, questions in full, columns of prose."""

    kernel: str
    min_severity: str = "note"
    min_confidence: str = "low"
    explain: bool = False
    width: int = PIPE_WIDTH


def render(review: Review, context: ReportContext) -> str:
    """The report for a file or a pipe."""
    return render_plain(review, View(context.kernel, context.min_severity, context.min_confidence))


def render_plain(review: Review, view: View) -> str:
    """The report as text without any styling, with a newline at the end."""
    return without_styles(report_lines(review, view))


def without_styles(lines: Iterable[Line]) -> str:
    """Lines without their styles, with a newline at the end of each."""
    return "".join("".join(text for text, _ in line) + "\n" for line in lines)


def painted(lines: Iterable[Line], width: int) -> str:
    """Lines with the escape sequences of a terminal. Code is neither wrapped nor cropped, the terminal does that."""
    from rich.console import Console
    from rich.text import Text

    output = StringIO()
    console = Console(file=output, force_terminal=True, no_color=False, width=width)
    for line in lines:
        console.print(Text.assemble(*((text, STYLES[style]) for text, style in line)), soft_wrap=True, highlight=False)
    return output.getvalue()


def report_lines(review: Review, view: View) -> Iterator[Line]:
    """Each patch that has findings or was not read, what else was not read, and a summary as the last line."""
    for reviewed in review.patches:
        yield from _patch(reviewed, view)
    beside = unread_beside(review)
    yield from _unread(beside, "", view.width)
    if beside:
        yield ()
    yield summary_line(review, view)


def _patch(reviewed: PatchReview, view: View) -> Iterator[Line]:
    findings = _selected(reviewed, view)
    unread = unread_of(reviewed)
    if not findings and not unread:
        return
    yield ((visible(title_of(reviewed.patch)), "head"),)
    yield ()
    where = places(reviewed.files)
    for finding in findings:
        yield from _finding(reviewed, finding, where.get((finding.path, finding.line)), view)
        yield ()
    yield from _unread(unread, "  ", view.width)
    if unread:
        yield ()


def _finding(reviewed: PatchReview, finding: Finding, place: DiffPosition | None, view: View) -> Iterator[Line]:
    function = f" in {visible(finding.function)}()" if finding.function else ""
    yield (
        ("  ", ""),
        (finding.severity, finding.severity),
        (f" ({finding.confidence})", "faint"),
        (f" {finding.rule}", "rule"),
        (function, ""),
    )
    yield ((f"    {visible(finding.path)}:{finding.line}", "faint"),)
    yield from _quoted(reviewed, finding, place)
    yield from prose(without_chain(finding.message, finding), "    ", view.width)
    yield from chain_lines(finding.chain, view.width)
    for evidence in shown_by(finding):
        yield from _evidence(evidence, view.width, (evidence.path, evidence.line) != (finding.path, finding.line))
    if view.explain and finding.question and finding.question != finding.message:
        yield ()
        yield from prose(without_chain(finding.question, finding), "    ", view.width)
    if finding.resolved_by:
        yield ((f"    resolved by {visible(finding.resolved_by)}", "clean"),)


def _quoted(reviewed: PatchReview, finding: Finding, place: DiffPosition | None) -> Iterator[Line]:
    if place is None:
        yield ("    > ", "rule"), (code_line(finding.line_text), "+")
        return
    hunk = reviewed.files[place.file].hunks[place.hunk]
    for at in excerpt(hunk, (place.line,), before=3, after=2):
        if at is not CUT:
            yield _code_line(hunk, at, at == place.line)


def _code_line(hunk: Hunk, at: int, marked: bool) -> Line:
    line = hunk.lines[at]
    number = "" if line.new is None else str(line.new)
    return (f"    {'>' if marked else ' '} {number:>5} ", "rule" if marked else "faint"), (
        f"{line.mark}{code_line(line.text)}",
        line.mark,
    )


def chain_lines(chain: ShownChain | None, width: int) -> Iterator[Line]:
    """The functions of a chain in a row, and what is not certain on it; nothing where there is none."""
    if chain is not None:
        for line in headline(chain, width - len(_CHAIN)):
            yield ((f"{_CHAIN}{visible(line)}", "head"),)
        yield from prose(doubts_of(chain), _CHAIN, width)


def _evidence(evidence: Evidence, width: int, with_code: bool = True) -> Iterator[Line]:
    function = f" in {evidence.function}()" if evidence.function else ""
    yield from prose(f"{evidence.note}: {evidence.path}:{evidence.line}{function}", "    ", width)
    if with_code:
        yield ((f"            {code_line(evidence.text.strip())}", "faint"),)


def _unread(parts: tuple[Unread, ...], indent: str, width: int) -> Iterator[Line]:
    for part in parts:
        where = f"{part.path}: " if part.path else ""
        yield from prose(f"not looked at: {where}{part.reason}", indent, width)


def prose(text: str, indent: str, width: int) -> Iterator[Line]:
    """Text wrapped to `width` columns, at most 100, indent included."""
    for line in wrapped(text, max(min(width, _WIDEST_PROSE) - len(indent), 20)):
        yield ((f"{indent}{line}" if line else "", ""),)


def code_line(text: str) -> str:
    """A line of a patch, safe to print: control characters escaped, tabs expanded, at most 400 characters."""
    return clip(visible(text).expandtabs(), _WIDEST_CODE)


def _selected(reviewed: PatchReview, view: View) -> tuple[Finding, ...]:
    return select(ordered(reviewed), view.min_severity, view.min_confidence)


# --- the last line ---


def summary_line(review: Review, view: View, what: str = "") -> Line:
    """The last line: how many remarks on how many patches and added lines, and what was not read or shown.

    `what`: the name of the changes under review, "" for the number of patches.
    """
    words = ("commit", "") if all(is_commit(reviewed.patch) for reviewed in review.patches) else ("patch", "patches")
    read = f"{what or _count(len(review.patches), *words)}, {_count(_added(review), 'added line')}"
    read = f"{read}, kernel {kernels(review, view.kernel)}"
    findings = [finding for reviewed in review.patches for finding in _selected(reviewed, view)]
    unread = unread_summary(
        [*unread_beside(review), *(part for reviewed in review.patches for part in unread_of(reviewed))],
    )
    below = sum(len(reviewed.findings) for reviewed in review.patches) - len(findings)
    notes = [f"{below} below the bar"] if below else []
    notes += [f"{review.set_aside} known or ignored"] if review.set_aside else []
    notes += [unread] if unread else []
    notes += [left] if (left := left_calls(review)) and not findings else []
    tail = f" ({', '.join(notes)})" if notes else ""
    if not review.patches:
        return ((f"no patch to look at{tail}", "warning"),)
    if not findings:
        word = (
            ("nothing found in what was read" if review.looked else "nothing was read")
            if unread
            else clean_words(review)
        )
        return ((f"{word}: {read}{tail}", "" if unread else "clean"),)
    return ((f"{_remarks(findings)} on {read}{tail}", "head"),)


def _remarks(findings: list[Finding]) -> str:
    open_ones = [finding for finding in findings if not finding.resolved_by]
    counts = Counter(finding.severity for finding in open_ones)
    kinds = ", ".join(_count(counts[word], word) for word in reversed(SEVERITIES) if counts[word])
    text = _count(len(open_ones), "remark") + (f" ({kinds})" if kinds else "")
    resolved = len(findings) - len(open_ones)
    return f"{text} and {resolved} resolved later in the series" if resolved else text


def _added(review: Review) -> int:
    listed = (
        line.mark == "+"
        for reviewed in review.patches
        for change in reviewed.files
        for hunk in change.hunks
        for line in hunk.lines
    )
    return sum(listed) + sum(reviewed.unlisted for reviewed in review.patches)


def _count(number: int, word: str, many: str = "") -> str:
    return f"{number} {word if number == 1 else many or word + 's'}"
