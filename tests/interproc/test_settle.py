"""Conditions of a callee at a call: what an argument decides, what the caller knows, and what stays open."""

from __future__ import annotations

import pytest

from reviewbot.interproc.settle import bound, conditions_of, few, names, substituted, undecided
from reviewbot.interproc.summary import CallSite, Condition, SiteState, Way

HERE, THERE = ("fs/toy/toy.c", "toy_call"), ("fs/toy/toy.c", "toy_fill")


def settled(
    text: str, true: bool, arg: str, known: tuple[tuple[str, bool], ...] = (), telling: bool = False
) -> set[Way]:
    """The ways to a call below toy_fill(p), reached on one condition, as a caller has them that passes `arg`."""
    site = CallSite(HERE, THERE, 0, 0, (arg,), (), ())
    state = SiteState(frozenset(known), frozenset(), (), False)
    return bound([frozenset([Condition(text, true, telling)])], site, state, ("p",), ("own",))


OPEN = set[Way]()
FREE = {frozenset[Condition]()}


@pytest.mark.parametrize(
    ("text", "true", "arg", "ways"),
    [
        ("p", True, "true", FREE),
        ("p", True, "NULL", OPEN),
        ("p", False, "NULL", FREE),
        ("p", False, "&t->entry", OPEN),
        ("p", True, "&t->entry", FREE),
        ("p==TOY_FAST", True, "TOY_FAST", FREE),
        ("p==TOY_FAST", True, "TOY_SLOW", OPEN),
        ("p==TOY_FAST", False, "TOY_SLOW", FREE),
        ("p>4", True, "8", FREE),
        ("p>4", True, "2", OPEN),
        ("p&TOY_LARGE", True, "TOY_LARGE|TOY_COLD", FREE),
        ("p&TOY_LARGE", True, "TOY_COLD", OPEN),
        ("p&TOY_LARGE", False, "0", FREE),
    ],
)
def test_a_constant_decides(text: str, true: bool, arg: str, ways: set[Way]) -> None:
    assert settled(text, true, arg) == ways


@pytest.mark.parametrize(
    ("arg", "known", "ways"),
    [
        ("t", ("t->full", True), FREE),
        ("t", ("t->full", False), OPEN),
        ("&t->part", ("t->part.full", True), FREE),
        ("&t->part", ("t->part.full", False), OPEN),
        ("t->part", ("t->part->full", False), OPEN),
    ],
)
def test_what_the_caller_knows_decides(arg: str, known: tuple[str, bool], ways: set[Way]) -> None:
    assert settled("p->full", True, arg, (known,)) == ways


@pytest.mark.parametrize(
    ("text", "arg", "ways"),
    [
        ("p->full", "&blank", OPEN),  # no initializer names it: it is zero
        ("p->set", "&blank", FREE),
        ("p->part.full", "&blank", FREE),  # whatever may be in a part of it
        ("p->full", "&other", FREE),
        ("p->full", "blank", FREE),
    ],
)
def test_a_structure_that_the_caller_has_made(text: str, arg: str, ways: set[Way]) -> None:
    site = CallSite(HERE, THERE, 0, 0, (arg,), (), (), blank={"blank": frozenset({"set"})})
    state = SiteState(frozenset(), frozenset(), (), False)
    found = bound([frozenset([Condition(text, True, False)])], site, state, ("p",), ("own",))
    assert found == ways
    assert bool(bound([frozenset([Condition(text, False, False)])], site, state, ("p",), ("own",)))


def test_what_is_about_the_callers_own_parameters_goes_up_to_its_callers() -> None:
    assert settled("p->full", True, "own->part") == {frozenset([Condition("own->part->full", True, False)])}


@pytest.mark.parametrize("arg", ["local", "toy_get(t)", "a + b"])
def test_what_nobody_can_settle_matters_only_if_it_may_tell_contexts_apart(arg: str) -> None:
    assert settled("p->full", True, arg) == FREE
    (way,) = settled("p->atomic", False, arg, telling=True)
    assert [(one.telling, one.fixed) for one in way] == [(True, True)]
    assert undecided([way])


def test_a_condition_that_holds_on_some_ways_and_not_on_others_tells_nothing() -> None:
    both = [frozenset([Condition("atomic", true, True)]) for true in (True, False)]
    assert not undecided(both)
    assert undecided(both[:1])
    assert not undecided([frozenset([Condition("full", True, False)])])


def test_there_are_not_too_many_ways_and_their_order_does_not_change() -> None:
    ways = {frozenset([Condition(f"a{at}", True, False)]) for at in range(40)}
    assert few(ways) == few(sorted(ways, key=sorted, reverse=True))
    assert len(few(ways)) < len(ways)


def test_names_are_those_of_variables() -> None:
    assert names("p->full&&own.lock>TOY_MOST&&a[i]") == ("p", "own", "a", "i")
    assert substituted("p->p.p&&!p", {"p": "q->r"}) == "q->r->p.p&&!q->r"


def test_what_a_function_asks_is_in_terms_of_its_parameters_or_tells_contexts_apart() -> None:
    facts = [("t->full", True), ("count>2", True), ("in_atomic()", False), ("READ_ONCE(t->n)", True)]
    found = set(conditions_of(facts, ("t",), {text: text == "in_atomic()" for text, _ in facts}))
    assert found == {Condition("t->full", True, False), Condition("in_atomic()", False, True, True)}
