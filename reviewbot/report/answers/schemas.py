"""Takes the schema of one kind of answer out of the file that has them all, so that it stands by itself."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from reviewbot.report.answers.head import SCHEMA

FILE = f"v{SCHEMA}.json"  # in schemas/
KINDS = ("review", "explain", "rule", "matrix", "reach", "drafts", "stats")
_REFERENCE = "#/$defs/"


def schema_of(kind: str, whole: Mapping[str, Any]) -> dict[str, Any]:
    """The schema of an answer, one of KINDS, with the definitions that it needs. `whole`: what the file holds."""
    defined = whole["$defs"]
    needed: list[str] = []
    waiting = [kind]
    while waiting:
        for name in _named(defined[waiting.pop()]):
            if name not in needed:
                needed.append(name)
                waiting.append(name)
    said = {key: whole[key] for key in ("$schema", "$comment")}
    identity = {"$id": f"{whole['$id']}:{kind}", "title": f"reviewbot {kind}, schema {SCHEMA}"}
    inside = {"$defs": {name: defined[name] for name in needed}} if needed else {}
    return {**said, **identity, **defined[kind], **inside}


def _named(value: object) -> Iterator[str]:
    """The definitions that a part of a schema refers to."""
    if isinstance(value, dict):
        if "$ref" in value:
            yield value["$ref"].removeprefix(_REFERENCE)
        for one in value.values():
            yield from _named(one)
    elif isinstance(value, list):
        for one in value:
            yield from _named(one)
