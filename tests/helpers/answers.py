"""What reviewbot answers in JSON, held against the schema that it ships: every key is known, and has its type."""

from __future__ import annotations

import json
from functools import cache
from typing import Any

from reviewbot.config import data_path
from reviewbot.report.answers.schemas import FILE, schema_of

try:
    import jsonschema
except ModuleNotFoundError:  # tests/report/answers/test_schemas.py is skipped then, and says so
    jsonschema = None

COMMANDS = {
    "explain": "explain",
    "rule": "rule",
    "matrix": "matrix",
    "reach": "reach",
    "drafts": "drafts",
}  # all others print reviews


def whole_schema() -> dict[str, Any]:
    return json.loads((data_path("schemas") / FILE).read_text(encoding="utf-8"))


@cache
def validator(kind: str) -> Any:
    """Stricter than what is shipped, which allows keys of later versions."""
    return jsonschema.Draft202012Validator(
        _closed(schema_of(kind, whole_schema())), format_checker=jsonschema.Draft202012Validator.FORMAT_CHECKER
    )


def _closed(schema: Any) -> Any:
    if isinstance(schema, list):
        return [_closed(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    closed = {key: _closed(value) for key, value in schema.items()}
    return {**closed, "additionalProperties": False} if "required" in schema else closed


def checked(text: str, kind: str = "review") -> Any:
    """What an answer holds. Fails where the schema does not have it."""
    whole = json.loads(text)
    if jsonschema is not None:
        assert [f"{one.json_path}: {one.message}"[:300] for one in validator(kind).iter_errors(whole)] == []
    return whole


@cache
def remark_schema() -> dict[str, Any]:
    closed = _closed(schema_of("review", whole_schema()))
    return {**closed["$defs"]["remark"], "$defs": closed["$defs"]}


def check_output(arguments: tuple[str, ...], out: str) -> None:
    """Hold the JSON that a command line has printed against the schema of its command; anything else passes."""
    asked = "--format json" in " ".join(arguments) or "--format=json" in arguments
    # a reader that is gone, or a disk that is full, leaves half of it
    if asked and out.startswith("{") and out.endswith("}\n"):
        checked(out, "stats" if "--stats" in arguments else COMMANDS.get(arguments[0], "review"))
