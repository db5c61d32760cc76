"""Reviews a fixture as a commit, all of it or what a prefilter keeps of it, by all rules or by one."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache, lru_cache

from fixtures import Case
from reviewbot.config import data_path
from reviewbot.kernel.rules import load, parse_version
from reviewbot.model.kernel import Kernel, Rule
from reviewbot.model.patch import FileChange, Patch
from reviewbot.patch import parse
from reviewbot.review.engine import Engine
from reviewbot.review.patched_file import Selected
from reviewbot.review.prefilter.prefilter import Prefilter

Found = list[tuple[str, int, str]]


@lru_cache
def loaded(version: str) -> tuple[Kernel, tuple[Rule, ...]]:
    return load([data_path("rules")], parse_version(version))


@cache
def engine(version: str, only: str = "") -> Engine:
    """That of all rules, or of one."""
    kernel, rules = loaded(version)
    return Engine(kernel, [rule for rule in rules if only in ("", rule.id)])


def prefilter(version: str, only: str = "") -> Prefilter:
    """That of all rules, or of one; it is made of what their checks declare by now."""
    return Prefilter(loaded(version)[0], [rule for rule, _ in engine(version, only).rules])


def side(change: FileChange, mark: str) -> bytes:
    """The file that the hunks are of; what they do not show is empty."""
    rows: list[str] = []
    for hunk in change.hunks:
        for line in hunk.lines:
            number = line.old if mark == "-" else line.new
            if number is not None:
                rows += [""] * (number - 1 - len(rows))
                rows.append(line.text)
    return ("\n".join(rows) + "\n").encode()


class Commit:
    """A fixture as a commit."""

    def __init__(self, case: Case) -> None:
        self.case = case
        (self._change,), _ = parse.parse_diff(case.diff)
        self._texts = {"old": side(self._change, "-"), "new": side(self._change, "+")}

    def found(self, only: str = "", sieve: Prefilter | None = None) -> Found:
        """What all rules find, or one, in what a prefilter keeps, or in all of it."""
        made = engine(self.case.kernel, only)
        made.read = lambda tree, _: self._texts[tree]
        patch = Patch(1, 1, self.case.name, "", self.case.diff, commit="c" * 40, before="old", after="new")
        rows = None if sieve is None else self._kept(sieve)
        return [(one.rule, one.line, one.fingerprint) for one in made.patch(patch, rows).findings]

    def _kept(self, sieve: Prefilter) -> Mapping[str, Selected]:
        path = self._change.path
        return {path: sieve.kept(path, self.case.diff.encode(), self._texts["new"])}
