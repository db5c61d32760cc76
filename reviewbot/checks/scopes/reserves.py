"""Finds new scopes that open the memory reserves, and names what may allocate inside them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import accumulate

from msgspec import Struct

from reviewbot.checks.declaration import CALLBACKS, Trigger, check, no_role
from reviewbot.checks.scopes.matrix import is_home
from reviewbot.frontend.fragments import OPEN
from reviewbot.frontend.instructions import Expr
from reviewbot.interproc.registered.callbacks import callbacks
from reviewbot.kernel.rows import row_words, strings
from reviewbot.model.kernel import Rule, ScopeKind
from reviewbot.program.context import Context, Hit
from reviewbot.program.file_version import FileVersion
from reviewbot.program.query import allocation, instruction_rows, mask_of, masks_at, reached
from reviewbot.program.unit import FunctionUnit

_MOST_NAMED = 3  # calls that a text names
_MOST_SHOWN = 5  # rows of evidence


class _Begin(Struct, frozen=True):
    """A step that opens the scope, and what a reader calls it; `by_hand`: no call, so no flow follows it."""

    index: int
    scope: ScopeKind
    said: str
    by_hand: bool


class _Reach(Struct, frozen=True):
    """The calls below that may allocate, what is known to first; those that are repeated; whether it is left open."""

    calls: tuple[int, ...]
    repeated: frozenset[int]
    open: bool


@check(
    triggers=(Trigger.MASK_CHANGED,),
    keys={
        **CALLBACKS,
        **no_role("asked", "closing", "effect", "frees", "harmless", "homes", "marks", "opts_out", "targets"),
    },
    values=("also", "reach", "scope"),
)
def reserves_scope(side: FileVersion, rule: Rule, context: Context) -> Iterator[Hit]:
    """A changed line that begins a scope which the matrix discourages, with something below it that may allocate.

    Rows: `homes`, how the paths of known users begin; `marks`, what their files say; `asked`, words of the conditions
    under which they do it; `frees`, parts of the names of calls that are reclaim itself. `targets`, lvalues of a
    task's flags; `opts_out`, bits of a request that takes nothing from the reserves; `harmless`, calls that allocate
    nothing, besides those that the tables know. `registers`, with `as`, and `closing`: functions, and calls before,
    in whose context the scope has the `effect`.
    """
    if is_home(side, context) or side.path.startswith(tuple(row_words(rule, "homes"))):
        return
    begun = [(unit, begin) for unit in side.units for begin in _begins(unit, rule, context)]
    begun = [one for one in begun if _changed(side, *one)]
    if not begun or any(mark in row for row in side.rows for mark in row_words(rule, "marks")):
        return
    outside = _outside(side, rule)
    for unit, begin in begun:
        reach = _reach(unit, begin, rule, context)
        if reach is None or _known(unit, begin, reach, rule):
            continue
        values = {
            "scope": begin.said,
            "reach": _told(unit, reach),
            "also": outside.get(unit.function.name, "") or _closed(unit, begin, rule),
        }
        because = tuple((unit.steps[at].lines[0], _note(at, reach)) for at in reach.calls[:_MOST_SHOWN])
        rows, name = instruction_rows(unit.steps[begin.index]), unit.function.name
        # the same scope by another way, or in another function, is not a new one
        yield Hit(rows, name, begin.scope.flag, values, because, anywhere=True)


# -- where it begins --


def _begins(unit: FunctionUnit, rule: Rule, context: Context) -> Iterator[_Begin]:
    """The steps of a function that open such a scope."""
    kinds = [one for one in context.kernel.scopes.values() if one.family == "memalloc" and one.verdict == "discouraged"]
    for index, step in enumerate(unit.steps):
        if not reached(unit, index):
            continue
        opened = {name for name, _ in context.lookup.opened(step, "")} if step.kind == "call" and not step.op else set()
        set_ = step.kind == "assign" and step.op == "|=" and step.target in row_words(rule, "targets")
        for kind in kinds:
            if kind.name in opened:
                yield _Begin(index, kind, f"{step.name}()", False)
            elif set_ and step.value is not None and _names(step.value, kind.flag):
                yield _Begin(index, kind, f"{step.target} |= {kind.flag}", True)


def _changed(side: FileVersion, unit: FunctionUnit, begin: _Begin) -> bool:
    """Whether the patch adds (or removes) it: an old scope that covers something new is not meant."""
    return any(side.changed[row] for row in instruction_rows(unit.steps[begin.index]) if 0 <= row < len(side.changed))


def _names(expr: Expr, word: str) -> bool:
    return any(part.op == "name" and part.text == word for part in expr.walk())


def _known(unit: FunctionUnit, begin: _Begin, reach: _Reach, rule: Rule) -> bool:
    """Whether it is one of the uses the scope is there for: it is asked for first, or reclaim is what is called."""
    asked, frees = row_words(rule, "asked"), row_words(rule, "frees")
    states = reached(unit, begin.index)
    if all(any(word in text for text, _ in state.facts for word in asked) for state in states):
        return True
    return any(word in unit.steps[at].name for at in reach.calls for word in frees)


def _outside(side: FileVersion, rule: Rule) -> Mapping[str, str]:
    """Functions of the text that run where there are no reserves to be had, and a sentence that says so."""
    out: dict[str, str] = {}
    for one in callbacks(side, tuple(row for row in rule.rows if "as" in row)):
        said = f"{one.function}() is {one.listed['as']} ({one.how}()), where {one.listed['effect']}"
        out.setdefault(one.function, f" But {said}.")
    return out


def _closed(unit: FunctionUnit, begin: _Begin, rule: Rule) -> str:
    """The same of a call that is in force where the scope begins, on every way to it; "" if there is none."""
    for row in rule.rows:
        closing = strings(row, "closing")
        held = [[unit.steps[one.step].name for one in state.open] for state in reached(unit, begin.index)]
        found = next((name for name in held[0] if name in closing), "") if held and closing else ""
        if found and all(found in names for names in held):
            return f" But after {found}() {row['effect']}."
    return ""


# -- what it reaches --


def _reach(unit: FunctionUnit, begin: _Begin, rule: Rule, context: Context) -> _Reach | None:
    """What is below the scope; None if nothing there allocates and the function ends it again."""
    inside = _by_hand(unit, begin, context) if begin.by_hand else _followed(unit, begin)
    left = any(unit.steps[at].kind in ("return", "end") for at in inside)
    calls = tuple(at for at in sorted(inside) if _may_allocate(unit, at, rule, context))
    calls = tuple(sorted(calls, key=lambda at: unit.steps[at].name not in context.kernel.allocators))
    if not calls and not left:
        return None
    return _Reach(calls, _repeated(unit, inside).intersection(calls), left)


def _repeated(unit: FunctionUnit, inside: set[int]) -> frozenset[int]:
    """The steps below the scope that lie between the head of a loop and the way back to it."""
    deeper = [0] * (len(unit.steps) + 1)
    for at, head in unit.cfg.back_edges():
        if at in inside and head in inside:
            deeper[head] += 1
            deeper[at + 1] -= 1
    return frozenset(at for at, depth in enumerate(accumulate(deeper)) if depth)


def _followed(unit: FunctionUnit, begin: _Begin) -> set[int]:
    """The steps at which the scope may be open."""
    return {
        at
        for at, states in enumerate(unit.flow.at)
        if any(one.step == begin.index and one.scope == begin.scope.name for state in states for one in state.open)
    }


def _by_hand(unit: FunctionUnit, begin: _Begin, context: Context) -> set[int]:
    """The steps after an assignment that sets the flag, up to what may clear it."""
    first, flag = unit.steps[begin.index], begin.scope.flag

    def inside(at: int) -> bool:
        step = unit.steps[at]
        ends = step.kind == "assign" and step.target == first.target and step.op in ("&=", "=")
        if step.kind == "call" and not step.op:
            ends = any(_names(arg, flag) for arg in step.args)
            ends |= any(kind.flag == flag for kind, _ in context.lookup.closed(step))
        return not ends and step.name != OPEN  # it may end in what is not shown

    return {at for at in unit.cfg.reachable(unit.cfg.succ[begin.index], inside) if inside(at)}


def _may_allocate(unit: FunctionUnit, at: int, rule: Rule, context: Context) -> bool:
    """A request that may take from the reserves, or a call that may make one."""
    step = unit.steps[at]
    if step.kind != "call" or step.op or step.name.isupper() or step.name == OPEN:
        return False
    found = context.kernel.allocators.get(step.name)
    if found is not None:
        mask = mask_of(step, found) if allocation(step, context.kernel) is not None else None
        masks = masks_at(unit, at, mask, context) if mask is not None else ()
        out = bool(masks) and all(row_words(rule, "opts_out") <= one.must for one in masks)
        return found.allocates and not out
    listed = context.kernel.words
    known = (*listed["neutral"], *listed["only_read"], *listed["noreturn"], *row_words(rule, "harmless"))
    entered = step.name in context.lookup.enter or step.name in context.lookup.leave
    return not entered and step.name not in known


# -- how it is told --


def _told(unit: FunctionUnit, reach: _Reach) -> str:
    """What the scope covers, as the end of "covers ..."."""
    names = list(dict.fromkeys(unit.steps[at].name for at in reach.calls))
    said = [f"{name}()" for name in names[:_MOST_NAMED]]
    more = len(names) - len(said)
    if more:
        said.append("another function" if more == 1 else f"{more} other functions")
    if reach.repeated:
        said[-1] += ", in a loop" if len(reach.repeated) == len(reach.calls) else ", partly in a loop"
    if reach.open:
        said.append("everything that runs until another function ends it")
    return " and ".join((", ".join(said[:-1]), said[-1])) if len(said) > 1 else said[0]


def _note(at: int, reach: _Reach) -> str:
    return "inside the scope, in a loop" if at in reach.repeated else "inside the scope"
