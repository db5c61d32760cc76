"""Counts calls of a patch that are made under a lock or in a scope, and leave what was read.

What such a call does nobody knows: it may sleep, or ask for memory. A call counts if the patch adds it, or adds what is
open around it. Input: files of a patch that are read as one, after their checks: only functions count whose analysis
these have asked for, so that this costs next to nothing. Words that the tables know say what they do, and do not count.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from reviewbot.frontend.fragments import OPEN
from reviewbot.frontend.instructions import Instruction
from reviewbot.kernel.rows import row_words
from reviewbot.model.kernel import Kernel, Rule
from reviewbot.program.file_version import FileVersion
from reviewbot.program.unit import FunctionUnit
from reviewbot.review.patched_file import PatchedFile

Names = frozenset[str]


def known_calls(kernel: Kernel, rules: Iterable[Rule]) -> Names:
    """The calls of which the tables say what they do, but for those that enter or leave a scope."""
    frees = (row_words(rule, "frees") for rule in rules)
    return frozenset(kernel.allocators).union(kernel.words["neutral"], kernel.words["sleepers"], *frees)


def calls_left(files: Sequence[PatchedFile], known: Names) -> int:
    """How many calls of these files count."""
    return sum(len(_leaving(file, file.after, known)) for file in files if file.after is not None)


def _leaving(file: PatchedFile, side: FileVersion, known: Names) -> Sequence[str]:
    """The names of the calls in one file that count."""
    units = (one for one in side.units if one.analysed and not one.flow.lost and not one.function.macro)
    found = [step.name for unit in units for at, step in enumerate(unit.steps) if _counts(unit, at, step, side, known)]
    own = {*side.allocators, *(one.name for one in side.defines)} if found else ()
    meant = file.calls.meant if file.calls is not None else lambda *_: None
    return [name for name in found if name not in own and meant(side.path, name) is None]


def _counts(unit: FunctionUnit, at: int, step: Instruction, side: FileVersion, known: Names) -> bool:
    """Whether a step calls what no table knows, with something open around it, and the patch adds either.

    A name in capitals is that of a macro.
    """
    states, lookup = unit.flow.at[at], unit.flow.lookup
    if step.kind != "call" or step.op or not any(state.open for state in states):
        return False
    if step.name == OPEN or step.name.isupper() or any(step.name in one for one in (known, lookup.enter, lookup.leave)):
        return False
    opened = {one.step for state in states for one in state.open}
    rows = (step.lines[0], *(unit.steps[one].lines[0] for one in opened))
    return any(0 <= row < len(side.changed) and side.changed[row] for row in rows)
