"""Finds allocations that may re-enter reclaim from code that reclaim itself calls."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from functools import cached_property

from msgspec import Struct
from msgspec.structs import replace

from reviewbot.checks.context.atomic_calls import of_file
from reviewbot.checks.context.held_above import FAR
from reviewbot.checks.declaration import CALLBACKS, Role, Trigger, check, no_role
from reviewbot.checks.locks.reclaim_locks import LOCK_KEYS, RequestTools, lock_hits
from reviewbot.checks.masks.narrower import narrower
from reviewbot.checks.reclaim.requests import ReclaimRequest, reclaim_request
from reviewbot.dataflow.solver import Abstained, solve
from reviewbot.dataflow.state import State
from reviewbot.frontend.instructions import Instruction
from reviewbot.interproc.between import Between
from reviewbot.interproc.entry import asks, shown_as
from reviewbot.interproc.registered.callbacks import callbacks
from reviewbot.interproc.specialize import constants, excludes, with_constants
from reviewbot.interproc.summary import DEEPEST
from reviewbot.kernel.rows import Row, row_words, strings
from reviewbot.model.kernel import Rule
from reviewbot.model.review import CONFIDENCES
from reviewbot.program.call_graph import FunctionKey
from reviewbot.program.context import Context, Hit
from reviewbot.program.file_version import FileVersion, expressions
from reviewbot.program.query import reached
from reviewbot.program.unit import FunctionUnit

# Keys of rows that stay sure through files. What a callback leads to there was often done before, or is for others.
_SURE_FAR = frozenset({"functions", "enters", "params"})
_WORD = re.compile(r"\w+")


class _Entry(Struct, frozen=True):
    """Why reclaim must not be entered: a row of the rule, a clause that says how the text shows it, and where.

    `shown`: paths, rows and a note about each, from there down to the call that leads here; `called`: how a sentence
    begins about that call, "" if none does; `by`: that call.
    """

    row: Row
    said: str
    shown: tuple[tuple[str, int, str], ...]
    called: str = ""
    by: Instruction | None = None

    @property
    def where(self) -> str:
        return f"{self.called} {self.said}" if self.called else self.said

    @property
    def bit(self) -> str:
        return str(self.row["bit"])

    @property
    def sure(self) -> str:
        """The confidence that its row allows."""
        return str(self.row.get("confidence", "high"))

    def says_less(self, other: _Entry | None) -> bool:
        """Whether its call excludes less by constants than that of another entry of the function, None for none."""
        return other is None or constants(self.by) < constants(other.by)


class _Inside(Struct, frozen=True):
    """An entry that a function has, and at which of its steps. `taken`: it is a handle, there whoever calls."""

    entry: _Entry
    steps: Sequence[bool]
    taken: bool = False


@check(
    triggers=(Trigger.NARROWED, Trigger.RECLAIM_WAITS, Trigger.SLEEP_CONTEXT),
    keys={
        **CALLBACKS,
        **LOCK_KEYS,
        "enters": Role.HANDLE_CALLS,
        "leaves": Role.HANDLE_ENDS,
        "params": Role.HANDLE_TYPES,
        "asked": Role.CONDITIONS,
        "unless_asked": Role.CONDITIONS,
        **no_role(
            "bit",
            "confidence",
            "far",
            "harmless",
            "instead",
            "keeps",
            "one_file",
            "reclaim",
            "reserves",
            "why",
        ),
    },
    values=("bit", "call", "instead", "where", "why"),
)
def reclaim_recursion(side: FileVersion, rule: Rule, context: Context) -> Iterator[Hit]:
    """A request that surely has the bit with which reclaim may come back to where it was called from.

    Rows: one with `reclaim`, the bit without which a mask enters no reclaim, `reserves`, the flags of scopes that take
    reclaim away, `unless`, bits that say the author knows, `asked`, words of conditions that tell one caller from
    another, and `harmless` and `keeps`, see atomic.sleep_in_atomic(). The others say where `bit` is wrong, `why`,
    what to write `instead`, and `as` what a text names it: functions, see callbacks.callbacks(); or what is held
    between calls of `enters` and of a name with one of `leaves` in it, and in functions with a parameter of the types
    `params`. `unless_asked`: words of conditions that excuse it; `one_file`: no call leads out of the file; `far`: how
    many calls away it is as sure in another file. For locks that reclaim waits for see lock_hits().
    """
    known = context.calls.once(rule.id, lambda: _Reclaimed(rule, context))
    found = set[tuple[str, int]]()
    for path, unit in known.units(side):
        inside = known.inside(path, unit)
        for index, step in enumerate(unit.steps) if inside else ():
            asked = reclaim_request(unit, index, step, rule, known.contexts[path])
            entry = _wrong(unit, index, asked.bits, inside, rule, context) if asked is not None else None
            if asked is not None and entry is not None:
                hit = _hit(unit, step, asked, entry, path, known.sides)
                if hit.confidence == "low":
                    hit = _known_there(hit, unit, index, entry, rule, known.contexts[path])
                found.add((path, step.lines[0]))
                yield hit if path == side.path else replace(hit, side=known.sides[path])
    yield from lock_hits(side, rule, context, RequestTools(known.asking, _taken, _by_hand), found)


def _hit(
    unit: FunctionUnit,
    step: Instruction,
    asked: ReclaimRequest,
    entry: _Entry,
    path: str,
    sides: Mapping[str, FileVersion],
) -> Hit:
    values = {
        "call": asked.said,
        "where": entry.where,
        "bit": entry.bit,
        "why": str(entry.row["why"]),
        "instead": str(entry.row["instead"]),
    }
    several = any(where != path for where, _, _ in entry.shown)
    sure = FAR if not _SURE_FAR.isdisjoint(entry.row) else int(str(entry.row.get("far", -1)))
    far = several and (len(entry.shown) > sure + 1 or asked.wraps)
    return Hit(
        (*asked.rows, *step.lines),
        unit.function.name,
        f"{step.name} {asked.mask} {entry.bit}",
        values,
        tuple((row, note) for where, row, note in entry.shown if where == path),
        min(asked.sure, "low" if far else entry.sure, key=CONFIDENCES.index),
        cause=f"{entry.bit} {entry.row['as']}",
        elsewhere=tuple((sides[where], row, note) for where, row, note in entry.shown if where != path),
        said="requested here" if entry.called else "",
    )


def _known_there(hit: Hit, unit: FunctionUnit, index: int, entry: _Entry, rule: Rule, context: Context) -> Hit:
    """A hit that is not sure by itself, with a neighbour that does without the bit: its author knew."""
    row = narrower(unit, index, entry.bit, row_words(rule, "reclaim"), context)
    if row is None:
        return hit
    return replace(hit, confidence="medium", because=(*hit.because, (row, f"asks without {entry.bit}")))


def _wrong(
    unit: FunctionUnit, index: int, bits: frozenset[str], inside: Sequence[_Inside], rule: Rule, context: Context
) -> _Entry | None:
    """The surest of the entries for which one of these bits is wrong at a step."""
    found = [one.entry for one in inside if one.entry.bit in bits and _holds(unit, index, one, rule, context)]
    return max(found, key=lambda one: CONFIDENCES.index(one.sure), default=None)


def _holds(unit: FunctionUnit, index: int, inside: _Inside, rule: Rule, context: Context) -> bool:
    """Whether a step is inside, nothing around it takes the bit away, and nobody asked who calls."""
    entry, states = inside.entry, reached(unit, index)
    if not inside.steps[index] or not states:
        return False
    if any(_taken(state, entry.bit, rule, context) for state in states):
        return False
    known = frozenset.intersection(*(state.facts for state in states))
    if entry.by is not None and excludes(unit.function, entry.by, known):
        return False
    telling = (*row_words(rule, "asked"), *strings(entry.row, "unless_asked"))
    if inside.taken:  # whoever calls
        return not any(word in text for state in states for text, _ in state.facts for word in telling)
    return not asks(unit, index, telling)


def _taken(state: State, bit: str, rule: Rule, context: Context) -> bool:
    """Whether a scope takes the bit away, or all of reclaim, or may; below a spinlock something else is wrong."""
    kinds = [context.kernel.scopes.get(one.scope) for one in state.open]
    gone = row_words(rule, "reclaim") | {bit}
    return any(
        kind is None or kind.atomic or kind.clears & gone or kind.flag in row_words(rule, "reserves") for kind in kinds
    )


# -- where reclaim comes by --


class _Reclaimed:
    """The functions of all files that are read as one in which reclaim comes by, worked out once for all of them."""

    def __init__(self, rule: Rule, context: Context) -> None:
        self.rule, self.graph, self._context = rule, context.calls, context
        self.sides = context.calls.sides
        self.contexts = {path: of_file(context, side) for path, side in self.sides.items()}
        self._handles = (*row_words(rule, "enters"), *row_words(rule, "params"))

    def units(self, side: FileVersion) -> Iterator[tuple[str, FunctionUnit]]:
        """The functions that the change has to do with, with their paths; those of other files that it changes not."""
        here = {side.path, *(one.path for one in self.graph.earlier)}
        mine = [(side.path, unit) for unit in side.units]
        near = ((path, unit) for path, unit in self._between if path in here) if self._leads else ()
        yield from {id(unit): (path, unit) for path, unit in (*mine, *near)}.values()

    def inside(self, path: str, unit: FunctionUnit) -> Sequence[_Inside]:
        """What a function is entered with, is given or takes itself; [] if it is not to be seen from its start."""
        key = path, unit.function.name
        return _inside(path, unit, self._entered.get(key) if self._leads else None, self.rule, self._context)

    @cached_property
    def _run(self) -> Mapping[FunctionKey, _Entry]:
        """The functions that others run where reclaim comes by."""
        rows, out = [row for row in self.rule.rows if "as" in row], dict[FunctionKey, _Entry]()
        for path, side in self.sides.items():
            for one in callbacks(side, rows):
                said = f"{one.function}() is {one.listed['as']}{one.shown}"
                key = self.graph.meant(path, one.function) or (path, one.function)
                out.setdefault(key, _Entry(one.listed, said, ((path, one.row, one.note),)))
        return out

    @cached_property
    def _leads(self) -> bool:
        """Whether anything may lead to where reclaim comes by: else no caller need be read."""
        return bool(self._run) or any(word in side.text for side in self.sides.values() for word in self._handles)

    @cached_property
    def _between(self) -> Sequence[tuple[str, FunctionUnit]]:
        """The functions between where reclaim comes by, those of the change, and those that ask for memory."""
        found = Between(self.graph, self._holding, self.asking)
        keyed = ((found.key(unit), unit) for unit in found.units)
        return [(key[0], unit) for key, unit in keyed if key is not None]

    def _holding(self, functions: Collection[FunctionKey]) -> Mapping[FunctionKey, Collection[FunctionKey]]:
        texts = ((one, self.graph.text(one)) for one in functions)
        told = (one for one, text in texts if one in self._run or any(word in text for word in self._handles))
        return {one: (one,) for one in told}

    def asking(self, functions: Collection[FunctionKey]) -> Collection[FunctionKey]:
        """Those of some functions that may ask for memory, by their words."""
        kernel = self.graph.kernel
        names, stems = kernel.allocators.keys(), kernel.words["flag_prefixes"]
        return [
            one
            for one in functions
            if self.graph.parsed(one)
            or any(stem in self.graph.text(one) for stem in stems)
            or not names.isdisjoint(_WORD.findall(self.graph.text(one)))
        ]

    @cached_property
    def _entered(self) -> Mapping[FunctionKey, _Entry]:
        """The functions that are entered where reclaim comes by: run so by others, or called from there."""
        every = [(path, unit) for path, side in self.sides.items() for unit in side.units]
        units = {id(unit): (path, unit) for path, unit in (*every, *self._between)}.values()
        level, out = [(path, unit) for path, unit in units if unit.steps], dict(self._run)
        for _ in range(DEEPEST):
            fresh: dict[FunctionKey, _Entry] = {}
            for path, unit in level:
                for callee, entry in self._handed_down(path, unit, out):
                    if callee not in out and entry.says_less(fresh.get(callee)):
                        fresh[callee] = entry
            level = [(path, unit) for path, unit in units if (path, unit.function.name) in fresh]
            out |= fresh
        return out

    def _handed_down(
        self, path: str, unit: FunctionUnit, known: Mapping[FunctionKey, _Entry]
    ) -> Iterator[tuple[FunctionKey, _Entry]]:
        """The functions that one calls where reclaim comes by, each with what it is entered with then."""
        inside = _inside(path, unit, known.get((path, unit.function.name)), self.rule, self._context)
        for at, step in enumerate(unit.steps) if inside else ():
            callee = self.graph.meant(path, step.name) if step.kind == "call" and not step.op else None
            held = [one.entry for one in inside if _holds(unit, at, one, self.rule, self._context)] if callee else []
            if callee is not None and callee[0] != path:
                held = [one for one in held if "one_file" not in one.row]
            if callee is not None and held:
                yield callee, _called(held[0], path, unit, step)


def _called(entry: _Entry, path: str, unit: FunctionUnit, step: Instruction) -> _Entry:
    """What a function is entered with that one calls which is entered with something."""
    said = f"{unit.function.name}() calls {step.name}(), and{' further up' if entry.called else ''}"
    shown = (*entry.shown, (path, step.lines[0], "called from here"))
    return replace(entry, called=said, shown=shown, by=with_constants(step, unit, entry.by))


def _inside(path: str, unit: FunctionUnit, entry: _Entry | None, rule: Rule, context: Context) -> list[_Inside]:
    """What a function is entered with, is given or takes itself; [] if it is not to be seen from its start."""
    if unit.function.macro or not unit.function.starts:
        return []
    handles = [row for row in rule.rows if ("params" in row or "enters" in row) and _has_handle(unit, row)]
    if (not handles and entry is None) or unit.flow.lost:  # of most functions the paths need not be followed
        return []
    found = [one for row in handles if (one := _handle(path, unit, row)) is not None]
    if entry is not None:
        found.append(_Inside(entry, [True] * len(unit.steps)))
    return [] if found and _by_hand(unit, context) else found


def _by_hand(unit: FunctionUnit, context: Context) -> bool:
    """Whether the function reads or writes the flags that scopes set."""
    prefixes = context.kernel.words["scope_flag_prefixes"]
    read = (expr.text for step in unit.steps if step.kind != "call" for expr in expressions(step))
    return any(prefix in text for text in read for prefix in prefixes)


def _has_handle(unit: FunctionUnit, row: Row) -> bool:
    """Whether a function is given a handle, or may take one."""
    given = any(kind in strings(row, "params") for kind, _ in unit.function.params)
    return given or not unit.words.isdisjoint(strings(row, "enters"))


def _handle(path: str, unit: FunctionUnit, row: Row) -> _Inside | None:
    """A handle that a function is given, or takes."""
    kinds, enters = strings(row, "params"), strings(row, "enters")
    given = [name for kind, name in unit.function.params if name and kind in kinds]
    taken = [step for step in unit.steps if step.kind == "call" and not step.op and step.name in enters]
    if not given and not taken:
        return None
    held = _held(unit, row, bool(given))
    if given:
        there = [not any((given[0], False) in state.facts for state in states) for states in unit.flow.at]
        held = [one and two for one, two in zip(held, there, strict=True)]
        said, at, note = f"{row['as']} ({given[0]})", unit.function.head[0], "function argument"
    else:
        said, at, note = f"{row['as']} (after {shown_as(taken[0])})", taken[0].lines[0], "restriction begins here"
    return _Inside(_Entry(row, said, ((path, at, note),)), held, True)


def _held(unit: FunctionUnit, row: Row, first: bool) -> Sequence[bool]:
    """At which steps a handle is held on every way to them. `first`: whether it is on entry."""
    values = solve(unit.cfg, _Handle(unit, row, first))
    return [False] * len(unit.steps) if isinstance(values, Abstained) else values


class _Handle:
    """Whether a handle is held on every way to an instruction."""

    backward = False

    def __init__(self, unit: FunctionUnit, row: Row, first: bool) -> None:
        self._steps, self._entry = unit.steps, first
        self._enters, self._leaves = strings(row, "enters"), strings(row, "leaves")

    def first(self, _at: int) -> bool:
        return True

    def join(self, at: int, now: bool, ways: Mapping[int, bool]) -> bool:
        return now and (self._entry if at == 0 else bool(ways) and all(ways.values()))

    def transfer(self, at: int, value: bool) -> bool:
        name = self._steps[at].name if self._steps[at].kind == "call" else ""
        return name in self._enters or (value and not any(one in name for one in self._leaves))
