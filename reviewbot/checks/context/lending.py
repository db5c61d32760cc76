"""Finds the functions that call a changed one which takes a lock for them, or gives one back, by words.

What such a function does decides what its callers hold, though nothing was changed in them.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence

from reviewbot.dataflow.scope_table import ScopeTable
from reviewbot.program.call_graph import FileCallGraph, FunctionKey
from reviewbot.program.file_scopes import LONGEST_GIVING
from reviewbot.support.patterns import pattern

_WORD = pattern(r"\w+")
_ROUNDS = 3  # helpers that call helpers
_MOST = 40  # callers that are looked at


def lent_to(
    graph: FileCallGraph,
    starts: Collection[FunctionKey],
    lookup: Callable[[str], ScopeTable],
    asking: Callable[[Collection[FunctionKey]], Collection[FunctionKey]],
) -> Sequence[FunctionKey]:
    """The functions with a lock that may ask for memory and call one of `starts`, or a helper that does.

    `starts`: what was changed; `lookup`: the scope calls by the path of a file; `asking`: those of some functions that
    may ask.
    """

    def helps(function: FunctionKey) -> bool:
        known, name = lookup(function[0]), function[1]
        return name in known.enter or name in known.leave or any(part in name for part in known.may_unlock)

    # what it gave back before cannot be seen any more, but who does so is short
    level = [one for one in starts if len(graph.text(one)) <= LONGEST_GIVING]
    found: dict[FunctionKey, None] = {}
    for _ in range(_ROUNDS):
        fresh = [one for key in level for one in graph.callers(key) if one not in found]
        found |= dict.fromkeys(fresh)
        level = [one for one in fresh if helps(one)]
    holding = (one for one in found if not lookup(one[0]).locks.isdisjoint(_WORD.findall(graph.text(one))))
    wanted = [*asking([*holding])]
    why = f"more than {_MOST} functions may ask for memory below the lock of a changed one; {_MOST} were looked at"
    graph.cut_off.extend((path, why) for path in dict.fromkeys(path for path, _ in wanted[_MOST:]))
    return wanted[:_MOST]
