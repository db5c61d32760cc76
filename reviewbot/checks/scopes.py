"""Checks of scopes: which are opened, by what, and whether each is closed as it was opened."""

from __future__ import annotations

from collections.abc import Iterator

from reviewbot import flags
from reviewbot.checks.base import (
    Context,
    Hit,
    allocation,
    code,
    mask_argument,
    masks_at,
    reached,
    rows_of,
    strings,
    words,
)
from reviewbot.csource import Step
from reviewbot.flow import UNKNOWN, Event
from reviewbot.model import Kernel, Rule, ScopeKind
from reviewbot.sides import Slice, Unit, expressions


def _is_home(side: Slice, context: Context) -> bool:
    """Whether the file is where scopes are implemented."""
    return side.path in context.kernel.words["scope_home"]


def unsafe(side: Slice, rule: Rule, context: Context) -> Iterator[Hit]:
    """A call that opens a scope whose row of the matrix says unsafe, or names its flag to something that will.

    Rows: `bit` and `way` of the matrix cell that says why, `scope` the scope's name.
    """
    if _is_home(side, context):
        return
    bad = {scope.flag: scope for scope in context.kernel.scopes.values() if scope.verdict == "unsafe"}
    for unit in side.units:
        for step in unit.steps:
            if step.kind != "call":
                continue
            scope = _opens_unsafe(step, bad, context)
            if scope is not None:
                rows = [part.line for arg in step.args for part in arg.walk() if part.text == scope.flag]
                what = scope.flag or step.name
                values = {
                    "scope": what,
                    "call": step.name,
                    "why": scope.why,
                    "source": scope.source,
                    **_cell(scope, context),
                }
                yield Hit((*rows, *step.lines), unit.function.name, f"{step.name} {what}", values)


def _opens_unsafe(step: Step, bad: dict[str, ScopeKind], context: Context) -> ScopeKind | None:
    for arg in step.args:
        for part in arg.walk():
            if part.op == "call":
                break
            if part.op == "name" and part.text and part.text in bad:
                return bad[part.text]
    for scope, gate in context.lookup.enter.get(step.name, ()):
        if scope.verdict == "unsafe" and not gate.has:
            return scope
    return None


def _cell(scope: ScopeKind, context: Context) -> dict[str, str]:
    """What the matrix says of the bits a scope touches."""
    said = []
    for bit in sorted(scope.clears | scope.sets):
        flag = context.kernel.flags.get(bit)
        if flag is not None:
            verdict = flag.off if bit in scope.clears else flag.on
            way = "clear" if bit in scope.clears else "set"
            said.append(f"A scope to {way} {bit} is {verdict.word}: {verdict.why} ({verdict.source})")
    return {"matrix": " ".join(said)}


def new_api(side: Slice, rule: Rule, context: Context) -> Iterator[Hit]:
    """A new scope: a PF_ bit, a save helper, or a branch of the function that applies scopes to a mask.

    Rows: `prefixes` of the bits, `functions` that apply scopes, `saves` the affixes of a save helper.
    """
    prefixes = strings(rule.rows[0], "prefixes")
    for define in side.defines:
        if define.name.lstrip("_").startswith(prefixes) and define.name not in context.kernel.spans:
            values = {"what": define.name, "matrix": _matrix(define.name, context.kernel)}
            yield Hit((define.row,), "", define.name, values)
    for unit in side.units:
        if unit.function.name in words(rule, "functions"):
            yield from _branches(unit, context)
        elif _saves(unit.function.name, rule) and not _known(unit.function.name, context) and unit.function.starts:
            values = {"what": f"{unit.function.name}()", "matrix": _matrix(unit.function.name, context.kernel)}
            yield Hit(tuple(range(unit.function.head[0], unit.function.head[1])), unit.function.name, "save", values)


def _saves(name: str, rule: Rule) -> bool:
    first, last = strings(rule.rows[0], "saves")
    return name.startswith(first) and name.endswith(last)


def _known(name: str, context: Context) -> bool:
    return name in context.lookup.enter


def _branches(unit: Unit, context: Context) -> Iterator[Hit]:
    for step in unit.steps:
        if step.kind == "assign" and step.op in ("&=", "|=") and step.value is not None:
            named = [part for part in step.value.walk() if part.op == "name" and part.text in context.kernel.flags]
            if named:
                way = "off" if step.op == "&=" else "on"
                matrix = " ".join(_verdict(part.text, way, context.kernel) for part in named)
                what = f"a branch that {'clears' if way == 'off' else 'sets'} {' and '.join(p.text for p in named)}"
                rows = (*(part.line for part in named), *step.lines)
                yield Hit(rows, unit.function.name, step.value.text, {"what": what, "matrix": matrix})


def _verdict(name: str, way: str, kernel: Kernel) -> str:
    flag = kernel.flags[name]
    verdict = flag.off if way == "off" else flag.on
    return f"A scope to {'clear' if way == 'off' else 'set'} {name} is {verdict.word}: {verdict.why}"


def _matrix(name: str, kernel: Kernel) -> str:
    """The matrix rows of the flags whose stem a new name ends with (PF_MEMALLOC_NOLOCKDEP: __GFP_NOLOCKDEP)."""
    stem = name.rstrip("_").upper().removesuffix("_SAVE").rsplit("_", 1)[-1]
    said = []
    for flag in kernel.flags.values():
        word = flag.name.lstrip("_").split("_", 1)[-1]
        if flag.kind == "bit" and word == stem:
            said.append(_verdict(flag.name, "on", kernel))
        elif flag.kind == "bit" and f"NO{word}" == stem:
            said.append(_verdict(flag.name, "off", kernel))
    return " ".join(said)


def open_coded(side: Slice, rule: Rule, context: Context) -> Iterator[Hit]:
    """current->flags changed by hand with a scope's bit. Rows: `targets`, lvalues; `calls`, helpers that do it."""
    if _is_home(side, context):
        return
    flagged = {scope.flag for scope in context.kernel.scopes.values() if scope.flag}
    for unit in side.units:
        for step in unit.steps:
            named = [
                part for expr in expressions(step) for part in expr.walk() if part.text in flagged and part.op == "name"
            ]
            by_hand = step.kind == "assign" and step.target in words(rule, "targets") and step.op in ("|=", "&=", "=")
            helper = step.kind == "call" and step.name in words(rule, "calls")
            if named and (by_hand or helper):
                values = {"flag": named[0].text, "pair": _pair(named[0].text, context.kernel)}
                key = f"{step.name}{step.target} {step.op} {named[0].text}"
                yield Hit((named[0].line, *step.lines), unit.function.name, key, values)


def _pair(flag: str, kernel: Kernel) -> str:
    """The save and restore calls for a PF_ bit."""
    for scope in kernel.scopes.values():
        if scope.flag == flag:
            enter = next((gate.call for gate in scope.enter if gate.token == "result" and not gate.has), "")
            leave = next((gate.call for gate in scope.leave if gate.token == "0" and not gate.has), "")
            if enter and leave:
                return f"{enter}() and {leave}()"
    return "the save and restore helpers"


def _memalloc(name: str, kernel: Kernel) -> bool:
    scope = kernel.scopes.get(name)
    return name == UNKNOWN or (scope is not None and scope.family == "memalloc")


def _events(side: Slice, context: Context, *kinds: str) -> Iterator[tuple[Unit, Event]]:
    for unit in side.units:
        for event in unit.flow.events:
            if event.kind in kinds and _memalloc(event.scope, context.kernel):
                yield unit, event


def _call(unit: Unit, index: int) -> str:
    return unit.steps[index].name if 0 <= index < len(unit.steps) else ""


def leak(side: Slice, rule: Rule, context: Context) -> Iterator[Hit]:
    """A way out of the function with the scope still open; one remark for all ways out of one scope."""
    by_save: dict[tuple[int, int], list[tuple[Unit, Event]]] = {}
    for unit, event in _events(side, context, "leak"):
        by_save.setdefault((id(unit), event.other), []).append((unit, event))
    for (_, save), group in by_save.items():
        unit = group[0][0]
        exits = [unit.steps[event.step] for _, event in group]
        rows = [row for step in exits for row in rows_of(step)[:1] if step.kind == "return"]
        saved = unit.steps[save].lines[0]
        ways = "the way out here" if len(exits) == 1 else f"{len(exits)} ways out"
        values = {"call": _call(unit, save), "token": group[0][1].token, "ways": ways}
        because = ((saved, "the scope is entered here"), *((step.lines[0], "left with it open") for step in exits))
        fresh = [row for row in rows if 0 <= row < len(side.changed) and side.changed[row]]
        key = f"{_call(unit, save)} {group[0][1].token}"
        yield Hit((*fresh, saved, *rows), unit.function.name, key, values, because)


def mismatch(side: Slice, rule: Rule, context: Context) -> Iterator[Hit]:
    """A restore that does not undo the save it should.

    Rows: `alike_since`, the version from which every restore clears just the bits it is given, so
    that another kind's restore works and is only misleading.
    """
    for unit, event in _events(side, context, "wrong-kind", "wrong-token", "not-saved"):
        step = unit.steps[event.step]
        name, saved = step.name, _call(unit, event.other)
        if event.kind == "not-saved":
            if not (event.always and unit.function.starts):
                continue
            how = f"no path here has saved {event.token} when {name}() takes it"
        elif event.kind == "wrong-token":
            token = next(
                (one.token for world in reached(unit, event.step) for one in world.open if one.step == event.other), ""
            )
            if not event.always or not token:
                continue
            how = f"{saved}() put its state into {token}, and {name}() is given {event.token}"
        else:
            how = f"{event.token} comes from {saved}(), and {name}() is the other half of another pair"
        alike = event.kind == "wrong-kind" and _alike(rule, context.kernel)
        values = {"how": how, "call": name, "token": event.token, "effect": _effect(alike)}
        because = ((unit.steps[event.other].lines[0], "saved here"),) if event.other >= 0 else ()
        yield Hit(
            rows_of(step),
            unit.function.name,
            f"{event.kind} {name} {event.token}",
            values,
            because,
            "medium" if alike else "",
            "note" if alike else "",
        )


def _alike(rule: Rule, kernel: Kernel) -> bool:
    since = strings(rule.rows[0], "alike_since")[0].split(".")
    return kernel.version >= (int(since[0]), int(since[1]))


def _effect(alike: bool) -> str:
    if alike:
        return "All restore helpers of this version clear just the bits they are given, so it works, but reads wrong."
    return "The task's flags are then not what they were before the save."


def token_lost(side: Slice, rule: Rule, context: Context) -> Iterator[Hit]:
    """A save whose result is thrown away, or overwritten by the next save before its restore."""
    if _is_home(side, context):
        return
    for unit, event in _events(side, context, "dropped", "overwritten"):
        step = unit.steps[event.step]
        if event.kind == "dropped":
            values = {"call": step.name, "how": "its result is not kept, so nothing can restore the state"}
            sure = "medium"
            because: tuple[tuple[int, str], ...] = ()
        else:
            values = {"call": step.name, "how": f"{event.token} still holds the state of a scope that is open"}
            sure, because = "", ((unit.steps[event.other].lines[0], "saved here"),)
        yield Hit(rows_of(step), unit.function.name, f"{event.kind} {step.name} {event.token}", values, because, sure)


def redundant_flag(side: Slice, rule: Rule, context: Context) -> Iterator[Hit]:
    """A written mask that says again what a scope around it surely says.

    Rows: `scope` bits that the scope clears (as `clears`), `masks` the names that say no more than that.
    """
    for unit in side.units:
        for index, step in enumerate(unit.steps):
            found = allocation(step, context.kernel)
            mask = mask_argument(step, found) if found is not None else None
            worlds = reached(unit, index)
            if mask is None or not worlds:
                continue
            for term in flags.terms(mask):
                inside = [_implies(world.open, term.text, rule, context.kernel) for world in worlds]
                if all(at is not None for at in inside):
                    entered = inside[0] or 0
                    values = {"callee": step.name, "flag": term.text, "call": _call(unit, entered)}
                    because = ((unit.steps[entered].lines[0], "the scope is entered here"),)
                    yield Hit((term.line, *step.lines), unit.function.name, f"{step.name} {mask.text}", values, because)


def _implies(opened: tuple[object, ...], name: str, rule: Rule, kernel: Kernel) -> int | None:
    from reviewbot.flow import Open

    for one in opened:
        if isinstance(one, Open) and (scope := kernel.scopes.get(one.scope)) is not None and scope.family == "memalloc":
            for row in rule.rows:
                if name in strings(row, "masks") and set(strings(row, "clears")) <= scope.clears:
                    return one.step
    return None


def nofail_inside(side: Slice, rule: Rule, context: Context) -> Iterator[Hit]:
    """A request that must not fail inside a scope that takes reclaim away (`nofail`, `reclaim`, `flags` of the row)."""
    nofail, reclaim = strings(rule.rows[0], "nofail")[0], strings(rule.rows[0], "reclaim")[0]
    for unit in side.units:
        for index, step in enumerate(unit.steps):
            found = allocation(step, context.kernel)
            mask = mask_argument(step, found) if found is not None else None
            worlds = reached(unit, index)
            if (
                mask is None
                or not worlds
                or not all(nofail in one.must for one in masks_at(unit, index, mask, context))
            ):
                continue
            opened = [
                one for world in worlds for one in world.open if _no_reclaim(one.scope, reclaim, rule, context.kernel)
            ]
            if (
                opened
                and len({one.step for one in opened}) >= 1
                and all(
                    any(_no_reclaim(one.scope, reclaim, rule, context.kernel) for one in world.open) for world in worlds
                )
            ):
                save = opened[0].step
                values = {"callee": step.name, "mask": code(mask), "call": _call(unit, save)}
                because = ((unit.steps[save].lines[0], "the scope is entered here"),)
                yield Hit((mask.line, *step.lines), unit.function.name, f"{step.name} {mask.text}", values, because)


def _no_reclaim(name: str, reclaim: str, rule: Rule, kernel: Kernel) -> bool:
    scope = kernel.scopes.get(name)
    return scope is not None and (reclaim in scope.clears or scope.flag in strings(rule.rows[0], "flags"))


def around_one(side: Slice, rule: Rule, context: Context) -> Iterator[Hit]:
    """A scope with one call in it, an allocator of the row's `families` that takes the mask itself."""
    families = words(rule, "families")
    for unit in side.units:
        for index, step in enumerate(unit.steps):
            if step.kind != "call" or not any(
                scope.clears and scope.family == "memalloc" for scope, _ in context.lookup.enter.get(step.name, ())
            ):
                continue
            inside = _until_restore(unit, index, context)
            found = allocation(inside, context.kernel) if inside is not None else None
            if inside is not None and found is not None and found.family in families:
                values = {"call": step.name, "callee": inside.name}
                yield Hit((inside.lines[0], *rows_of(step)), unit.function.name, f"{step.name} {inside.name}", values)


def _until_restore(unit: Unit, index: int, context: Context) -> Step | None:
    """The only call between a save and its restore, if they stand in one straight line."""
    inside, at = None, index
    while len(unit.steps[at].next) == 1 and unit.steps[at].kind in ("call", "assign"):
        at = unit.steps[at].next[0]
        step = unit.steps[at]
        if step.kind == "call" and step.name in context.lookup.leave:
            return inside
        if step.kind == "call":
            if inside is not None:
                return None
            inside = step
    return None
