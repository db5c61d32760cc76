"""Chooses the rows of the flag-scope matrix that matter for a finding: of the flags and scopes that it names."""

from __future__ import annotations

import re
from typing import NamedTuple

from reviewbot.model.kernel import Flag, Kernel, ScopeKind
from reviewbot.model.review import Finding

_MOST_FLAGS = 2


class FactRows(NamedTuple):
    """The rows of flags and of scopes."""

    flags: tuple[Flag, ...]
    scopes: tuple[ScopeKind, ...]


def facts_of(finding: Finding, kernel: Kernel) -> FactRows:
    """The rows at a kernel version, at most two of flags; none where the finding names nothing of the matrix."""
    shown = " ".join(one.text for one in finding.evidence)
    told, seen = (set(re.findall(r"\w+", text, re.ASCII)) for text in (finding.message, shown))
    flags = tuple(flag for flag in kernel.flags.values() if flag.kind == "bit" and flag.name in told)[:_MOST_FLAGS]
    scopes = [one for one in kernel.scopes.values() if one.flag and (told | seen) & _calls(one)]
    # without a flag beside it, that a scope is safe has nothing to do with what is wrong
    return FactRows(flags, tuple(one for one in scopes if flags or one.verdict != "safe"))


def _calls(scope: ScopeKind) -> set[str]:
    return {gate.call for gate in scope.enter if not gate.has} | {gate.has for gate in scope.enter if gate.has}
