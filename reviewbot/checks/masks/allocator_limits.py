"""Finds masks that an allocator does not support."""

from __future__ import annotations

from collections.abc import Iterator

from msgspec.structs import replace

from reviewbot.checks.declaration import Trigger, check, no_role
from reviewbot.checks.masks.nofail import mask_text, remark_rows, sides
from reviewbot.frontend.instructions import Expr, Instruction
from reviewbot.interproc.specialize import Specialization, handed_over, specialized
from reviewbot.interproc.summary import DEEPEST
from reviewbot.kernel.rows import row_words
from reviewbot.model.kernel import Allocator, Limit, Mask, Rule
from reviewbot.model.review import CONFIDENCES
from reviewbot.program.call_graph import taking_masks
from reviewbot.program.context import Context, Hit
from reviewbot.program.file_version import FileVersion
from reviewbot.program.provenance import evidence_of
from reviewbot.program.query import expression_text, masks_at, reached, requests
from reviewbot.program.unit import FunctionUnit


@check(
    triggers=(Trigger.FAR_REACHING, Trigger.MASK_CHANGED),
    keys=no_role("fits", "one", "page"),
    values=("callee", "effect", "instead", "mask", "source"),
)
def unsupported_flag(side: FileVersion, rule: Rule, context: Context) -> Iterator[Hit]:
    """A mask that its allocator rejects, strips or cannot honour at this version (the limits of _allocators.toml).

    Rows: `fits`, limits that do not matter to a size known to be small; `page`, the largest such size; `one`, calls for
    one structure.
    """
    near = [(side, unit) for unit in (*side.units, *side.telling_below(context.kernel.words["mask_types"]))]
    near += [(context.calls.sides[path], unit) for path, unit in taking_masks(context.calls, side, DEEPEST)]
    for part, unit in {id(unit): (part, unit) for part, unit in near}.values():
        said = set()
        for hit in _refused(part, unit, rule, context) if part is side else ():
            said.add(hit.key)
            yield hit
        for one in specialized(unit, part.path, context.calls, context.lookup):
            for hit in _refused(part, one.unit, rule, context):
                if hit.key not in said:
                    said.add(hit.key)
                    yield replace(_passed_on(hit, one, part, context), side=part)


def _refused(side: FileVersion, unit: FunctionUnit, rule: Rule, context: Context) -> Iterator[Hit]:
    for _, index, step, found, mask, _ in requests((unit,), context):
        for limit in found.limits:
            bad = [one for one in sides(mask, context) if _bad(unit, index, one, limit, context)]
            if not bad or _fits(step, found, limit, rule) or (unit.function.macro and limit.lacks):
                continue
            if _scoped(unit, index, limit, context) or _called_in_scope(side, unit, limit, context):
                continue
            values = {
                "callee": step.name,
                "mask": mask_text(bad[0], context),
                "effect": limit.effect,
                "instead": limit.instead,
                "source": limit.source,
            }
            yield Hit(
                remark_rows(unit, step, mask, context, limit.has or None),
                unit.function.name,
                f"{step.name} {limit.name}",
                values,
                evidence_of(side, unit, index, mask, context, limit.has or None),
                _confidence(unit, index, mask, limit, rule, context),
                limit.severity,
                cause=" ".join(sorted(limit.has | limit.lacks)),
            )
            break


def _passed_on(hit: Hit, one: Specialization, side: FileVersion, context: Context) -> Hit:
    """A hit that holds for the mask of one caller, and is one step less sure."""
    mask, caller = expression_text(one.arg), one.call.unit.function.name
    return replace(
        handed_over(hit, one, side, context),
        values={**hit.values, "mask": f"{mask} from {caller}()"},
        confidence=_lowered(hit.confidence or CONFIDENCES[-1]),
    )


def _lowered(confidence: str) -> str:
    return CONFIDENCES[max(0, CONFIDENCES.index(confidence) - 1)]


def _bad(unit: FunctionUnit, index: int, mask: Expr, limit: Limit, context: Context) -> bool:
    return any(_meets(one, limit, context) for one in masks_at(unit, index, mask, context))


def _confidence(unit: FunctionUnit, index: int, mask: Expr, limit: Limit, rule: Rule, context: Context) -> str:
    """The limit's, a step less where the mask is supported on another side of a choice, or another way to the call."""
    if all(_meets(one, limit, context) for one in masks_at(unit, index, mask, context)):
        return limit.confidence
    return _lowered(limit.confidence or rule.confidence)


def _meets(mask: Mask, limit: Limit, context: Context) -> bool:
    known = context.kernel.bits
    if not limit.has <= known or limit.lacks - known:
        return False
    return limit.has <= mask.must and not limit.lacks & mask.may


def _scoped(unit: FunctionUnit, index: int, limit: Limit, context: Context) -> bool:
    """Whether a scope around the call takes away for everything below what the mask lacks."""
    kinds = [context.kernel.scopes.get(one.scope) for state in reached(unit, index) for one in state.open]
    return bool(limit.lacks) and any(kind is not None and limit.lacks <= kind.clears for kind in kinds)


def _called_in_scope(side: FileVersion, unit: FunctionUnit, limit: Limit, context: Context) -> bool:
    """Whether a static function is called where a scope takes that away."""
    if not limit.lacks or not unit.function.static:
        return False
    calls = context.calls.calls((side.path, unit.function.name))
    return any(_scoped(one.unit, one.at, limit, context) for one in calls)


def _fits(step: Instruction, found: Allocator, limit: Limit, rule: Rule) -> bool:
    """Whether the request is so small that the limit is not reached: one structure, or a small number."""
    if limit.name not in row_words(rule, "fits"):
        return False
    if step.name in row_words(rule, "one"):
        return True
    sizes = [step.args[at] for at in found.size if at < len(step.args)]
    count = 1
    for size in sizes:
        if size.op == "num" and size.text.isdigit():
            count *= int(size.text)
        elif not size.text.startswith("sizeof"):
            return False
    structures = sum(size.op != "num" for size in sizes)
    return bool(sizes) and (count == 1 if structures else count <= int(str(rule.rows[0]["page"])))
