"""Goes over all lists once; and over one archive from its beginning, as if its mails had just arrived."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from msgspec.structs import replace

from reviewbot.archive.port import Archive
from reviewbot.memory import queue
from reviewbot.memory.memory import Memory
from reviewbot.watch.list_pass import ListPass, ListResult, Ports
from reviewbot.watch.look import ReviewWork
from reviewbot.watch.settings import ListOptions, WatchOptions

_HOUR, _DAY = 3_600.0, 86_400.0
_NEVER = float("inf")
_ALL = 10_000_000  # drafts a day: a replay is no list that anybody reads


def run_pass(memory: Memory, lists: Sequence[ListOptions], options: WatchOptions, ports: Ports) -> list[ListResult]:
    """Go over the lists; what goes wrong with one is kept and said, and the others are gone over all the same.

    Raises ConfigError where an archive is of no known kind, before any is read.
    """
    works = [ListPass(memory, one, options, ports) for one in lists]
    done = [work.run() for work in works]
    queue.forget(memory, ports.now() - options.keep_days * _DAY)
    return done


class ReplayClock:
    """The time in a replay: that of the last mail that has arrived, `latest` at most; it never goes back."""

    def __init__(self, at: float, latest: float) -> None:
        self._at, self._latest = at, latest

    def __call__(self) -> float:
        """The time, in seconds since 1970."""
        return self._at

    def advance(self, to: float) -> None:
        """Let it be that late, unless it is later by now."""
        self._at = max(self._at, min(to, self._latest))

    def wait(self, until: float) -> None:
        """Let it be that late though no mail has arrived by then."""
        self._at = max(self._at, until)


def clock_of(memory: Memory, name: str, latest: float) -> ReplayClock:
    """The clock of a list where an earlier replay has left it, or at its beginning."""
    return ReplayClock(next((passed for known, passed, _ in queue.passes(memory) if known == name), 0.0), latest)


def replay(
    memory: Memory, archive: Archive, given: ListOptions, options: WatchOptions, ports: Ports, clock: ReplayClock
) -> ListResult:
    """Go over an archive; `ports` have that clock and no archive. What was done by an earlier run is not done again."""
    work = ListPass(memory, replace(given, most=_ALL), options, ports)

    def works() -> Iterator[ReviewWork]:
        for batch in archive.new(queue.cursor(memory, given.name), 0.0):
            taken = 0
            for at, mail in enumerate(batch.mails):
                # what is due is looked at before that mail is there
                if min(work.next_due(), batch.mails[taken].when + given.wait_hours * _HOUR) < mail.when:
                    work.take(batch.mails[taken:at])
                    taken = at
                    clock.advance(mail.when)
                    yield from work.works()
                clock.advance(mail.when)
            work.keep(replace(batch, mails=batch.mails[taken:]))
        yield from _rest(work, clock)

    work.settle_all(works())
    while work.next_due() < _NEVER:  # a version that came while the one before it was looked at
        work.settle_all(_rest(work, clock))
    return work.result


def _rest(work: ListPass, clock: ReplayClock) -> Iterator[ReviewWork]:
    """What is waited for when all mails are there, each when it is due."""
    while (due := work.next_due()) < _NEVER:
        clock.wait(due)
        yield from work.works()
