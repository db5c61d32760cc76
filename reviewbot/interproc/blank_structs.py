"""Finds local structures of which a function has set some members and left the others zero, as C has it.

C11, 6.7.9, 21: what an initializer does not name is initialized as an object with static storage duration is.
"""

from __future__ import annotations

from collections.abc import Mapping

from reviewbot.frontend.instructions import Instruction
from reviewbot.program.unit import FunctionUnit
from reviewbot.support.patterns import pattern

_NAME = pattern(r"\w+")
Blank = Mapping[str, frozenset[str]]  # the members that were set, by the name of the structure


def blank_structs(unit: FunctionUnit, at: int) -> Blank:
    """The structures that nobody but the function itself has had before an instruction."""
    found: dict[str, frozenset[str]] = {}
    for step in unit.steps[:at]:
        if step.kind == "assign" and step.value is not None and step.value.text.startswith("{"):
            named = [part.text for part in step.value.args if part.text.startswith(".")]
            zero = step.value.text in ("{}", "{0}")
            if step.target and (zero or len(named) == len(step.value.args)):
                found[step.target] = frozenset(text for one in named for text in _NAME.findall(one)[:1])
    return {name: members | _set_later(unit, name) for name, members in found.items() if _is_own(unit, name, at)}


def _set_later(unit: FunctionUnit, name: str) -> frozenset[str]:
    start = f"{name}."
    targets = (step.target for step in unit.steps if step.kind == "assign" and step.target)
    return frozenset(one.removeprefix(start).partition(".")[0] for one in targets if one.startswith(start))


def _is_own(unit: FunctionUnit, name: str, at: int) -> bool:
    """Whether a structure is made once, and was handed to nobody before an instruction."""
    made = [step for step in unit.steps if step.kind == "assign" and step.target == name]
    return len(made) == 1 and not any(_hands(step, name) for step in unit.steps[:at])


def _hands(step: Instruction, name: str) -> bool:
    """Whether an instruction gives somebody the address of a structure."""
    values = (*step.args, *((step.value,) if step.value is not None else ()))
    return any(part.op == "&x" and part.text.startswith(f"&{name}") for value in values for part in value.walk())
