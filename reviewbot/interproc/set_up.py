"""Tells what a function does only as long as something is not there yet, and what it has just made."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from functools import cached_property

from reviewbot.dataflow.conditions import normal
from reviewbot.frontend.instructions import Instruction
from reviewbot.interproc.context_tests import is_constant, is_false
from reviewbot.interproc.summary import ANY
from reviewbot.model.kernel import Kernel
from reviewbot.program.unit import FunctionUnit

_DONE = ("1", "true")


class SetUp:
    """What a function sets up once. `params`: the names of its parameters that it does not write to."""

    def __init__(self, unit: FunctionUnit, params: Collection[str]) -> None:
        self._unit, self._params = unit, params

    def once(self, at: int) -> str:
        """What an instruction is reached for only while it is not there yet, and the function then makes; see Effect.

        Or only where something has no operation for it, which is called otherwise: most have.
        """
        if any(at in absent and at not in there for absent, there in self._operation_tests):
            return ANY
        tests = ((text, missing - there, places) for text, missing, there, places in self._made_tests)
        told = [one for one in tests if at in one[1]]
        after = self._led_to(at) if told else frozenset[int]()
        # or undoes what it has begun, where it could not make all of it
        made = {
            self._owner(text)
            for text, alone, places in told
            if any(one in after or (one in alone and at in self._led_to(one)) for one in places)
        }
        return ANY if len(made) > 1 else "".join(made)

    def _owner(self, made: str) -> str:
        """The parameter that points to what something is a member of, ANY for another place."""
        name, _, member = made.partition("->")
        return name if member and "->" not in member and name in self._params else ANY

    @cached_property
    def _operation_tests(self) -> Sequence[tuple[frozenset[int], frozenset[int]]]:
        """The tests of operations that the function calls: where it leads that one is absent, or there."""
        found = []
        called = {step.name for step in self._unit.steps if step.kind == "call" and not step.name.isidentifier()}
        for at, step in enumerate(self._unit.steps if called else ()):
            if step.kind != "test" or step.value is None or any(part.op == "call" for part in step.value.walk()):
                continue  # what an operation answers says nothing of whether there is one
            text, true = normal(step.value, True)
            if text in called:
                there, absent = self._unit.cfg.branch(at, true), self._unit.cfg.branch(at, not true)
                found.append((self._led_to(absent), self._led_to(there)))
        return found

    @cached_property
    def _made_tests(self) -> Sequence[tuple[str, frozenset[int], frozenset[int], Sequence[int]]]:
        """The tests of what the function makes: where it leads that this is missing, or there; where it is made."""
        found = []
        for at, step in enumerate(self._unit.steps if self._made else ()):
            text, true = normal(step.value, True) if step.kind == "test" and step.value is not None else ("", True)
            if text in self._made:
                there, missing = self._unit.cfg.branch(at, true), self._unit.cfg.branch(at, not true)
                found.append((text, self._led_to(missing), self._led_to(there), self._made[text]))
        return found

    @cached_property
    def _made(self) -> Mapping[str, Sequence[int]]:
        """What the function makes that outlives it, in members and variables that are not its own, and where.

        Also a bit that it sets, as a condition asks for it; not what is given an error or a state as well.
        """
        codes = {step.target for step in self._unit.steps if _sets_code(step)}
        own = {step.target for step in self._unit.steps if step.declares and not step.static}
        found: dict[str, list[int]] = {}
        for at, step in enumerate(self._unit.steps):
            value = step.value if step.kind == "assign" and step.target not in own else None
            if value is not None and step.op == "|=":
                found.setdefault(f"{step.target}&{value.text}", []).append(at)
            elif value is None or step.op != "=" or step.target in codes:
                continue
            elif value.op == "call" or value.text in _DONE:
                found.setdefault(step.target, []).append(at)
        return found

    def _led_to(self, at: int) -> frozenset[int]:
        return frozenset(self._unit.cfg.reachable((at,), lambda _: True))


def fresh_objects(unit: FunctionUnit, kernel: Kernel) -> frozenset[str]:
    """The variables of a function that are given nothing but what an allocator has made."""
    made: dict[str, bool] = {}
    for step in unit.steps:
        value = step.value if step.kind == "assign" else None
        if value is not None and step.target.isidentifier() and not is_false(value.text):
            known = kernel.allocators.get(value.text) if value.op == "call" else None
            made[step.target] = made.get(step.target, True) and known is not None and known.allocates
    return frozenset(name for name, only in made.items() if only)


def _sets_code(step: Instruction) -> bool:
    """Whether an instruction sets something to a constant that says more than whether it is there."""
    value = step.value.text if step.kind == "assign" and step.op == "=" and step.value is not None else ""
    return is_constant(value) and not is_false(value) and value not in _DONE
