"""Finds scopes that are not closed as they were opened: left open, closed by the wrong restore, or their token lost."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from reviewbot.checks.declaration import Trigger, check, no_role
from reviewbot.checks.scopes.matrix import is_home, is_thread
from reviewbot.dataflow.state import UNKNOWN, Event
from reviewbot.frontend.instructions import Instruction, squeeze
from reviewbot.kernel.rows import row_words, strings
from reviewbot.model.kernel import Kernel, Rule
from reviewbot.program.context import Context, Hit
from reviewbot.program.file_version import FileVersion
from reviewbot.program.query import instruction_rows, reached
from reviewbot.program.unit import FunctionUnit

_MARKS = ("memalloc",)  # the scopes that mark the task


def _of(name: str, families: Sequence[str], kernel: Kernel) -> bool:
    scope = kernel.scopes.get(name)
    return name == UNKNOWN or (scope is not None and scope.family in families)


def _events(
    side: FileVersion, context: Context, *kinds: str, families: Sequence[str] = _MARKS
) -> Iterator[tuple[FunctionUnit, Event]]:
    for unit in side.units:
        for event in unit.flow.events:
            if event.kind in kinds and _of(event.scope, families, context.kernel):
                yield unit, event


def _call(unit: FunctionUnit, index: int) -> str:
    return unit.steps[index].name if 0 <= index < len(unit.steps) else ""


def _doubtful(unit: FunctionUnit, event: Event) -> bool:
    """Some paths only, and a restore of the token is reached without the save as well.

    Then a condition that is not followed here decides about both: a switch, a flag in a mask, a callee's answer.
    """
    if event.always:
        return False
    return any(one.kind == "not-saved" and one.token == event.token for one in unit.flow.events)


def _for_life(unit: FunctionUnit, rule: Rule) -> bool:
    """A thread's function: the scope ends with the thread."""
    called = {step.name for step in unit.steps if step.kind == "call"}
    return is_thread(unit) or bool(called & row_words(rule, "threads"))


# --- scope-leak ---


@check(triggers=(Trigger.SCOPE_CALL,), keys=no_role("threads"), values=("call", "token", "ways"))
def scope_leak(side: FileVersion, rule: Rule, context: Context) -> Iterator[Hit]:
    """A way out of the function with the scope still open; one remark for all ways out of one scope.

    Rows: `threads`, calls that only the function of a thread makes.
    """
    by_save: dict[tuple[int, int], list[tuple[FunctionUnit, Event]]] = {}
    for unit, event in _events(side, context, "leak", families=("memalloc", "memcg")):
        if not (_doubtful(unit, event) or _for_life(unit, rule) or _comes_back(unit, event.other)):
            by_save.setdefault((id(unit), event.other), []).append((unit, event))
    for (_, save), group in by_save.items():
        unit, token = group[0][0], group[0][1].token
        exits = {event.step: unit.steps[event.step] for _, event in group}
        returns = [step.lines[0] for step in exits.values() if step.kind == "return"]
        fresh = [row for row in returns if _changed(side, row)]
        jumps = _jumps(side, unit, save, token, frozenset(exits), context)
        saved = unit.steps[save].lines[0]
        values = {
            "call": _call(unit, save),
            "token": token,
            "ways": _ways(side, unit, list(exits.values()), fresh, jumps),
        }
        because = (
            (saved, "scope entered here"),
            *((step.lines[0], "returns with the scope open") for step in exits.values()),
        )
        rows = (*fresh, *jumps, saved, *returns, *_inside(side, unit, save))
        spoken = returns[0] if returns and not fresh and not jumps else None
        key = f"{_call(unit, save)} {token}"
        yield Hit(rows, unit.function.name, key, values, because, spoken=spoken)


def _comes_back(unit: FunctionUnit, save: int) -> bool:
    """The save is reached with its own scope still open: scope-token-lost asks about the same mistake."""
    return any(one.kind == "overwritten" and one.other == one.step == save for one in unit.flow.events)


def _changed(side: FileVersion, row: int) -> bool:
    return 0 <= row < len(side.rows) and side.changed[row]


def _ways(
    side: FileVersion, unit: FunctionUnit, exits: Sequence[Instruction], fresh: Sequence[int], jumps: Sequence[int]
) -> str:
    """Where the scope is still open, in words that hold on the line that the remark will hang on."""
    if fresh:
        first = "at this return"
    elif jumps:
        return "after this goto"
    elif exits[0].kind == "return":
        first = f"at '{squeeze(side.rows[exits[0].lines[0]])}'"
    else:
        first = f"at the end of {unit.function.name}()"
    more = len(exits) - 1
    return f"{first}, and on {'one more exit path' if more == 1 else f'{more} more exit paths'}" if more else first


def _jumps(
    side: FileVersion, unit: FunctionUnit, save: int, token: str, exits: frozenset[int], context: Context
) -> tuple[int, ...]:
    """Rows of new gotos that lead past the restore."""
    rows = []
    for index in unit.flow.within.get(save, ()):
        step = unit.steps[index]
        row = step.lines[0]
        if step.kind != "join" or step.name or not _changed(side, row) or "goto" not in side.rows[row]:
            continue
        if _leads(unit, index, token, exits, context):
            rows.append(row)
    return tuple(rows)


def _inside(side: FileVersion, unit: FunctionUnit, save: int) -> tuple[int, ...]:
    """Rows inside the scope, last first, that are new or stand beside what was taken out: where the restore stood."""
    rows = {row for index in unit.flow.within.get(save, ()) for row in unit.steps[index].lines}
    steps = [row for row in sorted(rows, reverse=True) if 0 <= row < len(side.rows)]
    changed = [row for row in steps if side.changed[row]]
    beside = [row for row in steps if side.near[row]]
    between = range(steps[0], steps[-1], -1) if steps else ()  # a brace or a comment may be all that is beside it
    return (*changed, *beside, *(row for row in between if side.near[row] and side.rows[row].strip()))


def _leads(unit: FunctionUnit, start: int, token: str, exits: frozenset[int], context: Context) -> bool:
    """Whether a way out is reached from a step without a restore of the token."""

    def stays_open(at: int) -> bool:
        step = unit.steps[at]
        leave = step.kind == "call" and step.name in context.lookup.leave
        return not (leave and any(token == arg.text for arg in step.args))

    return any(at in exits for at in unit.cfg.reachable((start,), stays_open))


# --- scope-restore-mismatch ---


@check(triggers=(Trigger.SCOPE_CALL,), keys=no_role("alike_since"), values=("call", "effect", "how", "token"))
def scope_restore_mismatch(side: FileVersion, rule: Rule, context: Context) -> Iterator[Hit]:
    """A restore that does not undo the save it should.

    Rows: `alike_since`, the version from which every restore clears just the bits it is given, so
    that another kind's restore works and is only misleading.
    """
    alike = _alike(rule, context.kernel)
    for unit, event in _events(side, context, "wrong-kind", "wrong-token", "not-saved"):
        step = unit.steps[event.step]
        said = _mistake(unit, event, alike)
        if said is None:
            continue
        how, effect, sure, cost = said
        values = {"how": how, "call": step.name, "token": event.token, "effect": effect}
        because = ((unit.steps[event.other].lines[0], "saved here"),) if event.other >= 0 else ()
        key = f"{event.kind} {step.name} {event.token}"
        yield Hit(instruction_rows(step), unit.function.name, key, values, because, sure, cost)


def _mistake(unit: FunctionUnit, event: Event, alike: bool) -> tuple[str, str, str, str] | None:
    """What is wrong, what comes of it, confidence and severity; None for what may be right."""
    name, saved, token = _call(unit, event.step), _call(unit, event.other), event.token
    wrong = "The task flags then differ from those before the save."
    if event.kind == "wrong-kind":
        how = f"{token} was saved by {saved}(), but {name}() restores another kind of scope"
        works = "It works in this version, where every restore clears just the bits it gets, but it is misleading."
        return (how, works, "medium", "note") if alike else (how, wrong, "", "")
    if not alike and event.kind == "not-saved" and _unasked(unit, event):
        how = f"on one path nothing has been saved in {token}"
        ends = f"In this version {name}() writes its bit anyway and may end a scope of the caller."
        return how, ends, "medium", "warning"
    if not event.always or token not in unit.flow.made:
        return None
    if event.kind == "wrong-token":
        own = [one.token for state in reached(unit, event.step) for one in state.open if one.step == event.other]
        return (f"{saved}() saved its state in {own[0]}, but {name}() gets {token}", wrong, "", "") if own else None
    if not unit.function.seen_from_start:
        return None
    if any(step.kind == "call" and step.target == token for step in unit.steps):
        return f"{token} has already been restored on every path to this line", "", "", "warning"
    return f"nothing has been saved in {token}", "", "", ""


def _unasked(unit: FunctionUnit, event: Event) -> bool:
    """A restore that some ways without the save reach, and that no condition stands right before."""
    if event.always or event.token not in unit.flow.made or not unit.function.starts:
        return False
    return not any(unit.steps[at].kind == "test" for at in unit.cfg.pred[event.step])


def _alike(rule: Rule, kernel: Kernel) -> bool:
    since = strings(rule.rows[0], "alike_since")[0].split(".")
    return kernel.version >= (int(since[0]), int(since[1]))


# --- scope-token-lost ---


@check(triggers=(Trigger.SCOPE_CALL,), keys=no_role("threads"), values=("call", "how", "when"))
def scope_token_lost(side: FileVersion, rule: Rule, context: Context) -> Iterator[Hit]:
    """A save whose result is thrown away, or overwritten by the next save before its restore.

    Rows: `threads`, calls that only the function of a thread makes.
    """
    if is_home(side, context):
        return
    for unit, event in _events(side, context, "dropped", "overwritten"):
        step = unit.steps[event.step]
        because: tuple[tuple[int, str], ...] = ()
        lost, when = step.name, "saves here"
        if event.kind == "dropped":
            if _for_life(unit, rule):
                continue
            how, sure = "the return value is dropped", "medium"
        elif _doubtful(unit, event):
            continue
        elif event.other == event.step:
            when, sure = "saved in the previous iteration", ""
            how = f"the code loops back here without a restore and overwrites {event.token}"
        else:
            lost, when, sure = _call(unit, event.other), "saved earlier", ""
            how = f"{event.token} is overwritten while it still holds that state"
            because = ((unit.steps[event.other].lines[0], "saved here"),)
        values = {"call": lost, "when": when, "how": how}
        rows = (*instruction_rows(step), *_inside(side, unit, event.other if event.other >= 0 else event.step))
        yield Hit(rows, unit.function.name, f"{event.kind} {step.name} {event.token}", values, because, sure)
