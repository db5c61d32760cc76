"""Reads the functions that lie between those that hold something and those that ask for something."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence

from reviewbot.interproc.entry import Counts, is_atomic
from reviewbot.interproc.function_reading import Callees, FunctionReading
from reviewbot.interproc.summary import DEEPEST
from reviewbot.program.call_graph import MOST_READ, Asking, FileCallGraph, FunctionKey, Holding, between, giving_back
from reviewbot.program.operations.table_calls import table_calls
from reviewbot.program.unit import FunctionUnit


class Between:
    """The functions of a call graph on ways from one that holds something to one that asks, by one of the change.

    `holding`, `asking`: see between(). `unlocking`: which of some functions may give back what is held; those that lead
    to them are read as well. Calls through members are followed by tables.
    """

    def __init__(
        self, graph: FileCallGraph, holding: Holding, asking: Asking, unlocking: Asking = lambda _: ()
    ) -> None:
        self._graph, self._tables = graph, table_calls(graph)
        starts = dict.fromkeys(key for side in graph.touched for key in graph.changed(side) if side.path in graph.sides)
        found = between(self._tables, starts, holding, asking, DEEPEST)
        found = [*found, *giving_back(self._tables, found, unlocking, DEEPEST)] if found else []
        why = f"more than {MOST_READ} functions call each other around the change; not all were followed"
        graph.cut_off.extend((path, why) for path in dict.fromkeys(path for path, _ in found[MOST_READ:]))
        found = found[:MOST_READ]
        units = [(key, unit) for key in found for unit in graph.units(key)]
        self.units: Sequence[FunctionUnit] = [unit for _, unit in units]
        self._keys = {id(unit.function): key for key, unit in units}  # what is analysed anew has the same function

    def key(self, unit: FunctionUnit) -> FunctionKey | None:
        """The key of one of the units; None for any other."""
        return self._keys.get(id(unit.function))

    def readings(self, counts: Counts = is_atomic, last: Collection[str] = ()) -> list[FunctionReading]:
        """The functions read for their summaries, but for those of which several have one name."""
        count = Counter(self._keys.values())
        names = {name for _, name in count}
        callees = {path: self._meant(path, names, count.keys()) for path in {path for path, _ in count}}
        keyed = [(unit, self._keys[id(unit.function)]) for unit in self.units]
        return [
            FunctionReading(unit, key, callees[key[0]], unit.flow.lookup, counts, last, self._tables.bodies(key))
            for unit, key in keyed
            if count[key] == 1
        ]

    def _meant(self, path: str, names: Collection[str], known: Collection[FunctionKey]) -> Mapping[str, FunctionKey]:
        """What names mean in a file, as far as that is known."""
        meant = ((name, self._graph.meant(path, name)) for name in names)
        return {name: key for name, key in meant if key is not None and key in known}


def callees_of(key: FunctionKey, unit: FunctionUnit, graph: FileCallGraph, known: Collection[FunctionKey]) -> Callees:
    """The functions that one calls, as far as they are known, by the name that it has for them."""
    names = {step.name for step in unit.steps if step.kind == "call" and not step.op}
    meant = ((name, graph.meant(key[0], name)) for name in sorted(names))
    return {name: one for name, one in meant if one is not None and one in known}
