"""Shows what a draft rests on: its patches with the remarks in place, each with its path and rows of the matrix."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from msgspec.structs import replace

from reviewbot.memory.drafts import Point
from reviewbot.model.review import Finding, Review
from reviewbot.report.html.element import Html, element
from reviewbot.report.html.patches import Numbered, patch_sections
from reviewbot.report.remarks import ReportContext
from reviewbot.report.select import ordered
from reviewbot.support.escape import clip

_LONGEST = 400  # characters of a line of code
_NOT_KEPT = (
    "What this draft was made of is not there: it was not kept, or another version of reviewbot kept it. "
    "The mail above is all there is to see."
)


def basis(points: Sequence[Point], review: Review | None, context: ReportContext | None) -> Iterator[Html]:
    """The parts of it; `review` and `context` are None where it is not kept."""
    if review is None or context is None:
        yield element("section", element("h2", "What it rests on"), element("p", _NOT_KEPT), _asked(points))
        return
    chosen, numbered, beside = _chosen(review, {one.fingerprint for one in points})
    yield from patch_sections(chosen, numbered, context)
    if beside:
        one = "1 more remark on these patches is" if beside == 1 else f"{beside} more remarks on these patches are"
        yield element("p", f"{one} not in this mail, and not shown.", class_="faint")


def _asked(points: Sequence[Point]) -> Html:
    """What the draft asks about, as the memory has it."""
    heads = element("tr", *(element("th", head, scope="col") for head in ("Rule", "Where", "Line")))
    rows = (
        element(
            "tr",
            element("td", one.rule),
            element("td", f"{one.path}, {one.function}()" if one.function else one.path),
            element("td", element("code", clip(one.line.strip(), _LONGEST))),
        )
        for one in points
    )
    table = element("table", element("thead", heads), element("tbody", *rows), class_="plain")
    return element("div", table, class_="wide", tabindex="0", role="region", aria_label="What the mail asks about")


def _chosen(review: Review, prints: set[str]) -> tuple[Review, list[Numbered], int]:
    """The review with those of its patches that a draft asks about, their findings numbered, and how many are left.

    All of a review, where no finding in it is known by what the draft asks about.
    """
    found = [[one for one in ordered(patch) if one.fingerprint in prints] for patch in review.patches]
    if not any(found):
        found = [[*ordered(patch)] for patch in review.patches]
    kept = [(patch, asked) for patch, asked in zip(review.patches, found, strict=True) if asked]
    every = sum(len(patch.findings) for patch, _ in kept)
    numbered: list[Sequence[tuple[int, Finding]]] = []
    last = 0
    for _, asked in kept:
        numbered.append([*enumerate(asked, last + 1)])
        last += len(asked)
    return replace(review, patches=tuple(patch for patch, _ in kept)), numbered, every - last
