"""The engine at a kernel version, with the rules as they are shipped."""

from __future__ import annotations

from functools import lru_cache

from reviewbot.config import data_path
from reviewbot.kernel.rules import load, parse_version
from reviewbot.review.engine import Engine


@lru_cache
def engine(version: str) -> Engine:
    kernel, rules = load([data_path("rules")], parse_version(version))
    return Engine(kernel, rules)
