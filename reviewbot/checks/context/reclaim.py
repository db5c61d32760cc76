"""Finds allocations that may re-enter reclaim from code that reclaim itself calls."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence

from msgspec import Struct
from msgspec.structs import replace

from reviewbot.checks.context.sleeping_calls import hands_mask, is_mask_argument
from reviewbot.checks.declaration import CALLBACKS, Role, Trigger, check, no_role
from reviewbot.dataflow.solver import Abstained, solve
from reviewbot.dataflow.state import State
from reviewbot.frontend.instructions import Instruction
from reviewbot.interproc.callbacks import callbacks
from reviewbot.interproc.entry import asks, shown_as
from reviewbot.interproc.summary import DEEPEST
from reviewbot.kernel.rows import Row, row_words, strings
from reviewbot.model.kernel import Rule
from reviewbot.model.review import CONFIDENCES
from reviewbot.program.call_graph import FunctionKey, between
from reviewbot.program.context import Context, Hit
from reviewbot.program.file_version import FileVersion, expressions
from reviewbot.program.query import allocation, expression_text, flag_rows, masks_at, reached, request_at
from reviewbot.program.unit import FunctionUnit


class _Entry(Struct, frozen=True):
    """Why reclaim must not be entered: a row of the rule, a clause that says how the text shows it, and where.

    `called`: how a sentence begins about the call that leads there, "" if none does.
    """

    row: Row
    said: str
    at: int
    note: str
    called: str = ""

    @property
    def where(self) -> str:
        return f"{self.called} {self.said}" if self.called else self.said

    @property
    def bit(self) -> str:
        return str(self.row["bit"])


class _Inside(Struct, frozen=True):
    """An entry that a function has, and at which of its steps. `taken`: it is a handle, there whoever calls."""

    entry: _Entry
    steps: Sequence[bool]
    taken: bool = False


class _Request(Struct, frozen=True):
    """A request for memory: how a text names it, its mask, where that stands, and the bits it surely has."""

    said: str
    mask: str
    rows: tuple[int, ...]
    bits: frozenset[str]
    confidence: str = ""


@check(
    triggers=(Trigger.NARROWED, Trigger.SLEEP_CONTEXT),
    keys={
        **CALLBACKS,
        "enters": Role.HANDLE_CALLS,
        "params": Role.HANDLE_TYPES,
        **no_role(
            "asked",
            "bit",
            "confidence",
            "harmless",
            "instead",
            "keeps",
            "leaves",
            "reclaim",
            "reserves",
            "unless_asked",
            "why",
        ),
    },
)
def reclaim_recursion(side: FileVersion, rule: Rule, context: Context) -> Iterator[Hit]:
    """A request that surely has the bit with which reclaim may come back to where it was called from.

    Rows: one with `reclaim`, the bit without which a mask enters no reclaim, `reserves`, the flags of scopes that take
    reclaim away, `unless`, bits that say the author knows, `asked`, words of conditions that tell one caller from
    another, and `harmless` and `keeps`, see atomic.sleep_in_atomic(). The others say where `bit` is wrong, `why`,
    what to write `instead`, and `as` what a text names it: functions, see callbacks.callbacks(); or what is held
    between calls of `enters` and of a name with one of `leaves` in it, and in functions with a parameter of the types
    `params`. `unless_asked`: words of conditions that excuse it.
    """
    asking = [
        (unit, index, asked)
        for unit in side.units
        for index, step in enumerate(unit.steps)
        if (asked := _request(unit, index, step, rule, context)) is not None
    ]
    entered = _entries(side, rule, context) if asking else {}
    known: dict[int, list[_Inside]] = {}
    for unit, index, asked in asking:
        step = unit.steps[index]
        if id(unit) not in known:
            known[id(unit)] = _inside(unit, entered, rule, context)
        entry = _wrong(unit, index, asked.bits, known[id(unit)], rule, context)
        if entry is None:
            continue
        values = {
            "call": asked.said,
            "where": entry.where,
            "bit": entry.bit,
            "why": str(entry.row["why"]),
            "instead": str(entry.row["instead"]),
        }
        sure = min(asked.confidence or "high", _sure(entry), key=CONFIDENCES.index)
        rows, key = (*asked.rows, *step.lines), f"{step.name} {asked.mask} {entry.bit}"
        cause = f"{entry.bit} {entry.row['as']}"
        yield Hit(rows, unit.function.name, key, values, ((entry.at, entry.note),), sure, cause=cause)


# -- the request --


def _request(unit: FunctionUnit, index: int, step: Instruction, rule: Rule, context: Context) -> _Request | None:
    """What a call that may enter reclaim asks with; None for any other step."""
    if step.kind != "call" or step.op:
        return None
    found = allocation(step, context.kernel)
    other = step.name not in context.kernel.allocators and hands_mask(unit, index, context)
    handed = _handed(unit, index, rule, context) if other else None
    if (found is None and handed is None) or not reached(unit, index):
        return None
    request = request_at(unit, index, context)
    if request is not None:
        masks = masks_at(unit, index, request.mask, context)
        has = frozenset.intersection(*(one.must for one in masks)) if masks else frozenset()
        asked = _Request(request.said, request.mask.text, flag_rows(request.mask, context.kernel), has)
    elif handed is not None:
        asked = handed
    else:
        return None
    return asked if row_words(rule, "reclaim") <= asked.bits and not asked.bits & row_words(rule, "unless") else None


def _handed(unit: FunctionUnit, index: int, rule: Rule, context: Context) -> _Request | None:
    """The mask that something unknown is handed; it may do with it what it likes."""
    step = unit.steps[index]
    looks = step.name in row_words(rule, "harmless") or any(one in step.name for one in row_words(rule, "keeps"))
    if looks or step.name.isupper():
        return None
    for arg in step.args:
        masks = masks_at(unit, index, arg, context) if is_mask_argument(unit, index, arg, context) else ()
        if masks:
            said, has = (
                f"{step.name}() with {expression_text(arg)}",
                frozenset.intersection(*(one.must for one in masks)),
            )
            return _Request(said, arg.text, flag_rows(arg, context.kernel), has, "medium")
    return None


def _wrong(
    unit: FunctionUnit, index: int, bits: frozenset[str], inside: Sequence[_Inside], rule: Rule, context: Context
) -> _Entry | None:
    """The surest of the entries for which one of these bits is wrong at a step."""
    found = [one.entry for one in inside if one.entry.bit in bits and _holds(unit, index, one, rule, context)]
    return max(found, key=lambda one: CONFIDENCES.index(_sure(one)), default=None)


def _sure(entry: _Entry) -> str:
    return str(entry.row.get("confidence", "high"))


def _holds(unit: FunctionUnit, index: int, inside: _Inside, rule: Rule, context: Context) -> bool:
    """Whether a step is inside, nothing around it takes the bit away, and nobody asked who calls."""
    entry, states = inside.entry, reached(unit, index)
    if not inside.steps[index] or not states:
        return False
    if any(_taken(state, entry.bit, rule, context) for state in states):
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


def _inside(unit: FunctionUnit, entered: Mapping[str, _Entry], rule: Rule, context: Context) -> list[_Inside]:
    """What a function is entered with, is given or takes itself; [] if it is not to be seen from its start."""
    if unit.function.macro or not unit.function.starts or unit.flow.lost:
        return []
    found = [one for row in rule.rows if (one := _handle(unit, row)) is not None]
    entry = entered.get(unit.function.name)
    if entry is not None:
        found.append(_Inside(entry, [True] * len(unit.steps)))
    return [] if found and _by_hand(unit, context) else found


def _by_hand(unit: FunctionUnit, context: Context) -> bool:
    """Whether the function reads or writes the flags that scopes set."""
    prefixes = context.kernel.words["scope_flag_prefixes"]
    read = (expr.text for step in unit.steps if step.kind != "call" for expr in expressions(step))
    return any(prefix in text for text in read for prefix in prefixes)


def _handle(unit: FunctionUnit, row: Row) -> _Inside | None:
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
        said, at, note = f"{row['as']} ({given[0]})", unit.function.head[0], "given to the function"
    else:
        said, at, note = f"{row['as']} since {shown_as(taken[0])}", taken[0].lines[0], "begins here"
    return _Inside(_Entry(row, said, at, note), held, True)


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


def _between(
    side: FileVersion, entered: Collection[str], handles: Collection[str], context: Context
) -> Iterator[FunctionUnit]:
    """The functions of the file between those where reclaim comes by and those that the change touches."""
    graph = context.calls

    def holding(functions: Collection[FunctionKey]) -> Mapping[FunctionKey, Collection[FunctionKey]]:
        told = (one for one in functions if one[1] in entered or any(word in graph.text(one) for word in handles))
        return {one: (one,) for one in told}

    starts = dict.fromkeys((side.path, unit.function.name) for unit in side.units if not unit.function.macro)
    for key in between(graph, starts, holding, lambda functions: [one for one in functions if one in starts], DEEPEST):
        yield from graph.units(key) if key[0] == side.path else ()


def _entries(side: FileVersion, rule: Rule, context: Context) -> Mapping[str, _Entry]:
    """Functions of the text that are entered where reclaim comes by: registered, or called from there."""
    out: dict[str, _Entry] = {}
    for one in callbacks(side, tuple(row for row in rule.rows if "as" in row)):
        said = f"{one.function}() is {one.listed['as']} ({one.how.lstrip('.')})"
        out.setdefault(one.function, _Entry(one.listed, said, one.row, one.note))
    handles = (*row_words(rule, "enters"), *row_words(rule, "params"))
    if not out and not any(word in side.text for word in handles):
        return out  # nothing leads here, and no caller need be read
    between_them = _between(side, out.keys(), handles, context)
    units = tuple({id(unit): unit for unit in (*side.units, *between_them)}.values())
    names = {unit.function.name for unit in units if unit.steps and not unit.function.macro}
    for _ in range(DEEPEST):
        before = len(out)
        for unit in units:
            inside = _inside(unit, out, rule, context)
            for at, step in enumerate(unit.steps) if inside else ():
                if step.kind != "call" or step.op or step.name not in names or step.name in out:
                    continue
                held = [one.entry for one in inside if _holds(unit, at, one, rule, context)]
                if held:
                    join = ", and further up" if held[0].called else ", and"
                    said = f"{unit.function.name}() calls {step.name}(){join}"
                    out[step.name] = replace(held[0], called=said, at=step.lines[0], note="called from here")
        if len(out) == before:
            break
    return out
