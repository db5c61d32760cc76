"""Settles the conditions of a callee at a call: by the arguments, and by what the caller knows there.

A condition is a text in terms of the callee's parameters. A constant argument decides it, or does not; a variable or a
member takes the parameter's place, and what the caller knows of that decides it. What stays open goes up to the
caller's own callers, if it is about the caller's parameters alone.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import NamedTuple

from reviewbot.frontend.instructions import Instruction
from reviewbot.interproc.context_tests import is_constant, is_constant_name, truth_under
from reviewbot.interproc.summary import CallSite, Condition, SiteState, Way
from reviewbot.program.unit import FunctionUnit
from reviewbot.support.patterns import pattern

_NAME = pattern(r"(?<![\w.])(?<!->)[A-Za-z_]\w*")  # of a variable, not of a member
_PATH = pattern(r"&?[A-Za-z_]\w*(?:(?:->|\.)\w+|\[\w+\])*\Z")
_QUESTION = pattern(r"(\w++)\([^(),]{1,100}+\)\Z")  # a call that answers one, if it has such a name:
_ASKS = pattern(r"(?:^|_)(?:is|has)_")
_WORD = pattern(r"\w+")
_MEMBER = pattern(r"\w+\Z")
_ASKED = "()"  # behind the name of its function
_MOST_WAYS = 8  # to one call
_LONGEST = 200  # characters of a condition

Blank = Mapping[str, frozenset[str]]  # the members that were set, by the name of a structure


def bound(
    ways: Iterable[Way], site: CallSite, state: SiteState, params: Sequence[str], own: Collection[str]
) -> set[Way]:
    """The ways to a call below a callee, as its caller knows them, without those that cannot be taken.

    `state`: what the caller knows on the ways to the call; `params`: the callee's parameters; `own`: the caller's.
    """
    given = {name: arg for name, arg in zip(params, site.args, strict=False) if name}
    known = _Caller(state.facts, own, site.blank)
    return {state.way | found for way in ways if (found := _way(way, given, known)) is not None}


def few(ways: Collection[Way]) -> tuple[Way, ...]:
    """Not too many of some ways, in an order that does not change from run to run."""
    return tuple(sorted(ways, key=lambda way: (len(way), sorted(way)))[:_MOST_WAYS])


def undecided(ways: Iterable[Way]) -> bool:
    """Whether something that may tell one caller from another is not settled on the ways to a call.

    A condition that holds on some of them and not on others tells nothing.
    """
    telling = {(one.text, one.true) for way in ways for one in way if one.telling}
    return any((text, not true) not in telling for text, true in telling)


class _Caller(NamedTuple):
    """What a caller knows at a call: facts, its own parameters, and structures that it has made."""

    facts: Collection[tuple[str, bool]]
    own: Collection[str]
    blank: Mapping[str, frozenset[str]]

    def is_zero(self, path: str) -> bool:
        """Whether a member of a structure is one that nobody has set."""
        name, dot, member = path.partition(".")
        return bool(dot) and name in self.blank and bool(_MEMBER.match(member)) and member not in self.blank[name]


def _way(way: Way, given: Mapping[str, str], caller: _Caller) -> Way | None:
    found = set()
    for one in way:
        settled = _settled(one, given, caller)
        if settled is False:
            return None
        if settled is not True:
            found.add(settled)
    return frozenset(found)


def _settled(one: Condition, given: Mapping[str, str], caller: _Caller) -> Condition | bool:
    """A condition as the caller has it; True or False where it is known to hold, or not to."""
    if one.fixed:
        return one
    if one.text.endswith(_ASKED):
        said = {true for text, true in caller.facts if text.startswith(one.text[: -len(_ASKED)] + "(")}
        return one.true in said if said else one
    named = [name for name in names(one.text) if name in given]
    constants = {name: given[name] for name in named if is_constant(given[name])}
    known = truth_under(one.text, constants) if constants else None
    if known is None and given.get(one.text, "").startswith("&"):
        known = True  # an address is not NULL
    if known is not None:
        return known == one.true
    if not all(_PATH.match(given[name]) for name in named) or len(named) < len(names(one.text)):
        return _open(one)
    text = substituted(one.text, {name: given[name] for name in named})
    if (text, one.true) in caller.facts:
        return True
    if (text, not one.true) in caller.facts:
        return False
    if caller.is_zero(text):
        return not one.true
    if len(text) > _LONGEST or not all(name in caller.own for name in names(text)):
        return _open(one)
    return one._replace(text=text)


def _open(one: Condition) -> Condition | bool:
    """A condition that nobody further up can settle: it matters only if it may tell one caller from another."""
    return one._replace(fixed=True) if one.telling else True


@lru_cache(maxsize=4096)
def names(text: str) -> tuple[str, ...]:
    """The names of variables and constants in a condition, without those of members."""
    return tuple(dict.fromkeys(name for name in _NAME.findall(text) if not is_constant_name(name)))


def substituted(text: str, given: Mapping[str, str]) -> str:
    """A text with what is given in the place of names."""
    return re.sub(
        r"(?<![\w.])(?<!->)([A-Za-z_]\w*)(->)?",
        lambda found: _put(given[found[1]], found[2] or "") if found[1] in given else found[0],
        text,
    )


def _put(path: str, arrow: str) -> str:
    return f"{path[1:]}." if arrow and path.startswith("&") else f"{path}{arrow}"


def conditions_of(
    facts: Iterable[tuple[str, bool]], params: Collection[str], asks: Mapping[str, bool]
) -> Iterator[Condition]:
    """The facts that may be settled further up, and those that may tell one caller from another.

    `params`: the parameters that are never written to; `asks`: by the text of a fact, whether it tells callers apart.
    What a function answers about something, such as is_admin(dev), is taken for the same in all functions of a chain:
    there the same thing has many names.
    """
    for text, true in facts:
        named = names(text)
        rooted = len(text) <= _LONGEST and "(" not in text and bool(named) and all(name in params for name in named)
        if rooted or asks[text]:
            yield Condition(text, true, asks[text], not rooted)
        elif (asked := _QUESTION.match(text)) is not None and _ASKS.search(asked[1]):
            yield Condition(f"{asked[1]}{_ASKED}", true, False)


# --- structures that a caller has made ---


def blank_structs(unit: FunctionUnit, at: int) -> Blank:
    """The structures that nobody but the function itself has had before an instruction.

    What an initializer does not name is zero: C11, 6.7.9, 21.
    """
    found: dict[str, frozenset[str]] = {}
    for step in unit.steps[:at]:
        if step.kind == "assign" and step.value is not None and step.value.text.startswith("{"):
            named = [part.text for part in step.value.args if part.text.startswith(".")]
            zero = step.value.text in ("{}", "{0}")
            if step.target and (zero or len(named) == len(step.value.args)):
                found[step.target] = frozenset(text for one in named for text in _WORD.findall(one)[:1])
    return {name: members | _set_later(unit, name) for name, members in found.items() if _is_own(unit, name, at)}


def _set_later(unit: FunctionUnit, name: str) -> frozenset[str]:
    start = f"{name}."
    targets = (step.target for step in unit.steps if step.kind == "assign" and step.target)
    return frozenset(one.removeprefix(start).partition(".")[0] for one in targets if one.startswith(start))


def _is_own(unit: FunctionUnit, name: str, at: int) -> bool:
    """Whether a structure is made once, and was handed to nobody before an instruction."""
    made = [step for step in unit.steps if step.kind == "assign" and step.target == name]
    return len(made) == 1 and not any(_hands(step, name) for step in unit.steps[:at])


def _hands(step: Instruction, name: str) -> bool:
    """Whether an instruction gives somebody the address of a structure."""
    values = (*step.args, *((step.value,) if step.value is not None else ()))
    return any(part.op == "&x" and part.text.startswith(f"&{name}") for value in values for part in value.walk())
