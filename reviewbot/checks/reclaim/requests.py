"""Reads the requests for memory that may enter reclaim, and the masks that are handed to what was not read."""

from __future__ import annotations

from msgspec import Struct

from reviewbot.checks.context.sleeping_calls import hands_mask, is_mask_argument
from reviewbot.frontend.instructions import Instruction
from reviewbot.kernel.rows import row_words
from reviewbot.model.kernel import Rule
from reviewbot.program.context import Context
from reviewbot.program.query import allocation, expression_text, flag_rows, masks_at, reached, request_at
from reviewbot.program.unit import FunctionUnit


class ReclaimRequest(Struct, frozen=True):
    """A request for memory: how a text names it, its mask, where that stands, and the bits it surely has.

    `wraps`: it is a function that is handed the mask; what that does with it was not read.
    """

    said: str
    mask: str
    rows: tuple[int, ...]
    bits: frozenset[str]
    wraps: bool = False

    @property
    def sure(self) -> str:
        """The confidence that it allows."""
        return "medium" if self.wraps else "high"


def reclaim_request(
    unit: FunctionUnit, index: int, step: Instruction, rule: Rule, context: Context
) -> ReclaimRequest | None:
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
        asked = ReclaimRequest(request.said, request.mask.text, flag_rows(request.mask, context.kernel), has)
    elif handed is not None:
        asked = handed
    else:
        return None
    return asked if row_words(rule, "reclaim") <= asked.bits and not asked.bits & row_words(rule, "unless") else None


def _handed(unit: FunctionUnit, index: int, rule: Rule, context: Context) -> ReclaimRequest | None:
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
            return ReclaimRequest(said, arg.text, flag_rows(arg, context.kernel), has, wraps=True)
    return None
