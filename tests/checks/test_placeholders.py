"""The words that a rule's texts want filled in: each check says which it has, and no rule may want another."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping

import pytest
from msgspec.structs import replace

from engines import engine
from fixtures import CASES
from reviewbot.checks.declaration import check_of, declaration_of
from reviewbot.model.errors import ConfigError
from reviewbot.model.kernel import Rule
from reviewbot.model.patch import Patch
from reviewbot.program.context import Check, Context, Hit
from reviewbot.program.file_version import FileVersion
from reviewbot.review.engine import Engine

RULE = next(rule for rule, _ in engine("6.12").rules if rule.id == "scope-leak")


def noting(check: Check, filled: set[frozenset[str]]) -> Check:
    """The check, with the words that each of its hits fills in noted."""

    def run(side: FileVersion, rule: Rule, context: Context) -> Iterator[Hit]:
        for hit in check(side, rule, context):
            filled.add(frozenset(hit.values))
            yield hit

    return run


def filled_in() -> Mapping[str, set[frozenset[str]]]:
    """By check, the sets of words that hits of all fixtures fill in."""
    filled: dict[str, set[frozenset[str]]] = defaultdict(set)
    for case in CASES:
        known = engine(case.kernel)
        own = Engine(known.kernel, [rule for rule, _ in known.rules])
        own.rules = [(rule, noting(check, filled[rule.check])) for rule, check in known.rules]
        own.patch(Patch(1, 1, case.name, "", case.diff))
    return filled


def test_checks_say_what_they_fill_in() -> None:
    rules = {rule.check: rule for version in ("6.12", "6.10", "5.10") for rule, _ in engine(version).rules}
    found = filled_in()
    assert rules.keys() == found.keys()
    told = {name: declaration_of(check_of(rule)) for name, rule in rules.items()}
    assert {name: one and {one.values} for name, one in told.items()} == found


@pytest.mark.parametrize("key", ["summary", "question", "ask"])
def test_a_word_that_no_hit_fills_in_is_named_at_the_start(key: str) -> None:
    wrong = replace(RULE, **{key: "${call}() is open at $place in $function()"})
    said = rf"/rules/scope-leak\.toml:\d: {key}: scopes\.balance:scope_leak fills in no \$place; allowed: call, fun"
    with pytest.raises(ConfigError, match=said):
        Engine(engine("6.12").kernel, [wrong])
