"""Makes the triggers that checks declare, for one kernel and its rules: whether a hit in a function may be new."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping

from reviewbot.checks.declaration import Role, Trigger
from reviewbot.frontend.cut_functions import FunctionText, byte_words
from reviewbot.model.kernel import Kernel
from reviewbot.review.prefilter.change import Change, ChangedFile, Telling
from reviewbot.review.prefilter.masks import MaskChanged
from reviewbot.review.prefilter.reclaim_waits import ReclaimWaits
from reviewbot.review.prefilter.run_by_others import RunByOthers
from reviewbot.review.prefilter.sleeping import GOTO, SleepContext, below
from reviewbot.review.prefilter.words import RowWords, as_bytes, first_words, has_any, last_words

_LOOP = re.compile(rb"\b(?:for|while|do|\w*for_each\w*)\b")
_SOON = 8  # rows behind a request in which its failure is dealt with
_BACK = frozenset(b"goto for while do continue".split())  # what asks again for what was refused

Fires = Callable[[Change], bool]  # whether what was changed in a function may make a hit in it new


def composed(kernel: Kernel, rows: RowWords, telling: Telling, wanted: Collection[Trigger]) -> Mapping[Trigger, Fires]:
    """Those of `wanted`."""
    others = RunByOthers(rows)
    ways: dict[Trigger, Callable[[], Fires]] = {
        Trigger.SCOPE_CALL: lambda: ScopeInFunction(telling),
        Trigger.NEVER_FAILS: lambda: NeverFails(kernel),
        Trigger.FAR_REACHING: lambda: FarReaching(kernel),
        Trigger.ASKED_AGAIN: lambda: AskedAgain(telling),
        Trigger.MASK_CHANGED: lambda: MaskChanged(kernel, telling, rows),
        Trigger.NARROWED: lambda: Narrowed(rows.with_trigger(Trigger.NARROWED), others),
        Trigger.RECLAIM_WAITS: lambda: ReclaimWaits(rows.with_trigger(Trigger.RECLAIM_WAITS), others),
        Trigger.SLEEP_CONTEXT: lambda: SleepContext(kernel, telling, rows, others),
    }
    return {trigger: ways[trigger]() for trigger in Trigger if trigger in wanted}


class ScopeInFunction:
    """Fires where a call that enters or leaves a scope stands in the function: what is below it has another mask."""

    def __init__(self, telling: Telling) -> None:
        self._scopes = telling.scopes

    def __call__(self, change: Change) -> bool:
        return not self._scopes.isdisjoint(change.part.words)


class NeverFails:
    """Fires where a call stands in the function that never fails with a mask that may sleep."""

    def __init__(self, kernel: Kernel) -> None:
        self._calls = as_bytes(name for name, one in kernel.allocators.items() if one.nofail_when)

    def __call__(self, change: Change) -> bool:
        return not self._calls.isdisjoint(change.part.words)


class FarReaching:
    """Fires where a flag or a condition stands in the function that makes a request matter far from its line."""

    def __init__(self, kernel: Kernel) -> None:
        self._words = tuple(as_bytes(kernel.words["far_reaching"] | kernel.words["nowait"]))

    def __call__(self, change: Change) -> bool:
        return has_any(change.part.text, self._words) and change.asks


class AskedAgain:
    """Fires where a way may lead back to a request soon after it has failed, and what was changed has part in it."""

    def __init__(self, telling: Telling) -> None:
        self._requests = telling.requests

    def __call__(self, change: Change) -> bool:
        return change.asks and not _BACK.isdisjoint(change.words) and self._leads_back(change.part)

    def _leads_back(self, part: FunctionText) -> bool:
        labels: set[bytes] = set()
        last = -1
        for at, row in enumerate(part.rows):
            words = byte_words(row)
            if not self._requests.isdisjoint(words):
                last = at + _SOON
            goto, label = found.groups() if (found := GOTO.search(row)) else (None, None)
            labels.update((label,) if label else ())
            if at <= last and (goto in labels or b"while" in words or b"continue" in words):
                return True
            if at <= last and b"break" in words and _LOOP.search(part.text):
                return True
        return False


class Narrowed:
    """Fires where a function is run by what may not ask for all that a mask may have, or is called from there."""

    def __init__(self, rows: RowWords, others: RunByOthers) -> None:
        self._others = others
        self._members, self._registers = last_words(rows.of(Role.MEMBERS)), first_words(rows.of(Role.REGISTERS))
        self._run = self._members | self._registers
        put = b"|".join(map(re.escape, sorted(self._members))) or b"(?!)"
        self._put = re.compile(rb"(?:\.|->)\s*(?:%b)\s*=[\s&]*(\w+)" % put)  # what such a member is set to
        self._handles = as_bytes(rows.of(Role.HANDLE_CALLS)) | last_words(rows.of(Role.HANDLE_TYPES))
        self._ends = as_bytes(rows.of(Role.HANDLE_ENDS))

    def __call__(self, change: Change) -> bool:
        moves = change.tells or change.leads or has_any(change.said, self._ends)
        asks = change.asks and (moves or self._comes_to_run(change))
        if not asks and not self._calls(change):
            return False
        return change.part.name in change.file.once("narrowed", lambda: self._narrowed(change.file))

    def _calls(self, change: Change) -> bool:
        """Whether what was changed names a function of the file which asks for memory, or calls one that does."""
        named = change.file.named.keys() & change.words
        return any(change.file.asks(one) for one in below(change.file, named))

    def _comes_to_run(self, change: Change) -> bool:
        """Whether what was changed in the file has to do with how the function comes to be run."""
        return change.part.name in change.file.changed or not self._run.isdisjoint(change.file.changed)

    def _narrowed(self, file: ChangedFile) -> frozenset[bytes]:
        """The functions of a file that are run so, or called from such."""
        handles = [word for word in self._handles if word in file.text]
        found = {part.name for part in file.having(handles) if part.name}
        found.update(self._others.typed(file, file.named.keys()))
        if has_any(file.text, self._members):
            found |= file.named.keys() & set(self._put.findall(file.text))
        for word in self._registers:
            found |= file.named.keys() & set(file.given_to(word) if word in file.text else ())
        new = set(found)
        while new:
            new = {name for one in new for name in file.named[one].words & file.named.keys()} - found
            found |= new
        return frozenset(found)
