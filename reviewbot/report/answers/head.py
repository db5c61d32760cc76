"""Writes what every JSON answer has in common: how it begins, and how it ends as text."""

from __future__ import annotations

import json
from collections.abc import Mapping

from reviewbot import __version__

Json = str | int | float | None | list["Json"] | dict[str, "Json"]

SCHEMA = 1  # within it keys are only added; see schemas/


def answer_head(kernel: str, digest: str) -> dict[str, Json]:
    """The first keys of an answer. `kernel`: the version that was judged by; `digest`: that of the rules."""
    return {"schema": SCHEMA, "reviewbot": __version__, "rules": digest, "kernel": kernel}


def answer_text(answer: Mapping[str, Json]) -> str:
    """The object in ASCII, with a newline at the end."""
    return json.dumps(answer, indent=2) + "\n"
