"""What checks declare beside them: it is all that they ask for, each is enough for its rule, and none is in vain."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from functools import cache, lru_cache
from pathlib import Path

import pytest

from asked_keys import asked_keys
from fixtures import CASES, cases
from reviewbot.checks import declaration
from reviewbot.checks.declaration import CALLBACKS, Declaration, Role, Trigger, check, check_of, declaration_of, no_role
from reviewbot.config import data_path
from reviewbot.kernel.rows import row_words, strings
from reviewbot.program.context import Check
from sifting import Commit, engine, loaded, prefilter

OWN = cases(Path(__file__).with_name("triggers.md"))
EVERY = ("6.12", "5.10", "6.19")  # kernels at which each rule holds at one
RULES = {rule.id: rule for version in EVERY for rule in loaded(version)[1]}
CHECKS = {name: check_of(rule) for name, rule in RULES.items()}


def declared(name: str) -> Declaration:
    found = declaration_of(CHECKS[name])
    assert found is not None, f"{name}: its check declares nothing, so that no history is sifted"
    return found


@cache
def commits() -> Mapping[str, list[Commit]]:
    """By rule, the fixtures in which it finds something."""
    out = defaultdict(list)
    for commit in map(Commit, (*CASES, *OWN)):
        for name in {rule for rule, _, _ in commit.found()}:
            out[name].append(commit)
    return out


@pytest.fixture
def instead(monkeypatch):
    """Have a check declare something else."""

    def declare(function: Check, other: Declaration) -> None:
        monkeypatch.setitem(declaration._declared, function, other)

    return declare


def lost(name: str) -> Iterator[str]:
    """The fixtures in which a rule finds less by itself in a sifted history than in all of it."""
    made = lru_cache(prefilter)
    for commit in commits()[name]:
        if commit.found(name, made(commit.case.kernel, name)) != commit.found(name):
            yield f"{commit.case.fixture}: {commit.case.name}"


def test_every_rule_is_there():
    assert RULES.keys() == {path.stem for path in data_path("rules").glob("[!_]*.toml")} == commits().keys()


# --- triggers ---


def test_every_trigger_is_declared_by_a_check():
    assert {trigger for name in RULES for trigger in declared(name).triggers} == set(Trigger)


@pytest.mark.parametrize("name", sorted(RULES))
def test_what_a_check_declares_is_enough_for_its_rule(name):
    assert declared(name) is not None
    assert list(lost(name)) == []


@pytest.mark.parametrize(
    ("name", "trigger"),
    [(name, trigger) for name in sorted(RULES) for trigger in Trigger if trigger in declared(name).triggers],
)
def test_a_trigger_is_needed(instead, name, trigger):
    known = declared(name)
    instead(CHECKS[name], Declaration(known.triggers - {trigger}, known.keys))
    assert next(lost(name), None) is not None


@pytest.mark.parametrize("case", OWN, ids=lambda case: case.name)
def test_the_fixtures_of_triggers(case):
    commit = Commit(case)
    found = commit.found()
    assert {claim.rule for claim in case.claims} <= {rule for rule, _, _ in found}
    assert commit.found(sieve=prefilter(case.kernel)) == found


# --- row keys ---


@pytest.mark.parametrize("name", sorted(RULES))
def test_all_keys_that_a_check_asks_for_are_declared(name):
    assert asked_keys(CHECKS[name]) - declared(name).keys.keys() == set()


@pytest.mark.parametrize("name", sorted(RULES))
def test_a_declared_key_is_asked_for_or_given(name):
    given = {key for rule in RULES.values() if CHECKS[rule.id] is CHECKS[name] for row in rule.rows for key in row}
    shared = CALLBACKS.keys() if "members" in asked_keys(CHECKS[name]) else set()
    assert declared(name).keys.keys() - asked_keys(CHECKS[name]) - given - shared == set()


def helped(row):
    return "fourth" in row or row.get("fifth") or row["sixth"]


@check(triggers=(), keys=no_role("first", "second"))
def forgetful(side, rule, context):
    yield from row_words(rule, "first")
    yield from strings(rule.rows[0], "second")
    yield from (word for key in ("third", "first") for row in rule.rows for word in strings(row, key) if helped(row))


def test_a_key_that_is_left_out_is_found():
    known = declaration_of(forgetful)
    assert known is not None
    missing = asked_keys(forgetful) - known.keys.keys()
    assert missing - {"fourth", "fifth", "sixth"} == {"third"}  # what a module of tests calls is not followed
    assert asked_keys(helped) == {"fourth", "fifth", "sixth"}


@pytest.mark.parametrize("name", sorted(RULES))
def test_a_rule_with_a_key_that_is_not_declared_is_not_sifted(instead, name):
    known = declared(name)
    for key in {key for row in RULES[name].rows for key in row}:
        rest = {one: role for one, role in known.keys.items() if one != key}
        instead(CHECKS[name], Declaration(known.triggers, rest))
        kept = [prefilter(version, name).kept("a.c", b"", b"int a;\n") for version in EVERY if has(version, name, key)]
        assert kept
        assert all(one == (((0, 1),), None) for one in kept)


def has(version: str, name: str, key: str) -> bool:
    return any(key in row for rule, _ in engine(version, name).rules for row in rule.rows)


# --- roles ---


def without(role: Role, known: Declaration) -> Declaration:
    """A declaration in which the keys of a role have none."""
    return Declaration(known.triggers, {key: Role.NONE if one is role else one for key, one in known.keys.items()})


# of conditions none is sifted away; they choose the other files that are read
@pytest.mark.parametrize(
    "role", sorted(set(Role) - {Role.NONE, Role.PATHS, Role.CONDITIONS}, key=str), ids=lambda role: role.name
)
def test_a_role_is_needed(instead, role):
    users = [name for name in sorted(RULES) if role in declared(name).keys.values()]
    for name in users:
        instead(CHECKS[name], without(role, declared(name)))
    assert any(next(lost(name), None) is not None for name in users)


def test_paths_keep_less(instead):
    """It is the only role that says where nothing is minded."""
    name = "nofs-outside-fs"
    text = "static int toy(void)\n{\n\treturn toy_use(kmalloc(8, GFP_NOFS));\n}\n"
    section = "@@ -0,0 +1,4 @@\n" + "".join(f"+{row}\n" for row in text.splitlines())
    known = prefilter("6.12", name)
    instead(CHECKS[name], without(Role.PATHS, declared(name)))
    asked = [(sieve, path) for sieve in (known, prefilter("6.12", name)) for path in ("fs/a.c", "drivers/a.c")]
    kept = [bool(sieve.kept(path, f"\n{section}".encode(), text.encode()).rows) for sieve, path in asked]
    assert kept == [False, True, True, True]
