"""Finds the functions of a text that only take or only give back a lock for their caller.

Such a helper is one more scope call of this text: what follows its call is below the lock. Only short functions are
looked at, and only those that surely return with the lock held; one that may give back a lock is believed to do so.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cache, lru_cache, partial
from typing import TypeVar

from reviewbot.dataflow.analysis import FunctionAnalysis
from reviewbot.dataflow.conditions import decided
from reviewbot.dataflow.scope_table import ScopeTable, argument
from reviewbot.dataflow.state import State
from reviewbot.frontend import parse
from reviewbot.frontend.fragments import Fragment
from reviewbot.frontend.instructions import Expr, Function, Instruction
from reviewbot.model.kernel import ScopeCall, ScopeKind
from reviewbot.support.patterns import pattern

_WORD = pattern(r"\w+")
_NONE = ("NULL", "0", "false")
LONGEST = 800  # characters of such a function, and of what stands above it
LONGEST_GIVING = 2400  # of one that gives back a lock: where that is missed, all that follows seems to be below it
_MOST = 40  # functions of one text that are read for this
_ROUNDS = 3  # helpers that call helpers
_DEEPEST = 5  # calls below a function that are looked at for one that gives back a lock
HINTS = ("lock", "rcu", "preempt", "irq", "bh", "cpu", "begin", "end")  # what the names of most scope calls contain

ScopeRow = tuple[ScopeKind, ScopeCall]
Helpers = Sequence[tuple[str, Sequence[ScopeRow], Sequence[ScopeRow]]]  # by name, the scopes left open and those closed


def file_scopes(parts: Sequence[Fragment], marks: Mapping[int, str], lookup: ScopeTable) -> ScopeTable:
    """The scope calls of a text: those of the kernel, and its own helpers, also those that only call one of these."""
    known = lookup
    for each in range(_ROUNDS):
        # a table of one text is of no use to others, and is not kept for them
        found = _with_helpers(parts, marks, known, _helpers if each == 0 else _helpers.__wrapped__)
        if found is known:
            break
        known = found
    return known.keeping(cache(partial(_keeps, parts, known)))


def _keeps(parts: Sequence[Fragment], lookup: ScopeTable, name: str) -> bool:
    """Whether a function of a text sounds as if it gave back a lock, and by its words gives back none."""
    if not any(one.function == name for one in parts if one.starts and name in one.text):
        return False
    texts = {one.function: one.text for one in parts if one.starts}
    return not _may_give_back(name, texts, lookup)


def _sounds(name: str, lookup: ScopeTable) -> bool:
    known = name in lookup.leave or name in lookup.enter or name in lookup.kernel.words["neutral"]
    return not known and any(word in name for word in lookup.may_unlock)


def _may_give_back(name: str, texts: Mapping[str, str], lookup: ScopeTable) -> bool:
    """Whether a function, or one of the text that it calls, some calls deep, may give back a lock."""
    seen, level = {name}, {name}
    for _ in range(_DEEPEST):
        words = {word for one in level for word in _WORD.findall(texts[one])} - seen
        if not lookup.unlocks.isdisjoint(words) or any(_sounds(word, lookup) for word in words - texts.keys()):
            return True
        level = words & texts.keys()
        seen |= level
    return bool(level)


def _with_helpers(
    parts: Iterable[Fragment], marks: Mapping[int, str], lookup: ScopeTable, read: Callable[..., Helpers]
) -> ScopeTable:
    enter: dict[str, list[ScopeRow]] = {}
    leave: dict[str, list[ScopeRow]] = {}
    names: Counter[str] = Counter()
    places = sorted(marks)
    for fragment in [one for one in parts if _may_be_helper(one, lookup)][:_MOST]:
        start = fragment.offset
        first, last = bisect_left(places, start), bisect_left(places, start + len(fragment.text))
        own = tuple((at - start, marks[at]) for at in places[first:last])
        for name, takes, gives in read(fragment.prefix, fragment.text, fragment.suffix, own, lookup):
            names[name] += 1
            enter.setdefault(name, []).extend(takes)
            leave.setdefault(name, []).extend(gives)
    once = {name for name, count in names.items() if count == 1}
    takes_, gives_ = _only(enter, once), _only(leave, once)
    both = takes_.keys() & gives_.keys()  # that leave all as it was
    return lookup.extended(_only(takes_, once - both), _only(gives_, once - both))


@lru_cache(maxsize=512)  # the next version of a file has most functions as they were
def _helpers(prefix: str, text: str, suffix: str, marks: tuple[tuple[int, str], ...], lookup: ScopeTable) -> Helpers:
    """The functions of a fragment, each with the scopes that it leaves open and those that it closes."""
    found = []
    fragment = Fragment(prefix, text, suffix, 0, 0, "", True, True)
    for function in parse.functions(fragment, lookup.kernel.words, dict(marks)):
        flow = FunctionAnalysis(function, lookup) if _is_readable(function, lookup) else None
        known = flow is not None and not flow.lost
        takes = [*_kept(flow, lookup), *_conditional(flow, lookup)] if flow is not None and known else []
        gives = [*_given_back(flow, lookup)] if flow is not None and known else []
        found.append((function.name, takes, gives))
    return found


def _is_readable(function: Function, lookup: ScopeTable) -> bool:
    """Whether a function is new to the table, and calls nothing else that may give back a lock.

    What a caller hands it to be called may.
    """
    if not function.whole or function.broken or function.macro or function.name in {*lookup.enter, *lookup.leave}:
        return False
    given = {name for _, name in function.params}
    others = [step.name for step in function.steps if step.kind == "call" and step.name not in lookup.leave]
    return given.isdisjoint(others) and not any(word in name for name in others for word in lookup.may_unlock)


def _only(found: Mapping[str, list[ScopeRow]], names: set[str]) -> dict[str, list[ScopeRow]]:
    return {name: rows for name, rows in found.items() if rows and name in names}


def _may_be_helper(fragment: Fragment, lookup: ScopeTable) -> bool:
    """Whether a function takes locks and gives none back, or the other way round, by its words."""
    text = fragment.text
    if not fragment.starts or len(text) > LONGEST_GIVING or not _one_way(text, lookup.locks, lookup.unlocks):
        return False
    return len(text) <= LONGEST or not lookup.unlocks.isdisjoint(_WORD.findall(text))


@lru_cache(maxsize=2048)  # the next version of a file has most functions as they were
def _one_way(text: str, locks: frozenset[str], unlocks: frozenset[str]) -> bool:
    if not any(hint in text for hint in HINTS):
        return False
    words = _WORD.findall(text)
    return locks.isdisjoint(words) != unlocks.isdisjoint(words) or leaves_some(words, locks, unlocks, "return")


Word = TypeVar("Word", str, bytes)


def leaves_some(words: Sequence[Word], locks: frozenset[Word], unlocks: frozenset[Word], ends: Word) -> bool:
    """Whether a short function may keep a lock on some ways: below it more of them end than give it back.

    `words`: all of it, in order; `ends`: the word that ends a way.
    """
    first = next((at for at, word in enumerate(words) if word in locks or word in unlocks), None)
    if first is None or words[first] in unlocks:
        return False
    return words[first:].count(ends) > sum(word in unlocks for word in words[first:]) > 0


def _kept(flow: FunctionAnalysis, lookup: ScopeTable) -> Iterator[ScopeRow]:
    """The scopes that are open wherever the function returns."""
    ends = [
        state for step, states in zip(flow.function.steps, flow.at, strict=True) for state in states if _ends(step.kind)
    ]
    kept = [{(one.scope, one.key) for one in state.open if not one.guard} for state in ends]
    for scope, key in sorted(set.intersection(*kept)) if kept else ():
        kind = lookup.kernel.scopes.get(scope)
        if kind is not None and kind.atomic:
            yield kind, ScopeCall(flow.function.name, key=_position(flow.function, key))


def _conditional(flow: FunctionAnalysis, lookup: ScopeTable) -> Iterator[ScopeRow]:
    """The scopes that are open where the function returns something, and not where it returns nothing, or an error."""
    good: list[set[tuple[str, str]]] = []
    bad: list[set[tuple[str, str]]] = []
    told = False
    for step, value, state in _returned(flow):
        kept = {(one.scope, one.key) for one in state.open if not one.guard}
        rows = lookup.enter.get(value.text, ()) if value.op == "call" else ()
        call = step._replace(args=value.args)
        tried = {(kind.name, argument(call, one.key)) for kind, one in rows if one.when}
        is_none = not tried and _is_none(value, state, lookup)
        (bad if is_none else good).append(kept | tried)
        told = told or is_none or bool(tried)
    if not good or not told:
        return
    for scope, key in sorted(set.intersection(*good).difference(*bad)):
        kind = lookup.kernel.scopes.get(scope)
        if kind is not None and kind.atomic:
            yield kind, ScopeCall(flow.function.name, key=_position(flow.function, key), when="true")


def _returned(flow: FunctionAnalysis) -> Iterator[tuple[Instruction, Expr, State]]:
    """What a function returns, with the states there."""
    for step, states in zip(flow.function.steps, flow.at, strict=True):
        if step.kind == "return" and step.value is not None:
            yield from ((step, step.value, state) for state in states)


def _is_none(value: Expr, state: State, lookup: ScopeTable) -> bool:
    """Whether a value is false where a state is, or an error."""
    words = lookup.kernel.words
    if value.text in _NONE or (value.op == "call" and value.text in words["error_results"]):
        return True
    tests = (f"{name}({value.text})" for name in words["error_tests"])
    return decided(value, state.facts, words["transparent"]) is False or any(
        (one, True) in state.facts for one in tests
    )


def _ends(kind: str) -> bool:
    return kind in ("return", "end")


def _given_back(flow: FunctionAnalysis, lookup: ScopeTable) -> Iterator[ScopeRow]:
    """The scopes that the function may close and has not opened."""
    for step, states in zip(flow.function.steps, flow.at, strict=True):
        closed = lookup.closed(step) if step.kind == "call" and not step.op and states else ()
        kinds = {kind.name for kind, _ in closed}  # one call may end locks of several kinds
        if any(one.scope in kinds for state in states for one in state.open):
            continue
        for kind, call in closed:
            if kind.atomic:
                name = argument(step, call.key) if call.key >= 0 else ""
                yield kind, ScopeCall(flow.function.name, key=_position(flow.function, name))


def _position(function: Function, lock: str) -> int:
    """The position of the parameter that a lock is, or is a part of; -1 if it is none."""
    places = [at for at, (_, name) in enumerate(function.params) if name and _is_part(lock, name)]
    return places[0] if places else -1


def _is_part(lock: str, name: str) -> bool:
    return lock == name or lock.startswith((f"{name}->", f"{name}."))
