"""Says what a watcher waits for: the lists, when each was read last, and the series that are looked at next."""

from __future__ import annotations

import shutil
from collections.abc import Sequence

from reviewbot.memory import drafts, queue
from reviewbot.memory.memory import Memory
from reviewbot.report.terminal.tabulated import tabulated
from reviewbot.support.escape import visible
from reviewbot.watch.settings import ListOptions

_SHOWN = 20  # series


def status_lines(memory: Memory, lists: Sequence[ListOptions], now: float) -> str:
    """The status as text. `lists`: those of the configuration, whether they were read or not."""
    width = shutil.get_terminal_size().columns
    passes = {name: (passed, said) for name, passed, said in queue.passes(memory)}
    counts = queue.counts(memory)
    rows: list[tuple[str, ...]] = [("LIST", "READ", "WAITING", "REVIEWED", "ASIDE", "")]
    for name in dict.fromkeys((*(one.name for one in lists), *passes)):
        passed, said = passes.get(name, (0.0, ""))
        waiting = sum(counts.get((name, state), 0) for state in (queue.WAITS, queue.PARTIAL, queue.HELD))
        done = [str(counts.get((name, state), 0)) for state in (queue.REVIEWED, queue.ASIDE)]
        rows.append((name, age(now - passed) if passed else "never", str(waiting), *done, visible(said)))
    parts = [tabulated(rows, width, 1)]
    next_ = queue.waiting_series(memory)
    if next_:
        parts.append("\n")
        due = [("IN", "LIST", "SERIES")]
        due += [(_until(one.due - now), one.list, _series(one)) for one in next_[:_SHOWN]]
        parts.append(tabulated(due, width, 1))
        parts.append(f"and {len(next_) - _SHOWN} more\n" if len(next_) > _SHOWN else "")
    open_ = len(drafts.kept(memory, drafts.OPEN))
    some = "1 draft is" if open_ == 1 else f"{open_} drafts are"
    parts.append(f"\n{some} open: reviewbot drafts list\n" if open_ else "\nno draft is open\n")
    return "".join(parts)


def counted(number: int, what: str) -> str:
    """So many of something: "1 draft", "2 drafts"."""
    return f"{number} {what}{'' if number == 1 else 's'}"


def age(seconds: float) -> str:
    """A time span in its largest unit: "3 h"."""
    for unit, length in (("d", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= length:
            return f"{int(seconds // length)} {unit}"
    return "now"


def _until(seconds: float) -> str:
    return age(seconds) if seconds > 0 else "now"


def _series(one: queue.QueuedSeries) -> str:
    reason = f" ({one.reason})" if one.reason else ""
    return visible(f"{one.subject}{reason}")
