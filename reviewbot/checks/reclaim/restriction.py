"""Groups the rows of a rule by the bit that is wrong, and says where scopes and functions take it away."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from msgspec import Struct

from reviewbot.dataflow.state import State
from reviewbot.kernel.rows import Row, row_words, strings
from reviewbot.model.kernel import Rule
from reviewbot.program.context import Context
from reviewbot.program.file_version import expressions
from reviewbot.program.unit import FunctionUnit


class Restriction(Struct, frozen=True):
    """The rows about one bit without which reclaim does not come back, as far as the same conditions excuse it.

    `telling`: the words of these; `run`: rows about functions that are run so; `handles`: those about what is held,
    each with a name.
    """

    bit: str
    telling: tuple[str, ...]
    run: tuple[Row, ...]
    handles: Mapping[str, Row]


def restrictions(rule: Rule) -> Sequence[Restriction]:
    """Those of a rule, in the order of its rows."""
    asked = tuple(sorted(row_words(rule, "asked")))
    found: dict[tuple[str, tuple[str, ...]], list[tuple[int, Row]]] = {}
    for number, row in enumerate(rule.rows):
        if "as" in row:
            found.setdefault((str(row["bit"]), strings(row, "unless_asked")), []).append((number, row))
    return [
        Restriction(
            bit,
            (*asked, *excused),
            tuple(row for _, row in rows if not is_handle(row)),
            {str(number): row for number, row in rows if is_handle(row)},
        )
        for (bit, excused), rows in found.items()
    ]


def is_handle(row: Row) -> bool:
    """Whether a row is about what is held between calls, or given to a function."""
    return "enters" in row or "params" in row


def takes_away(state: State, bit: str, rule: Rule, context: Context) -> bool:
    """Whether a scope takes the bit away, or all of reclaim, or may; below a spinlock something else is wrong."""
    kinds = [context.kernel.scopes.get(one.scope) for one in state.open]
    gone = row_words(rule, "reclaim") | {bit}
    return any(
        kind is None or kind.atomic or kind.clears & gone or kind.flag in row_words(rule, "reserves") for kind in kinds
    )


def keeps_flags(unit: FunctionUnit, context: Context) -> bool:
    """Whether the function reads or writes the flags that scopes set, as who keeps them by hand."""
    prefixes = context.kernel.words["scope_flag_prefixes"]
    read = (expr.text for step in unit.steps if step.kind != "call" for expr in expressions(step))
    return any(prefix in text for text in read for prefix in prefixes)
