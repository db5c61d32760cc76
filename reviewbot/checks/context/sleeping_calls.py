"""Says whether an instruction is a call that surely may sleep: by its mask, or because it frees memory."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import product

from msgspec import Struct
from msgspec.structs import replace

from reviewbot.dataflow import mask_algebra
from reviewbot.dataflow.conditions import normal, simplified
from reviewbot.frontend.instructions import Expr
from reviewbot.interproc.entry import EntryContext, taker
from reviewbot.interproc.function_reading import FunctionReading
from reviewbot.interproc.summary import Way
from reviewbot.kernel.rows import Row, row_words, strings
from reviewbot.model.kernel import Kernel, Rule
from reviewbot.program.context import Context
from reviewbot.program.query import (
    allocation,
    expression_text,
    flag_rows,
    masks_at,
    masks_by_state,
    mentions,
    reached,
    request_at,
)
from reviewbot.program.unit import FunctionUnit
from reviewbot.support.patterns import pattern

_WORD = pattern(r"\w+")
_NOTHING = ("NULL", "0")
_MOST_CHOICES = 4  # in one mask

Frees = Mapping[str, Row]  # by the call, the rule's row about it


class Sleeper(Struct, frozen=True):
    """A call that may sleep: how a text names it, and begins to say why; its mask ("" if it takes none).

    `rows`: where its flags stand; `free`: the rule's row of a free, which may be particular about what is held;
    `wraps`: it is a function that is handed the mask. `somewhere`: by state at the step, whether the mask lets it sleep
    on some side of a choice; `everywhere`: on each. Both are empty where it sleeps whatever the path was, and
    `choice`, the mask itself, is None.
    """

    said: str
    how: str
    mask: str
    rows: tuple[int, ...]
    confidence: str = ""
    free: Row | None = None
    wraps: bool = False
    somewhere: tuple[bool, ...] = ()
    everywhere: tuple[bool, ...] = ()
    choice: Expr | None = None

    @property
    def chosen_by(self) -> tuple[Expr, ...]:
        """The conditions of the choices that stand in the mask itself."""
        return tuple(part.args[0] for part in self.choice.walk() if part.op == "?:") if self.choice is not None else ()

    @property
    def always(self) -> bool:
        """It sleeps on every path, on each side of a choice."""
        return all(self.everywhere)

    def on(self, number: int) -> bool:
        """Whether it may sleep in the state of this number at the step."""
        return not self.somewhere or self.somewhere[number]

    def surely_on(self, number: int) -> bool:
        """Whether it sleeps in the state of this number, whatever is chosen there."""
        return not self.everywhere or self.everywhere[number]


def frees_of(rule: Rule) -> Frees:
    """The calls that free memory and may sleep."""
    return {name: row for row in rule.rows for name in strings(row, "frees")}


def sleeper(unit: FunctionUnit, index: int, rule: Rule, frees: Frees, context: Context) -> Sleeper | None:
    """What a call that surely may sleep says about it; None for any other step."""
    step = unit.steps[index]
    if step.kind != "call" or step.op:
        return None
    found, free = allocation(step, context.kernel), frees.get(step.name)
    quiet = found is None and free is None  # most calls are: only their text is looked at
    if (quiet and not hands_mask(unit, index, context)) or not reached(unit, index):
        return None
    reclaim = strings(rule.rows[0], "reclaim")[0]
    if free is not None:
        return Sleeper(f"{step.name}()", "It may", "", (), str(free.get("confidence", "medium")), free)
    if found is None:
        known = step.name in context.kernel.allocators
        return None if known else _wrapper(unit, index, reclaim, rule, context)
    asked = request_at(unit, index, context)
    if asked is None and found.sleeps == "always":
        return Sleeper(f"{step.name}()", "It may", "", ())
    if asked is None or found.sleeps == "never":
        return None
    rows = flag_rows(asked.mask, context.kernel)
    if found.sleeps == "always":
        return Sleeper(asked.said, asked.how, asked.mask.text, rows)
    sides = [[reclaim in one.must for one in masks] for masks in masks_by_state(unit, index, asked.mask, context)]
    made = Sleeper(asked.said, asked.how, asked.mask.text, rows)
    if not any(map(any, sides)) or (not all(map(all, sides)) and _asks_mask(asked.mask, context)):
        return None
    return _on_paths(made, asked.mask, sides)


def _asks_mask(mask: Expr, context: Context) -> bool:
    """Whether one of the choices in a mask asks about a mask: whoever passes that decides."""
    asked = [part.args[0] for part in mask.walk() if part.op == "?:"]
    tests = context.lookup.tools.tests
    return any(part.text in tests or part.text in context.kernel.flags for one in asked for part in one.walk())


def _on_paths(made: Sleeper, mask: Expr, sides: Sequence[Sequence[bool]]) -> Sleeper:
    """A sleeper of which is known, by state, on which sides of a choice it sleeps."""
    if all(map(all, sides)):
        return made
    how = made.how.replace(" it may", ", on one of the paths, it may")
    some, every = tuple(map(any, sides)), tuple(map(all, sides))
    return replace(made, how=how, somewhere=some, everywhere=every, choice=mask)


def ways_to(reading: FunctionReading, index: int, call: Sleeper, rule: Rule, context: Context) -> set[Way]:
    """The conditions on which a call is reached and may sleep, by way; those of a choice in its mask are among them."""
    if len(call.chosen_by) > _MOST_CHOICES:
        return set()
    states = (state for number, state in enumerate(reading.reaches(index)) if call.on(number))
    found = set()
    reclaim, transparent = strings(rule.rows[0], "reclaim")[0], context.kernel.words["transparent"]
    for state in states:
        for chosen in product((True, False), repeat=len(call.chosen_by)):
            facts = {normal(one, way) for one, way in zip(call.chosen_by, chosen, strict=True)}
            if any((text, not way) in state.facts for text, way in facts):
                continue
            if call.choice is not None and facts:
                mask = simplified(call.choice, state.facts | facts, transparent)
                known = mask_algebra.evaluate(mask, state.masks or {}, context.kernel, context.lookup.tools)
                if reclaim not in known.must:
                    continue
            found.add(reading.way(index, state.facts | facts))
    return found


def _wrapper(unit: FunctionUnit, index: int, reclaim: str, rule: Rule, context: Context) -> Sleeper | None:
    """A call of something unknown that is handed flags which let it sleep; it may do with them what it likes."""
    step, words_ = unit.steps[index], context.kernel.words
    changes = any(word in step.name for word in (*words_["may_unlock"], *row_words(rule, "keeps")))
    if step.name in row_words(rule, "harmless") or changes or step.name.isupper():
        return None
    for arg in step.args:
        if not is_mask_argument(unit, index, arg, context):
            continue
        sides = [[reclaim in one.must for one in masks] for masks in masks_by_state(unit, index, arg, context)]
        if any(map(any, sides)):
            said, how = f"{step.name}() with {expression_text(arg)}", f"With {expression_text(arg)} it may"
            rows = flag_rows(arg, context.kernel)
            return _on_paths(Sleeper(said, how, arg.text, rows, "medium", wraps=True), arg, sides)
    return None


def hands_mask(unit: FunctionUnit, index: int, context: Context) -> bool:
    """Whether a call names a flag, or passes a variable or a macro that is known as a mask."""
    step = unit.steps[index]
    if mentions(step, context.kernel):
        return True
    known = {name for state in unit.flow.at[index] for name in state.masks or ()}
    return any(arg.text in known for arg in step.args) if known else False


def is_mask_argument(unit: FunctionUnit, index: int, arg: Expr, context: Context) -> bool:
    """Whether an argument is a mask: flags alone, or what surely was given some on every path."""
    states = reached(unit, index)
    return is_flags(arg, context.kernel) or (bool(states) and all(arg.text in (one.masks or {}) for one in states))


def is_flags(expr: Expr, kernel: Kernel) -> bool:
    """Whether an expression is made of the names of flags alone, on each side of a choice."""
    if expr.op == "?:" and len(expr.args) == 3:
        sides = [side for side in expr.args[1:] if side.op != "num"]
        return bool(sides) and all(is_flags(side, kernel) for side in sides)
    chain = mask_algebra.terms(expr)
    return all(term.text in kernel.flags for term in chain) or (
        len(chain) > 1 and all(term.text in kernel.flags or is_flags(term, kernel) for term in chain)
    )


def matters(
    unit: FunctionUnit, index: int, row: Row, above: Sequence[EntryContext], taken: str, context: Context
) -> bool:
    """Whether what is held keeps a free from sleeping: some leave it to others where they see that they must not.

    `above`: what the function and its callers are entered with; `taken`: the call that took what is held at the step.
    """
    calls = {taken, *_open(unit, index, context), *(entry.taken for entry in above)} - {""}
    legal, only = strings(row, "legal"), strings(row, "only")
    in_callback = not calls or any(not entry.scope for entry in above)
    if (legal and in_callback) or _is_plain(unit, index, row, context):
        return False
    if any(word in name for name in calls for word in legal):
        return False
    bases = {entry.base for entry in above if not entry.scope}
    off = any(words in base for base in bases for words in strings(row, "only_in"))
    return not only or off or any(word in name for name in calls for word in only)


def _is_plain(unit: FunctionUnit, index: int, row: Row, context: Context) -> bool:
    """Whether what is freed surely comes from a family of `plain`, without the `reclaim` that it needs for more."""
    step, families = unit.steps[index], strings(row, "plain")
    name = step.args[0].text if families and step.args else ""
    made = [at for at, one in enumerate(unit.steps) if name and one.target == name]
    calls = [at for at in made if unit.steps[at].kind == "call"]
    given = [one.value for one in (unit.steps[at] for at in made) if one.kind == "assign" and one.op != ""]
    if not calls or any(value is None or (value.op != "call" and value.text not in _NOTHING) for value in given):
        return False
    return all(_without(unit, at, families, strings(row, "reclaim")[0], context) for at in calls)


def _without(unit: FunctionUnit, at: int, families: Sequence[str], bit: str, context: Context) -> bool:
    """Whether a call asks one of some families with a mask that surely lacks a bit."""
    asked = request_at(unit, at, context)
    if asked is None or asked.allocator.family not in families:
        return False
    masks = masks_at(unit, at, asked.mask, context)
    return bool(masks) and all(one.lacks(bit) for one in masks)


def _open(unit: FunctionUnit, index: int, context: Context) -> Iterator[str]:
    """The calls that took what is open at a step on some path."""
    for state in reached(unit, index):
        for one in state.open:
            kind = context.kernel.scopes.get(one.scope)
            if kind is not None and kind.atomic:
                yield taker(unit.steps[one.step])


def last_user(unit: FunctionUnit, index: int, row: Row) -> bool:
    """Whether only the last user comes to a step, who need not be one that holds a lock of a caller."""
    asked = {text for state in reached(unit, index) for text, true in state.facts if true}
    return any(word in text for text in asked for word in strings(row, "counted"))
