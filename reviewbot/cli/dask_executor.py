"""Looks at works on the workers of Dask, for archives that are too much for one machine.

A worker needs reviewbot installed, and the trees of lists at the same paths. Each work has all that it needs, and its
result counts once: what a worker that dies had begun is begun again by another.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from itertools import islice
from typing import Any, NamedTuple
from uuid import uuid4

from msgspec.structs import replace

from reviewbot import config
from reviewbot.cli.looking import Executor, Looker
from reviewbot.cli.session import SessionOptions
from reviewbot.model.errors import FetchError, InputError, UsageError
from reviewbot.model.kernel import Version
from reviewbot.support.timeout import TooSlow
from reviewbot.support.workers import in_process
from reviewbot.watch.look import Looked, ReviewWork
from reviewbot.watch.settings import ListOptions

_AHEAD = 16  # works of each worker that are handed out or wait
_MAILS = 8  # times the seconds of a patch: for finding the series among its mails
_SECONDS = 20  # until a scheduler has answered
_lookers: dict[str, Looker] = {}  # by run, of this process where it is a worker


class _Run(NamedTuple):
    """What the works of a run share; `name`: no other run has it."""

    name: str
    given: SessionOptions
    lists: tuple[ListOptions, ...]


def executor_at(address: str) -> Executor:
    """What looks at works with a scheduler at an address; "": with one of its own on this machine."""
    return lambda given, lists, works: _looked(address, given, tuple(lists), works)


def _looked(
    address: str, given: SessionOptions, lists: Sequence[ListOptions], works: Iterable[ReviewWork]
) -> Iterator[Looked]:
    try:
        import distributed
    except ImportError as error:
        raise UsageError("--executor dask needs an extra: pip install 'reviewbot[dask]'") from error
    try:
        connect: Any = distributed.Client
        client = connect(address or None, timeout=_SECONDS, set_as_default=False)
    except (OSError, TimeoutError, ValueError) as error:
        raise FetchError(f"no scheduler of Dask answers at {address}: {error}") from error
    with client, client.as_current():
        yield from _gathered(distributed, client, _Run(uuid4().hex, _plain(given), tuple(lists)), iter(works))


def _gathered(distributed: Any, client: Any, run: _Run, works: Iterator[ReviewWork]) -> Iterator[Looked]:
    """Keep so many works handed out, and give each result as it comes."""
    open_: dict[Any, ReviewWork] = {}
    done = distributed.as_completed()

    def hand_out() -> None:
        room = _AHEAD * max(1, len(client.scheduler_info()["workers"])) - len(open_)
        for work in islice(works, max(room, 0)):
            # `pure`: the same work twice is the same task, and would be done once
            future = client.submit(_look, run, work, pure=False, retries=2)
            open_[future] = work
            done.add(future)

    hand_out()
    for future in done:
        work = open_.pop(future)
        yield _result(distributed, future, work)
        future.release()
        hand_out()


def _result(distributed: Any, future: Any, work: ReviewWork) -> Looked:
    try:
        looked: Looked = future.result()
    except distributed.KilledWorker:
        return Looked(work.number, work.arrived, wrong="it ended the processes that read it")
    return looked


def _plain(given: SessionOptions) -> SessionOptions:
    """The settings alone: rules are loaded where they are used."""
    return SessionOptions(*(getattr(given, name) for name in SessionOptions.__struct_fields__))


def _look(run: _Run, work: ReviewWork) -> Looked:
    """Look at a work in the process of a worker, with the rules that are installed there."""
    looker = _lookers.get(run.name)
    if looker is None:
        here = replace(run.given, folders=(config.data_path("rules"), *run.given.folders[1:]))
        _lookers.clear()
        looker = _lookers[run.name] = Looker(here, run.lists)
    limits = run.given.config.limits
    try:
        # a worker runs this in a thread, where no signal can end what takes too long
        looked, versions = in_process(partial(_with_versions, looker, work), (_MAILS + limits.patches) * limits.seconds)
    except TooSlow:
        return Looked(work.number, work.arrived, wrong="it took too long")
    except InputError as error:
        return Looked(work.number, work.arrived, wrong=f"it {error}")
    for version in versions:  # the next process has them from the beginning
        looker.load(version)
    return looked


def _with_versions(looker: Looker, work: ReviewWork) -> tuple[Looked, tuple[Version, ...]]:
    return looker(work), looker.versions
