"""Draws what shows a finding as a path: where a lock is taken or a scope entered, the calls from there, the request.

Each step is a row of text with a piece of the path at its left, drawn in SVG: so the text stays text, which wraps on a
small screen and can be searched and copied.
"""

from __future__ import annotations

from collections.abc import Sequence

from reviewbot.model.review import Evidence, Finding
from reviewbot.report.chain import beside_chain, doubts_of, functions_of, others_of
from reviewbot.report.html.element import Html, element, together
from reviewbot.report.html.prose import line
from reviewbot.support.escape import clip

_LEFT, _INDENT, _TOP, _RADIUS = 13, 18, 15, 6  # of the path, in pixels
_DEEPEST = 8  # calls that are drawn one below the other; deeper ones stand below the last
_LONGEST = 200  # characters of a line of code


def path_of(finding: Finding) -> Html:
    """The path of a finding, and what else shows it; nothing where its own line shows all."""
    chain = finding.chain
    if chain is None:
        return _path(_in_order(finding), "Evidence", (finding.path, finding.line)) if finding.evidence else Html()
    parts = [element("p", line(functions_of(chain), linked=False), " ", others_of(chain), class_="chain")]
    last = (chain.steps[-1].path, chain.steps[-1].line) if chain.steps else None
    parts.append(_path([(step, step.level) for step in chain.steps], "Calls", last))
    beside = beside_chain(finding)
    if beside:
        parts.append(_path([(one, 0) for one in beside], "Evidence", None))
    if chain.doubts:
        parts.append(element("p", line(doubts_of(chain), linked=False), class_="faint"))
    return together(parts)


def _in_order(finding: Finding) -> list[tuple[Evidence, int]]:
    """The evidence and the line itself: in one function as they stand there, else the line behind what shows it."""
    steps = list(finding.evidence)
    if all((one.path, one.line) != (finding.path, finding.line) for one in steps):
        steps.append(Evidence(finding.path, finding.line, finding.function, finding.line_text, "here"))
    if all((one.path, one.function) == (finding.path, finding.function) for one in steps):
        steps.sort(key=lambda one: one.line)
    return [(one, 0) for one in steps]


def _path(steps: Sequence[tuple[Evidence, int]], called: str, aim: tuple[str, int] | None) -> Html:
    """`aim`: the path and line of the step that it is all about."""
    levels = [min(max(level, 0), _DEEPEST) for _, level in steps]
    rows = []
    for at, (step, _) in enumerate(steps):
        sign = "end" if (step.path, step.line) == aim else "start" if at == 0 else "step"
        drawn = _drawn(levels[at], levels[at - 1] if at else None, at == len(steps) - 1, sign)
        rows.append(_step(step, drawn))
    return element("ol", *rows, class_=f"path deep{max(levels, default=0)}", aria_label=called)


def _step(step: Evidence, drawn: Html) -> Html:
    function = [" in ", element("code", f"{step.function}()")] if step.function else []
    place = element("span", f"{step.path}:{step.line}", class_="place")
    code = element("code", clip(step.text.strip().expandtabs(), _LONGEST), class_="code")
    note = element("span", line(step.note, linked=False), class_="told")
    return element("li", drawn, element("div", note, " ", place, *function, code))


def _drawn(level: int, above: int | None, last: bool, sign: str) -> Html:
    """A piece of the path: the way in from the step above, the step itself, the way on."""
    at = _LEFT + _INDENT * level
    parts = [] if above is None else [_way(_LEFT + _INDENT * above, at)]
    if not last:
        parts.append(element("line", x1=str(at), x2=str(at), y1=str(_TOP), y2="100%", class_="way"))
    if above is not None and above < level:
        parts.append(element("path", d=f"M{at - _RADIUS} {_TOP}l-5 -4v8z", class_="head"))
    if sign == "start":
        corner = {"x": str(at - _RADIUS), "y": str(_TOP - _RADIUS)}
        parts.append(element("rect", class_=sign, **corner, width=str(2 * _RADIUS), height=str(2 * _RADIUS)))
    else:
        parts.append(element("circle", cx=str(at), cy=str(_TOP), r=str(_RADIUS), class_=sign))
    return element("svg", *parts, aria_hidden="true", class_="rail")


def _way(begin: int, end: int) -> Html:
    """The way from one column at the top of a row into another."""
    if begin == end:
        way = f"M{end} 0V{_TOP}"
    else:
        way = f"M{begin} 0V{_TOP}H{end}" if begin < end else f"M{begin} 0V4H{end}V{_TOP}"
    return element("path", d=way, class_="way")
