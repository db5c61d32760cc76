"""Makes findings of hits: where a remark stands, what it says, and what identifies it."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from string import Template

from reviewbot.frontend.fragments import OPEN
from reviewbot.frontend.instructions import squeeze
from reviewbot.model.errors import ConfigError
from reviewbot.model.kernel import Rule
from reviewbot.model.review import (
    ADDED_LOCK,
    CHANGED_HERE,
    CONFIDENCES,
    REMOVED_HERE,
    SEVERITIES,
    ChainStep,
    Evidence,
    Finding,
    ShownChain,
)
from reviewbot.patch.suggestion import fixed
from reviewbot.program.context import Hit, HitChain
from reviewbot.program.file_version import FileVersion
from reviewbot.review.changed_ways import ChangedWays, Place
from reviewbot.support.patterns import pattern

_WORD = pattern(r"\w+")


def finding_of(
    rule: Rule,
    part: FileVersion,
    hit: Hit,
    known_as: Callable[[FileVersion, str], str],
    ways: ChangedWays,
) -> Finding | None:
    """The finding of a hit in a file version; None where the patch changes none of its rows, nor what leads there.

    `known_as`: gives the name that hunks inside a function know it by, see Reader.known_as(); `ways`: what the
    patch changes of them.
    """
    places = _places(part, hit)
    place = _anchor(places)
    gone = ways.leading_to(places) if place is None else None
    place = place or gone
    if place is None:
        return None
    here, row = place
    confidence = min(rule.confidence, hit.confidence or rule.confidence, key=CONFIDENCES.index)
    severity = min(rule.severity, hit.severity or rule.severity, key=SEVERITIES.index)
    name = hit.function if here is part else here.function_at(row)
    function = "" if name == OPEN else name
    text = here.rows[row]
    values = {**hit.values, "function": function, "line": squeeze(text)}
    return Finding(
        rule=rule.id,
        severity=severity,
        confidence=confidence,
        path=here.path,
        line=here.numbers[row],
        line_text=text,
        function=function,
        message=squeeze(filled_text(rule, "summary", values)),
        question=filled_text(rule, "ask" if rule.ask and confidence != CONFIDENCES[-1] else "question", values).strip(),
        evidence=(*_gone(gone), *_evidence(part, hit, apart=here is not part or row not in hit.rows)),
        fingerprint=fingerprint(rule.id, here.path, known_as(here, function), text),
        fix=fixed(text, hit.replace) if hit.replace and here is part and row == hit.rows[0] else None,
        key=squeeze(hit.key),
        chain=_chain(hit.chain) if hit.chain is not None else None,
        spoken=_spoken(part, hit, row) if here is part else None,
    )


def _evidence(part: FileVersion, hit: Hit, apart: bool) -> Iterator[Evidence]:
    """The rows that show a hit; `apart`: the remark stands at none of its own rows."""
    own = [(part, at, note) for at, note in hit.because]
    own += [(part, hit.rows[0], hit.said)] if apart and hit.said else []
    for side, at, note in (*hit.elsewhere, *own):
        if _inside(side, at):
            yield Evidence(side.path, side.numbers[at], side.function_at(at), side.rows[at], note)
            yield from _lent(side, side.rows[at])


def _lent(side: FileVersion, row: str) -> Iterator[Evidence]:
    """The rows in which functions of other files take a lock for a row that calls them."""
    for name, place in side.lent.places:
        if name in row and place.line and name in _WORD.findall(row):
            yield Evidence(place.path, place.line, place.function, place.text, f"{name}() takes it for its caller")


def _spoken(part: FileVersion, hit: Hit, row: int) -> int | None:
    if hit.spoken is None or hit.spoken <= row or not _inside(part, hit.spoken):
        return None
    return part.numbers[hit.spoken]


def _chain(chain: HitChain) -> ShownChain:
    steps = (
        ChainStep(side.path, side.numbers[at], side.function_at(at), side.rows[at], note, level)
        for side, at, note, level in chain.steps
        if _inside(side, at)
    )
    return ShownChain(chain.functions, tuple(steps), chain.others, chain.doubts)


def _inside(part: FileVersion, row: int) -> bool:
    return 0 <= row < len(part.rows)


def _words(side: FileVersion, row: int) -> list[str]:
    return _WORD.findall(side.rows[row])


def _gone(gone: Place | None) -> Iterator[Evidence]:
    """The place where something was changed or taken away, as evidence."""
    if gone is not None:
        side, at = gone
        taken = side.lookup is not None and side.changed[at] and not side.lookup.locks.isdisjoint(_words(side, at))
        note = ADDED_LOCK if taken else REMOVED_HERE if side.near[at] else CHANGED_HERE
        yield Evidence(side.path, side.numbers[at], side.function_at(at), side.rows[at], note)


def _places(part: FileVersion, hit: Hit) -> Sequence[Place]:
    """The rows of a hit and of its evidence."""
    own = [(part, row) for row in (*hit.rows, *(row for row, _ in hit.because)) if _inside(part, row)]
    return [*own, *((side, row) for side, row, _ in hit.elsewhere if _inside(side, row))]


def _anchor(places: Sequence[Place]) -> Place | None:
    """Where a finding stands: at the first added row of the hit, else of its evidence, else beside a removed line."""
    for side, row in places:
        if side.changed[row]:
            return side, row
    return next(((side, row) for side, row in places if side.near[row]), None)


def once_a_line(findings: list[Finding], paths: Sequence[str]) -> list[Finding]:
    """The findings in the order of the diff, without those that repeat a rule's message about a line.

    `paths`: those of the diff, in its order.
    """
    seen: dict[tuple[str, str, int, str], Finding] = {}
    for finding in findings:
        seen.setdefault((finding.rule, finding.path, finding.line, finding.message), finding)
    place = {path: at for at, path in reversed([*enumerate(paths)])}  # a diff may name a file twice
    return sorted(seen.values(), key=lambda finding: (place[finding.path], finding.line, finding.rule))


def filled_text(rule: Rule, text: str, values: Mapping[str, str]) -> str:
    """A rule's "summary", "question" or "ask" with a hit's values.

    Raises ConfigError for a placeholder without a value.
    """
    source = {"summary": rule.summary, "question": rule.question, "ask": rule.ask}[text]
    try:
        return Template(source).substitute(values)
    except (KeyError, ValueError) as error:
        raise ConfigError(
            f"rules/{rule.id}.toml: {text}: no value for {error}; known: {', '.join(sorted(values))}"
        ) from error


def fingerprint(rule: str, path: str, function: str, text: str) -> str:
    """16 hex digits that identify a finding by rule, path, function and line text.

    It survives rebases and lines that move within the function; in `text`, a run of white space counts as one blank.
    """
    parts = "\0".join((rule, path, function, squeeze(text)))
    return hashlib.sha256(parts.encode("utf-8", "surrogateescape")).hexdigest()[:16]
