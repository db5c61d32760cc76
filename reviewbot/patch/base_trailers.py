"""Reads what a series says of its base, as git-format-patch(1) writes it with --base, and b4.

Input: the texts of its cover letter and first patch. Output: the base commit, and what is to be applied first.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

_BASE = re.compile(r"^base-commit:[ \t]*([0-9a-f]{7,64})[ \t]*$", re.M | re.I)
_BEFORE = re.compile(r"^prerequisite-patch-id:[ \t]*([0-9a-f]{7,64})[ \t]*$", re.M | re.I)
_SERIES_BEFORE = re.compile(r"^prerequisite-(?:change|message)-id:[ \t]*<?([^\s<>]{1,200})>?[ \t]*$", re.M | re.I)


class BaseTrailers(NamedTuple):
    """What a series says of its base: the commit, None for none, and the patches and other series to apply first."""

    base: str | None
    patches: tuple[str, ...]
    series: tuple[str, ...]


def base_trailers(texts: Sequence[str]) -> BaseTrailers:
    """The base-commit, prerequisite-patch-id, -change-id and -message-id that the texts of a series have, in order."""
    base = next((match[1].lower() for match in map(_BASE.search, texts) if match), None)
    patches = dict.fromkeys(one.lower() for text in texts for one in _BEFORE.findall(text))
    others = dict.fromkeys(one for text in texts for one in _SERIES_BEFORE.findall(text))
    return BaseTrailers(base, tuple(patches), tuple(others))
