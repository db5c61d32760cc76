"""Puts mails into batches, each with the cursor that belongs behind its last mail."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from reviewbot.archive.port import BATCH_BYTES, MAILS, Arrival, Batch
from reviewbot.model.errors import InputError

Step = Arrival | str | None  # a mail, a line about what could not be read, or nothing but a cursor that moved
_LINES = 100  # of what could not be read, in a batch
_END = object()


def batches(steps: Iterable[Step], cursor: Callable[[], str], before: str) -> Iterator[Batch]:
    """Batches of what an archive reads step by step. `cursor`: the place behind the last step; `before`: the first one.

    No mail of the next batch is read before it is asked for. An error comes behind what was read before it.
    """
    mails: list[Arrival] = []
    wrong: list[str] = []
    size, last = 0, before
    stopped: InputError | None = None
    left = iter(steps)
    while True:
        try:
            step = next(left, _END)
        except InputError as error:  # what was read before it is handed out first
            stopped = error
            break
        if step is _END:
            break
        if isinstance(step, Arrival):
            mails.append(step)
            size += len(step.raw)
        elif isinstance(step, str):
            wrong.append(step)
        if len(mails) >= MAILS or size >= BATCH_BYTES or len(wrong) >= _LINES:
            last = cursor()
            yield Batch(tuple(mails), last, tuple(wrong))
            mails, wrong, size = [], [], 0
    if mails or wrong or cursor() != last:
        yield Batch(tuple(mails), cursor(), tuple(wrong))
    if stopped is not None:
        raise stopped
