"""What a check is: a side's slice and a rule in, hits out; and what most checks need."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

from reviewbot import flags
from reviewbot.csource import Expr, Step
from reviewbot.fixes import Replace
from reviewbot.flow import Lookup, World
from reviewbot.model import Allocator, Data, Kernel, Mask, Rule
from reviewbot.opened import Unit
from reviewbot.sides import Slice, expressions

_WORD = re.compile(r"\w+")


@dataclass(frozen=True, slots=True)
class Hit:
    """A rule's pattern, found. `rows`: where a remark may hang, best first; `key`: what the same cause shares.

    `because`: (row, note) pairs, the evidence. `confidence` and `severity`: "" for the rule's own;
    they may only lower it. `replace`: a word of the first row and what surely belongs in its place ("": nothing, it
    goes with one "|"). `anywhere`: the same cause in another function is the same all the same.
    """

    rows: tuple[int, ...]
    function: str
    key: str
    values: Mapping[str, str] = field(default_factory=dict)
    because: tuple[tuple[int, str], ...] = ()
    confidence: str = ""
    severity: str = ""
    replace: Replace | None = None
    anywhere: bool = False


@dataclass(frozen=True, slots=True)
class Context:
    """What a check may ask besides its slice. `defined`: names that the series itself defines.

    `before(names)`: the other side's slice with the functions that say one of the names; None while that side is
    checked. It is read when it is asked for, so ask only where the answer matters.
    """

    kernel: Kernel
    lookup: Lookup
    before: Callable[[frozenset[str]], Slice | None]
    defined: frozenset[str]


Check = Callable[[Slice, Rule, Context], Iterator[Hit]]


def strings(row: Mapping[str, Data], key: str) -> tuple[str, ...]:
    """A row's list of words; () where it has none."""
    value = row.get(key, ())
    return value if isinstance(value, tuple) else (str(value),)


def words(rule: Rule, key: str) -> frozenset[str]:
    """All words that the rule's rows list under a key."""
    return frozenset(word for row in rule.rows for word in strings(row, key))


def allocation(step: Step, kernel: Kernel) -> Allocator | None:
    """The allocator a call step calls, None if it is none that allocates."""
    found = kernel.allocators.get(step.name) if step.kind == "call" and not step.op else None
    return found if found is not None and found.allocates else None


def mask_argument(step: Step, found: Allocator) -> Expr | None:
    """The expression that stands where the allocator takes its mask."""
    return step.args[found.gfp] if found.gfp is not None and found.gfp < len(step.args) else None


def masks_at(unit: Unit, index: int, expr: Expr, context: Context) -> tuple[Mask, ...]:
    """The masks an expression may have at a step, one a world and side of a ?:."""
    tools = context.lookup.tools
    out: list[Mask] = []
    for world in unit.flow.at[index]:
        for one, known in flags.choices(expr, world.masks or {}, context.kernel, tools):
            mask = flags.evaluate(one, known, context.kernel, tools)
            if mask not in out:
                out.append(mask)
    return tuple(out)


def mentions(step: Step, kernel: Kernel) -> bool:
    """Whether a step itself may name a flag: a look at its text, for most steps of most functions do not."""
    prefixes = kernel.words["flag_prefixes"]
    return any(prefix in expr.text for expr in expressions(step) for prefix in prefixes)


def flag_rows(expr: Expr, kernel: Kernel, names: frozenset[str] | None = None) -> tuple[int, ...]:
    """Rows on which an expression names flags (those of `names`, if given)."""
    parts = (part for part in expr.walk() if part.op == "name" and flags.is_flag_name(part.text, kernel))
    return tuple(dict.fromkeys(part.line for part in parts if names is None or part.text in names))


def origin_rows(unit: Unit, variable: str, kernel: Kernel, names: frozenset[str] | None = None) -> tuple[int, ...]:
    """Rows on which a variable is given flags (those of `names`, if given)."""
    rows: list[int] = []
    for step in unit.steps:
        if step.kind == "assign" and step.target == variable and step.value is not None:
            rows += flag_rows(step.value, kernel, names)
    return tuple(dict.fromkeys(rows))


def rows_of(step: Step) -> tuple[int, ...]:
    """All rows of a step, first first."""
    return tuple(range(step.lines[0], step.lines[1] + 1))


def reached(unit: Unit, index: int) -> tuple[World, ...]:
    """The worlds at a step; () where nothing certain is known."""
    return () if unit.flow.lost else unit.flow.at[index]


def bits_of(text: str, kernel: Kernel) -> frozenset[str]:
    """All bits of the flags that a text names, such as what an allocator says it uses on its own."""
    names = _WORD.findall(text)
    return frozenset(bit for name in names if name in kernel.flags for bit in kernel.flags[name].bits)


def code(expr: Expr) -> str:
    """An expression as a reader wants it: one line, blanks around |."""
    return expr.text.replace("|", " | ") if expr.op == "|" else expr.text
