"""Finds a remark by its fingerprint in a report that was saved as JSON, and writes all that the report says of it.

The report may be from anybody: what is printed of it is escaped, and keys that are not known are left as they are.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any

import msgspec
from msgspec import Struct, field

from reviewbot.model.errors import InputError, UsageError
from reviewbot.model.review import ShownChain
from reviewbot.report.answers.head import SCHEMA, Json, answer_text
from reviewbot.report.chain import doubts_of, headline
from reviewbot.report.reply.wrap import wrapped
from reviewbot.support.escape import clip, visible

SHORTEST = 4  # hex digits that are enough, as for ids of git
_GIVEN = re.compile(
    r"([0-9a-fA-F]{1,16})(:[0-9]+)?"
)  # a number after it: as SARIF has it, for the second of equal ones
_LISTED = 10  # remarks that an error names
_INDENT = "    "
_LONGEST = 200  # characters of a line of code


class _Place(Struct, frozen=True):
    path: str = ""
    line: int = 0
    function: str = ""
    text: str = ""
    note: str = ""


class _Chain(Struct, frozen=True):
    functions: tuple[str, ...] = ()
    steps: tuple[_Place, ...] = ()
    others: int = 0
    doubts: tuple[str, ...] = ()


class _Saved(_Place, frozen=True):
    """A remark of a report; those of an older reviewbot have fewer keys."""

    rule: str = ""
    severity: str = ""
    confidence: str = ""
    line_text: str = ""
    message: str = ""
    question: str = ""
    why: str = ""
    fix: str = ""
    suggestion: str = ""
    page: str = ""
    sources: tuple[str, ...] = ()
    evidence: tuple[_Place, ...] = ()
    chain: _Chain | None = None
    resolved_by: str | None = None
    fingerprint: str = ""


class _SavedPatch(Struct, frozen=True):
    number: int = 0
    subject: str = ""
    message_id: str | None = None
    commit: str | None = None
    findings: tuple[dict[str, Any], ...] = ()


class _Report(Struct, frozen=True):
    schema: int
    patches: tuple[_SavedPatch, ...] = field(default=())


class SavedRemark(Struct, frozen=True):
    """A remark out of a saved report. `whole`: its object as it stands there; `patch`: the one that it is about."""

    remark: _Saved
    whole: dict[str, Any]
    patch: _SavedPatch


def saved_remarks(content: bytes, name: str) -> tuple[SavedRemark, ...]:
    """The remarks of a report in JSON. `name`: that of its file. Raises InputError where it is none."""
    try:
        report = msgspec.json.decode(content, type=_Report)
        remarks = [
            SavedRemark(msgspec.convert(whole, _Saved), whole, patch)
            for patch in report.patches
            for whole in patch.findings
        ]
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        told = visible(clip(str(error), _LONGEST))
        raise InputError(f"{name} is no report of reviewbot in JSON (--format json): {told}") from error
    if report.schema != SCHEMA:
        raise InputError(f"{name} has schema {report.schema}, and this reviewbot reads {SCHEMA}")
    return tuple(remarks)


def fingerprint_given(text: str) -> str:
    """The hex digits of a fingerprint or of its beginning. Raises UsageError for what is none."""
    found = _GIVEN.fullmatch(text.strip())
    if found is None:
        raise UsageError(f"{visible(clip(text, _LONGEST))!r} is no fingerprint: it has 16 hex digits, or the first few")
    if len(found[1]) < SHORTEST:
        raise UsageError(f"{found[1]} is too short: give {SHORTEST} digits of the fingerprint or more")
    return found[1].lower()


def matching(remarks: Sequence[SavedRemark], digits: str, name: str) -> tuple[SavedRemark, ...]:
    """The remarks whose fingerprint begins so; all have the same. Raises UsageError where none has, or two differ."""
    found = tuple(one for one in remarks if one.remark.fingerprint.startswith(digits))
    if not found:
        count = f"{len(remarks)} {'remark' if len(remarks) == 1 else 'remarks'}"
        raise UsageError(f"no remark of {name} has a fingerprint that begins with {digits}; it has {count}")
    different = {one.remark.fingerprint: one.remark for one in found}
    if len(different) > 1:
        listed = [
            f"{visible(print_)} ({visible(one.rule)}, {visible(one.path)}:{one.line})"
            for print_, one in different.items()
        ]
        more = f" and {len(listed) - _LISTED} more" if len(listed) > _LISTED else ""
        raise UsageError(f"{digits} is the beginning of several: {', '.join(listed[:_LISTED])}{more}")
    return found


def explained_json(found: Sequence[SavedRemark]) -> str:
    """The remarks as one object of the schema. Raises InputError where one is nested too deep."""
    remarks: list[Json] = [
        {
            "patch": {key: getattr(one.patch, key) for key in ("number", "subject", "message_id", "commit")},
            "remark": one.whole,
        }
        for one in found
    ]
    try:
        return answer_text({"schema": SCHEMA, "fingerprint": found[0].remark.fingerprint, "remarks": remarks})
    except RecursionError as error:
        raise InputError("the report has a remark that is nested too deep") from error


def explained_text(found: Sequence[SavedRemark], width: int) -> str:
    """The remarks for a terminal of `width` columns."""
    blocks = ("".join(f"{visible(line)}\n" for line in _told(one, width)) for one in found)
    return "\n".join(blocks)


def _told(found: SavedRemark, width: int) -> Iterator[str]:
    one, patch = found.remark, found.patch
    yield f"{one.rule}: {one.severity}, {one.confidence} confidence, fingerprint {one.fingerprint}"
    yield f"{one.path}:{one.line}" + (f", in {one.function}()" if one.function else "")
    name = patch.commit[:12] if patch.commit else f"patch {patch.number}"
    yield clip(f"{name}: {patch.subject}", max(width, SHORTEST))
    yield from ("", _code(one.line_text), "", *wrapped(one.message, width))
    if one.resolved_by is not None:
        yield f"A later patch mends it: {one.resolved_by}."
    for title, text in (("QUESTION", one.question), ("WHY", one.why), ("FIX", one.fix)):
        if text:
            yield from ("", title, *(f"{_INDENT}{line}" for line in wrapped(text, width - len(_INDENT))))
    if one.suggestion:
        yield from ("", _code(one.suggestion))
    yield from _shown(one, width)
    if one.sources:
        yield from ("", "SOURCES", *(f"{_INDENT}{source}" for source in one.sources))
    if one.page:
        yield from ("", one.page)


def _shown(one: _Saved, width: int) -> Iterator[str]:
    if one.evidence:
        yield from ("", "EVIDENCE", *_places(one.evidence))
    chain = one.chain
    if chain is not None and chain.functions:
        rows = headline(ShownChain(chain.functions, (), chain.others), width - len(_INDENT))
        yield from ("", "CALLS", *(f"{_INDENT}{row}" for row in rows), *_places(chain.steps))
        if chain.doubts:
            yield f"{_INDENT}{doubts_of(ShownChain((), (), doubts=chain.doubts))}"


def _places(places: Sequence[_Place]) -> Iterator[str]:
    for place in places:
        yield f"{_INDENT}{place.path}:{place.line}" + (f": {place.note}" if place.note else "")
        yield f"{_INDENT}{_code(place.text)}"


def _code(text: str) -> str:
    return f"{_INDENT}{clip(text.expandtabs().strip(), _LONGEST)}"
