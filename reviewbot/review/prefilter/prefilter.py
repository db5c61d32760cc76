"""Sifts away functions in which no check can find anything new, before they are parsed.

Input: the hunks of a file, and the file as it is after them. Output: the functions in which a remark can be new, and
the rules that can have one there. To
read a function costs a hundred times as much as to look at its words, and most changes have nothing to do with memory:
so a long history is sifted first. Nothing but words is looked at, and what is in doubt is kept.

What a check needs is declared beside it: see checks/declaration.py. Where a rule's check declares nothing, or not all
of the rule's row keys, nothing is sifted away. Limits: what is declared is held against all fixtures, in
tests/review/prefilter/, and not proven.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence

from reviewbot.checks.declaration import Trigger
from reviewbot.frontend.cut_functions import ChangedLines, byte_words, removed_lines, said_by_function
from reviewbot.model.kernel import Kernel, Rule
from reviewbot.review.patched_file import Selected
from reviewbot.review.prefilter import triggers
from reviewbot.review.prefilter.change import NOTHING_TAKEN, Change, ChangedFile, LentWords, Telling
from reviewbot.review.prefilter.words import RowWords, declared

Leading = Callable[[Mapping[bytes, ChangedLines]], frozenset[bytes]]


_NONE = frozenset[bytes]()


class Prefilter:
    """Sifts for one kernel and its rules."""

    def __init__(self, kernel: Kernel, rules: Sequence[Rule]) -> None:
        known = declared(rules)
        rows = RowWords(known or ())
        self._sifts = known is not None
        self._telling = Telling(kernel, rows)
        self._declared = {one.rule.id: one.declaration.triggers for one in known or ()}
        wanted = frozenset[Trigger]().union(*self._declared.values())
        self._triggers = triggers.composed(kernel, rows, self._telling, wanted)

    def kept(
        self,
        path: str,
        section: bytes,
        after: bytes,
        linked: frozenset[bytes] = frozenset(),
        leading: Leading | None = None,
        lent: LentWords = NOTHING_TAKEN,
    ) -> Selected:
        """The functions to read in `after`, a file, and the rules to ask there; `section`: its part of the diff.

        The rows of a function begin where the one above it ends. `linked`: the functions that link the file with others
        of the same commit; those that are of this name or call one are read, for all rules. `leading`: gives, of the
        lines that were changed by the name of their function, the functions on ways through other files; those of such
        a name are read as well, and where one was changed that names one. `lent`: what other files lend this one.
        """
        if not self._sifts:
            return Selected(((0, after.count(b"\n")),) if after else ())
        if not linked and leading is None and not self._telling.stand_in(after):
            return Selected(())
        file = ChangedFile(path, section, after, self._telling, lent)
        rows, fired, leads = [], set[Trigger](), False
        led = leading(said_by_function(file.touched)) if leading is not None else _NONE
        for place, lines in file.touched:
            new = self._fired(Change(file, place.part, lines))  # the file must not know it: whole files would stay
            is_led = place.part.name in led or (bool(led) and not led.isdisjoint(byte_words(lines.said)))
            is_linked = is_led or not linked.isdisjoint(place.part.words)
            if new or is_linked:
                rows.append((place.first, place.last))
            fired |= new
            leads = leads or is_linked
        return Selected(tuple(rows), None if leads else self._rules(fired))

    def takes(self, section: bytes) -> bool:
        """Whether a file's part of a diff takes a line away that tells something."""
        taken = removed_lines(section)
        return self._telling.stand_in(taken) if self._sifts else bool(taken)

    def _fired(self, change: Change) -> set[Trigger]:
        return {trigger for trigger, fires in self._triggers.items() if fires(change)}

    def _rules(self, fired: Collection[Trigger]) -> frozenset[str]:
        """The rules whose checks declare one of some triggers."""
        return frozenset(name for name, some in self._declared.items() if not some.isdisjoint(fired))
