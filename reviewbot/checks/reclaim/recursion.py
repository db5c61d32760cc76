"""Finds allocations that may re-enter reclaim from code that reclaim itself calls."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from msgspec.structs import replace

from reviewbot.checks.context.held_above import FAR
from reviewbot.checks.declaration import CALLBACKS, Role, Trigger, check, no_role
from reviewbot.checks.locks.reclaim_locks import LOCK_KEYS, RequestTools, lock_hits
from reviewbot.checks.masks.narrower import narrower, was_narrower
from reviewbot.checks.reclaim.reclaim_calls import ReclaimCalls, ReclaimWay
from reviewbot.checks.reclaim.requests import ReclaimRequest
from reviewbot.checks.reclaim.restriction import keeps_flags, takes_away
from reviewbot.interproc.chains import as_hit_chain
from reviewbot.kernel.rows import row_words
from reviewbot.model.kernel import Rule
from reviewbot.model.review import CONFIDENCES
from reviewbot.program.context import Context, Hit
from reviewbot.program.file_version import FileVersion
from reviewbot.program.unit import FunctionUnit

# Keys of rows that stay sure through files. What a callback leads to there was often done before, or is for others.
_SURE_FAR = frozenset({"functions", "enters", "params"})
_REQUESTED = "requested here"


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
    many calls away it is as sure in another file. Conditions are settled at each call on the way. For locks that
    reclaim waits for, and for `last`, see lock_hits().
    """
    known = context.calls.once(rule.id, lambda: ReclaimCalls(rule, context))
    said = set[tuple[str, int]]()
    for path, unit in known.units(side):
        for at, asked, ways in known.found(path, unit):
            hit = _hit(unit, at, asked, ways, path, known)
            bit = str(hit.values["bit"])
            if hit.confidence == "low" and path == side.path and was_narrower(unit, at, bit, context):
                hit = replace(hit, confidence="medium")
            said.add((path, unit.steps[at].lines[0]))
            yield hit if path == side.path else replace(hit, side=known.sides[path])
    yield from lock_hits(side, rule, context, RequestTools(known.asking, takes_away, keeps_flags), said)


def _hit(
    unit: FunctionUnit, at: int, asked: ReclaimRequest, ways: Sequence[ReclaimWay], path: str, known: ReclaimCalls
) -> Hit:
    """A request with the surest way to it, of these the shortest."""
    way = max(ways, key=lambda one: (CONFIDENCES.index(_sure(one, asked, path)), -len(one.shown)))
    step, name = unit.steps[at], unit.function.name
    values = {
        "call": asked.said,
        "where": _where(way, name),
        "bit": way.bit,
        "why": str(way.row["why"]),
        "instead": str(way.row["instead"]),
    }
    hit = Hit(
        (*asked.rows, *step.lines),
        name,
        f"{step.name} {asked.mask} {way.bit}",
        values,
        tuple((row, note) for where, row, note in way.shown if where == path),
        _sure(way, asked, path),
        cause=f"{way.bit} {way.row['as']}",
        elsewhere=tuple((known.sides[where], row, note) for where, row, note in way.shown if where != path),
        said=_REQUESTED if way.chain is not None else "",
    )
    if way.chain is not None:
        others = (one.chain for one in ways if one.chain is not None and one is not way)
        request = known.sides[path], hit.rows[0], _REQUESTED
        chain = as_hit_chain([way.chain, *others], name, request, known.sides, [*_doubts(way, asked, path, step.name)])
        hit = replace(hit, chain=chain)
    return _known_there(hit, unit, at, way.bit, known.rule, known.contexts[path]) if hit.confidence == "low" else hit


def _where(way: ReclaimWay, name: str) -> str:
    """Where the bit is wrong, as a clause, with the call that leads to the function of this name."""
    if way.chain is None:
        return way.said
    further = " further up" if len(way.chain.calls) > 1 else ""
    return f"{way.chain.calls[-1][1]}() calls {name}(), and{further} {way.said}"


def _sure(way: ReclaimWay, asked: ReclaimRequest, path: str) -> str:
    """How sure a remark may be about a request in a file that is reached so."""
    unsure = way.for_last or (way.chain is not None and (way.chain.once or way.chain.unsure))
    doubtful = unsure or _is_far(way, path) or (asked.wraps and _is_apart(way, path))
    return min(asked.sure, "low" if doubtful else str(way.row.get("confidence", "high")), key=CONFIDENCES.index)


def _doubts(way: ReclaimWay, asked: ReclaimRequest, path: str, callee: str) -> Iterator[str]:
    """What is not certain on a way, for a reader. `callee`: what the request calls."""
    if way.chain is not None:
        yield from way.chain.doubts_about(_is_far(way, path), callee if asked.wraps else "")
    if way.for_last:
        yield "only who gives back the last reference to something comes there"


def _is_far(way: ReclaimWay, path: str) -> bool:
    """Whether calls lead so far through files that it is often right, as a row knows."""
    sure = FAR if not _SURE_FAR.isdisjoint(way.row) else int(str(way.row.get("far", -1)))
    calls = len(way.chain.calls) if way.chain is not None else 0
    return _is_apart(way, path) and calls > sure


def _is_apart(way: ReclaimWay, path: str) -> bool:
    return any(where != path for where, _, _ in way.shown)


def _known_there(hit: Hit, unit: FunctionUnit, at: int, bit: str, rule: Rule, context: Context) -> Hit:
    """A hit that is not sure by itself, with a neighbour that does without the bit: its author knew."""
    row = narrower(unit, at, bit, row_words(rule, "reclaim"), context)
    if row is None:
        return hit
    return replace(hit, confidence="medium", because=(*hit.because, (row, f"asks without {bit}")))
