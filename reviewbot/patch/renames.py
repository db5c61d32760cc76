"""Finds the functions that the hunks of a file rename."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from itertools import groupby

from reviewbot.frontend.fragments import function_name
from reviewbot.model.patch import DiffLine, FileChange

_HEAD = re.compile(r"(?!(?:if|for|while|switch|return|else|do|goto|case|typedef|extern)\b)[A-Za-z_][^;]*\(")


def renamed(change: FileChange) -> Mapping[str, str]:
    """The old names of renamed functions by their new ones.

    A run of changed lines renames a function where it removes one head and adds another. Where it removes more than it
    adds, the last ones were renamed: behind them the body goes on.
    """
    found: dict[str, str] = {}
    for hunk in change.hunks:
        for run in _runs(hunk.lines):
            old, new = (list(_heads(run, mark)) for mark in "-+")
            kept = set(old) & set(new)
            olds, news = ([one for one in heads if one not in kept] for heads in (old, new))
            found.update(zip(news, olds[-len(news) :] if news else (), strict=False))
    return found


def _runs(lines: Iterable[DiffLine]) -> Iterator[list[DiffLine]]:
    """The lines between two of context."""
    for changed, run in groupby(lines, key=lambda line: line.mark != " "):
        if changed:
            yield list(run)


def _heads(run: Iterable[DiffLine], mark: str) -> Iterator[str]:
    """The functions whose heads begin on lines of one side."""
    for line in run:
        if line.mark == mark and _HEAD.match(line.text) and (name := function_name(line.text)):
            yield name
