"""Compares the mask of a request with what it was before the patch, and with those of its neighbours."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator

from reviewbot.checks.declaration import CALLBACKS, Trigger, check, no_role
from reviewbot.checks.masks.narrower import lock_between
from reviewbot.dataflow import mask_algebra
from reviewbot.dataflow.mask_algebra import apply_scopes
from reviewbot.frontend.instructions import UNUSED, Expr, Instruction
from reviewbot.interproc.entry import leads, taker
from reviewbot.interproc.registered.callbacks import callbacks
from reviewbot.interproc.summary import DEEPEST
from reviewbot.kernel.rows import row_words, strings
from reviewbot.model.kernel import Rule
from reviewbot.program.call_graph import FunctionKey, between
from reviewbot.program.context import Context, Hit
from reviewbot.program.file_version import FileVersion
from reviewbot.program.provenance import spelled_out
from reviewbot.program.query import (
    Request,
    allocation,
    expression_text,
    flag_rows,
    instruction_rows,
    masks_at,
    mentions,
    origin_rows,
    reached,
    requests,
)
from reviewbot.program.unit import FunctionUnit
from reviewbot.support.patterns import pattern

_WORD = pattern(r"\w+")


def _surely(one: Request, context: Context) -> frozenset[str]:
    """The bits that a mask surely has, over all paths and inside the scopes open there."""
    open_ = {each.scope for state in reached(one.unit, one.at) for each in state.open}
    kinds = [context.kernel.scopes[name] for name in sorted(open_) if name in context.kernel.scopes]
    felt = [apply_scopes(mask, kinds) for mask in masks_at(one.unit, one.at, one.mask, context)]
    return frozenset.intersection(*(mask.must for mask in felt)) if felt else frozenset()


def _locked(one: Request, context: Context) -> bool:
    kinds = {context.kernel.scopes.get(each.scope) for state in reached(one.unit, one.at) for each in state.open}
    return any(kind is not None and kind.atomic for kind in kinds)


@check(triggers=(Trigger.MASK_CHANGED,), keys=no_role("bit", "more"), values=("callee", "more"))
def widened_flags(side: FileVersion, rule: Rule, context: Context) -> Iterator[Hit]:
    """A mask that lacked a bit before, if only on one side of a choice, and surely has it now.

    Rows: `bit`, and what `more` it lets the call do. Inside a scope a mask has no more than the scope leaves it.
    """
    wide = frozenset(strings(row, "bit")[0] for row in rule.rows)
    touched = [unit for unit in side.units if _is_touched(side, unit, context)]
    new = [one for one in requests(touched, context) if _has_part(side, one, context)]
    new = [one for one in new if wide & _surely(one, context)]
    before = context.before(frozenset(one.unit.function.name for one in new)) if new else None
    if before is None:
        return
    old: dict[tuple[str, ...], list[Request]] = {}
    for one in requests(before.units, context):
        old.setdefault(_exactly(one), []).append(one)
        if one.step.target not in ("", UNUSED):  # the same by another allocator
            old.setdefault(_result(one), []).append(one)
    for one in new:
        had = old.get(_exactly(one)) or old.get(_result(one), [])
        if not _locked(one, context) and any(_locked(other, context) for other in had):
            continue  # taken out of the lock that the old mask was for
        must, rows_ = _surely(one, context), [row for row in rule.rows if had]
        gained = [strings(row, "more")[0] for row in rows_ if strings(row, "bit")[0] in must - _always(had, context)]
        if gained:
            values = {"callee": one.step.name, "more": " and ".join(gained[:2])}
            key = f"{one.step.name} {one.step.target} {one.mask.text}"
            yield Hit(_mask_rows(one, context), one.unit.function.name, key, values)


def _exactly(one: Request) -> tuple[str, ...]:
    return one.unit.function.name, one.step.target, one.step.name


def _result(one: Request) -> tuple[str, ...]:
    return one.unit.function.name, one.step.target


def _always(had: Iterable[Request], context: Context) -> frozenset[str]:
    """The bits that some requests had, or may have had, on every side of each choice."""
    masks = [mask for one in had for mask in masks_at(one.unit, one.at, one.mask, context)]
    return frozenset.intersection(*(mask.may for mask in masks)) if masks else frozenset()


def _mask_rows(one: Request, context: Context) -> tuple[int, ...]:
    here = (*flag_rows(one.mask, context.kernel), one.mask.line)
    return (*here, *origin_rows(one.unit, one.mask.text, context.kernel))


def _is_touched(side: FileVersion, unit: FunctionUnit, context: Context) -> bool:
    """Whether the patch has a part in any mask of a function; a look at its text, before it is followed."""
    steps = (one for one in unit.steps if allocation(one, context.kernel) or mentions(one, context.kernel))
    rows = (row for step in steps for row in instruction_rows(step))
    return any(side.changed[row] or side.near[row] for row in rows if 0 <= row < len(side.rows))


def _has_part(side: FileVersion, request: Request, context: Context) -> bool:
    """Whether the patch has a part in the mask of a request: else it is what it was."""
    rows = (row for row in _mask_rows(request, context) if 0 <= row < len(side.rows))
    return any(side.changed[row] or side.near[row] for row in rows)


@check(
    triggers=(Trigger.MASK_CHANGED,), keys=no_role("narrow", "wide"), values=("callee", "flag", "neighbour", "other")
)
def mixed_reclaim_flags(side: FileVersion, rule: Rule, context: Context) -> Iterator[Hit]:
    """A wide and a narrow base mask in one function, no lock or scope at or between them. Row: `wide`, `narrow`."""
    wide, narrow = row_words(rule, "wide"), row_words(rule, "narrow")
    named = {one.name for one in side.defines if any(mask in one.body for mask in narrow)}
    for unit in side.units:
        if unit.words.isdisjoint(narrow | named):
            continue
        found: dict[bool, list[tuple[int, Instruction, Expr, str]]] = {True: [], False: []}
        for _, index, step, _, mask, _ in requests((unit,), context):
            if any(state.open for state in reached(unit, index)):
                continue
            plain = spelled_out(unit, index, mask, side.defines, context)
            names = {part.text for part in plain.walk() if part.op == "name"} & (wide | narrow)
            if len(names) == 1:  # both in one mask: a choice, or another rule's business
                name = names.pop()
                found[name in wide].append((index, step, mask, name))
        for index, step, mask, name in found[False]:
            others = [one for one in found[True] if not lock_between(unit, index, one[0], context)]
            if not others:
                continue
            _, other, wider, said = others[0]
            values = {"flag": name, "other": said, "callee": step.name, "neighbour": other.name}
            rows = (*flag_rows(mask, context.kernel), *step.lines)
            yield Hit(rows, unit.function.name, f"{step.name} {mask.text}", values, ((wider.line, "the other mask"),))


@check(
    triggers=(Trigger.MASK_CHANGED, Trigger.SLEEP_CONTEXT),
    keys={**CALLBACKS, **no_role("given", "maskless", "reclaim", "tries", "type")},
    values=("callee", "mask", "param", "taker", "where"),
)
def ignored_gfp_argument(side: FileVersion, rule: Rule, context: Context) -> Iterator[Hit]:
    """A function that takes a mask, where a request has a constant: its own beside one that uses the mask, its own that
    had the mask before the patch, or one of a function that it calls without it.

    Silent where nothing in it uses or used the mask, or it is changed: then it may serve something else; but for what
    is run with the mask of a request, see the rows with `given` and callbacks.callbacks(). Row: the `type`; `reclaim`;
    `tries`, flags of a request that may fail because something else follows; `maskless`, calls without a mask that have
    another one with it.
    """
    kind = strings(rule.rows[0], "type")[0]
    run = {one.function for one in callbacks(side, [row for row in rule.rows if "given" in row])}
    for unit in side.units:
        params = [name for type_, name in unit.function.params if type_ == kind and name]
        changed = any(step.kind == "assign" and step.target in params for step in unit.steps)
        if len(params) != 1 or changed or unit.flow.lost:
            continue
        mine = list(requests((unit,), context))
        used = [one.step for one in mine if any(part.text in params for part in one.mask.walk())]
        if used:
            yield from _own_constants(side, mine, {step.target for step in used}, params[0], rule, context)
        else:
            yield from _own_constants(
                side, _had_it(side, mine, params[0], rule, context), set(), params[0], rule, context
            )
        if used or unit.function.name in run:
            yield from _not_handed_on(side, unit, params[0], rule, context)


def _had_it(side: FileVersion, mine: Iterable[Request], param: str, rule: Rule, context: Context) -> Iterator[Request]:
    """Requests that surely sleep now, and had the mask that their function takes before the patch."""
    now = [one for one in mine if _has_part(side, one, context) and _may_sleep(one, rule, context)]
    before = context.before(frozenset(one.unit.function.name for one in now)) if now else None
    if before is None:
        return
    old = [one for one in requests(before.units, context) if any(part.text == param for part in one.mask.walk())]
    had = {_exactly(one) for one in old if param in [name for _, name in one.unit.function.params]}
    yield from (one for one in now if _exactly(one) in had)


def _own_constants(
    side: FileVersion, mine: Iterable[Request], targets: set[str], param: str, rule: Rule, context: Context
) -> Iterator[Hit]:
    """Requests of a function that takes a mask with one of their own; not for what another gets with the mask."""
    for one in mine:
        unit, _, step, _, mask, _ = one
        plain = _constant(side, one, rule, context)
        if plain is None or step.target in targets - {"", UNUSED}:
            continue
        if _weighs(one, param, rule, context):
            name = unit.function.name
            values = {"taker": name, "where": "", "param": param}
            values |= {"callee": step.name, "mask": expression_text(plain)}
            head = range(unit.function.head[0], unit.function.head[1] + 1)
            yield Hit((mask.line, *head), name, f"{step.name} {mask.text}", values)


def _constant(side: FileVersion, one: Request, rule: Rule, context: Context) -> Expr | None:
    """The mask of a request if it is one of flags that could be another; None if not, or it is a first try."""
    takes = one.allocator.gfp is not None or one.step.name in row_words(rule, "maskless")
    if not one.written and not (takes and _may_sleep(one, rule, context)):
        return None
    plain = spelled_out(one.unit, one.at, one.mask, side.defines, context)
    names = [part.text for part in mask_algebra.terms(plain)]
    known = all(name in context.kernel.flags for name in names)
    return plain if known and row_words(rule, "tries").isdisjoint(names) else None


def _not_handed_on(side: FileVersion, unit: FunctionUnit, param: str, rule: Rule, context: Context) -> Iterator[Hit]:
    """Requests that may sleep in functions of the text which are called without the mask."""
    if _locks(unit, context):
        return
    for at, others, other in _called_without(side, unit, context):
        if _asked(unit, at, param):
            continue
        for one in requests((other,), context):
            plain = _constant(side, one, rule, context)
            if plain is None or not _may_sleep(one, rule, context) or not leads(other, one.at, context.lookup):
                continue
            taken, name = unit.function.name, other.function.name
            way = " -> ".join(f"{each}()" for each in (taken, *others, name))
            values = {"taker": taken, "where": f" in {way}", "param": param}
            values |= {"callee": one.step.name, "mask": expression_text(plain)}
            called_at = unit.steps[at].lines
            because = ((unit.function.head[0], "mask argument taken here"), (called_at[0], "called without it"))
            rows = (one.mask.line, *one.step.lines, *called_at)
            yield Hit(rows, name, f"{one.step.name} {one.mask.text} {taken}", values, because)


def _called_without(
    side: FileVersion, unit: FunctionUnit, context: Context
) -> Iterator[tuple[int, tuple[str, ...], FunctionUnit]]:
    """The static functions that a function calls without a mask, by others like them: its call, and the others."""
    graph, start, types = context.calls, (side.path, unit.function.name), context.kernel.words["mask_types"]
    stems = context.kernel.words["flag_prefixes"]

    def asking(functions: Collection[FunctionKey]) -> Collection[FunctionKey]:
        return [one for one in functions if any(stem in graph.text(one) for stem in stems)]

    known = frozenset(between(graph, (start,), lambda _: {start: graph.callees(start)}, asking, DEEPEST))
    calls = {step.name: at for at, step in enumerate(unit.steps) if step.kind == "call" and not step.op}
    level: list[tuple[int, tuple[str, ...], str]] = [(at, (), name) for name, at in calls.items()]
    seen = {unit.function.name}
    for _ in range(DEEPEST):
        fresh: list[tuple[int, tuple[str, ...], str]] = []
        for at, way, name in level:
            units = graph.units((side.path, name)) if name not in seen and (side.path, name) in known else ()
            seen.add(name)
            plain = len(units) == 1 and units[0].function.static
            if plain and not {kind for kind, _ in units[0].function.params} & types:
                yield at, way, units[0]
                called = dict.fromkeys(step.name for step in units[0].steps if step.kind == "call" and not step.op)
                fresh += [(at, (*way, name), one) for one in called]
        level = fresh


def _asked(unit: FunctionUnit, at: int, param: str) -> bool:
    """Whether a condition on the way to a step is about a parameter."""
    return any(param in _WORD.findall(text) for state in reached(unit, at) for text, _ in state.facts)


def _may_sleep(one: Request, rule: Rule, context: Context) -> bool:
    """Whether a mask surely lets a request sleep, which a caller that cannot does not expect."""
    reclaim = strings(rule.rows[0], "reclaim")[0]
    return all(reclaim in mask.must for mask in masks_at(one.unit, one.at, one.mask, context))


def _weighs(one: Request, param: str, rule: Rule, context: Context) -> bool:
    """Whether a constant may matter to a caller with another mask: not below a lock, nor where that was looked at."""
    if _asked(one.unit, one.at, param):
        return False
    return _may_sleep(one, rule, context) or not _locks(one.unit, context)


def _locks(unit: FunctionUnit, context: Context) -> bool:
    """Whether a function calls what may take or give back a lock."""
    listed = context.kernel.words
    names = {taker(step) for step in unit.steps if step.kind == "call"} - listed["neutral"] - listed["sleepers"]
    return any(word in name for name in names for word in (*listed["may_lock"], *listed["may_unlock"]))
