"""Runs a function over tasks in several worker processes and returns the results in order.

The processes are forks, made before the first task is read, so that they share what is in memory by then. None of them
outlives its parent: a parent that is told to stop kills them all, and a process whose pipe is closed ends itself.
"""

from __future__ import annotations

import gc
import multiprocessing
import os
import signal
import traceback
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from typing import Generic, NamedTuple, TypeVar

from reviewbot.model.errors import InputError
from reviewbot.support.timeout import TooSlow, bounded

Task = TypeVar("Task")
Made = TypeVar("Made")

_LEFT = 50_000  # objects more than before, when those that hold each other are looked for
_AHEAD = 4  # tasks of each process that may be at work or wait for an earlier one to be done


class WorkerDied(NamedTuple):
    """A process ended during its task. `code`: the signal that ended it, negative, or its exit code."""

    code: int


def size(most: int) -> int:
    """How many of `most` processes are of use: 0 where the system cannot fork, or has a single processor."""
    room = len(os.sched_getaffinity(0)) if "fork" in multiprocessing.get_all_start_methods() else 1
    return min(most, room) if room > 1 else 0


def in_process(work: Callable[[], Made], seconds: float) -> Made:
    """Return the result of `work`, run in a process of its own, which is killed after `seconds`.

    Raises TooSlow then, InputError where the process dies by itself, and whatever `work` raises.
    """
    if seconds <= 0:
        raise TooSlow
    if "fork" not in multiprocessing.get_all_start_methods():
        with bounded(seconds):
            return work()
    context = multiprocessing.get_context("fork")
    here, there = context.Pipe(duplex=False)
    process = context.Process(target=_answer, args=(here, there, work, seconds), daemon=True)
    process.start()
    there.close()
    try:
        if not here.poll(seconds):
            raise TooSlow
        good, result = here.recv()
    except EOFError:
        process.join()
        raise InputError(f"ended the process that read it ({process.exitcode})") from None
    finally:
        process.kill()
        process.join()
        here.close()
    if not good:
        raise result
    made: Made = result
    return made


def _answer(other: Connection, line: Connection, work: Callable[[], Made], seconds: float) -> None:
    other.close()
    _leave_signals()
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.setitimer(signal.ITIMER_REAL, seconds + 1)  # should nobody be there any more to end it
    try:
        answer: tuple[bool, Made | Exception] = True, work()
    except Exception as error:  # noqa: BLE001 - it is raised again where the work came from
        # alone: some libraries have tracebacks sent along, and that of a recursion is too deep for it
        error.__cause__ = error.__context__ = None
        answer = False, error.with_traceback(None)
    with suppress(OSError):
        line.send(answer)


def each(
    work: Callable[[Task], Made],
    tasks: Iterable[Task],
    processes: int,
    begin: Callable[[], None],
    lane: Callable[[Task], int] | None = None,
) -> Iterator[tuple[Task, Made | WorkerDied]]:
    """Yield every task with the result of `work`, in order; `begin` is called once in each new process.

    Tasks of one `lane` go to the same process, which may cache something of the last one, while there are others for
    the rest. An exception of `work` is raised here; a process that ends yields WorkerDied. With fewer than one process
    the work is done in this one.
    """
    if processes < 1:
        yield from ((task, work(task)) for task in tasks)
        return
    crew = _Crew(work, begin)
    before = gc.get_threshold()
    try:
        gc.freeze()  # what is there by now is not looked at again, and so stays shared
        gc.set_threshold(_LEFT, *before[1:])  # a task makes much that its end lets go of
        for place in range(processes):
            crew.hire(place)
        yield from crew.run(tasks, lane or (lambda _: 0))
    finally:
        crew.dismiss()
        gc.set_threshold(*before)
        gc.unfreeze()


class _Worker(NamedTuple):
    """A process and its pipe. `place`: it prefers lanes that leave this remainder, divided by the number of workers."""

    process: BaseProcess
    line: Connection
    place: int


class _Queue(Generic[Task]):
    """The tasks read and not answered yet, at most `most`; `waiting`: those not handed out, with their lanes."""

    def __init__(self, tasks: Iterable[Task], lane: Callable[[Task], int], most: int) -> None:
        self._source, self._lane, self._most = enumerate(tasks), lane, most
        self.tasks: dict[int, Task] = {}
        self.waiting: dict[int, int] = {}

    def read(self) -> bool:
        """Read one more task; False where there is none, or as many as may be are open."""
        if len(self.tasks) >= self._most:
            return False
        for number, task in self._source:
            self.tasks[number], self.waiting[number] = task, self._lane(task)
            return True
        return False

    def has(self, lane: int) -> bool:
        """Whether a task of a lane waits."""
        return lane in self.waiting.values()

    def taken(self, lane: int) -> int | None:
        """Take the next task of a lane, or of any where it has none; its number, or None where nothing waits."""
        own = (number for number, place in self.waiting.items() if place == lane)
        number = next(own, next(iter(self.waiting), None))
        if number is not None:
            del self.waiting[number]
        return number


class _Crew(Generic[Task, Made]):
    """The worker processes, idle and busy, and what is handed to each."""

    def __init__(self, work: Callable[[Task], Made], begin: Callable[[], None]) -> None:
        self._work, self._begin = work, begin
        self._context = multiprocessing.get_context("fork")
        self._idle: list[_Worker] = []
        self._busy: dict[Connection, tuple[_Worker, int]] = {}

    def hire(self, place: int) -> None:
        """Start a process for a lane."""
        here, there = self._context.Pipe()
        ours = [here, *(worker.line for worker in self._all())]
        process = self._context.Process(target=_serve, args=(there, ours, self._work, self._begin), daemon=True)
        process.start()
        there.close()
        self._idle.append(_Worker(process, here, place))

    def dismiss(self) -> None:
        """Kill all processes and wait for their end."""
        for worker in self._all():
            worker.process.kill()
            worker.line.close()
        for worker in self._all():
            worker.process.join()
        self._idle, self._busy = [], {}

    def _all(self) -> list[_Worker]:
        return [*self._idle, *(worker for worker, _ in self._busy.values())]

    def run(self, tasks: Iterable[Task], lane: Callable[[Task], int]) -> Iterator[tuple[Task, Made | WorkerDied]]:
        """Hand out the tasks and yield each with its result, in order."""
        count = len(self._idle)
        queue = _Queue(tasks, lambda task: lane(task) % count, _AHEAD * count)
        made: dict[int, Made | WorkerDied] = {}
        at = 0
        while True:
            self._hand_out(queue)
            if not self._busy:
                return
            while len(queue.waiting) < count and queue.read():
                pass  # the next ones are there when somebody is done
            for line in wait([*self._busy]):
                assert isinstance(line, Connection)
                number, result = self._taken(line)
                made[number] = result
            while at in made:
                yield queue.tasks.pop(at), made.pop(at)
                at += 1

    def _hand_out(self, queue: _Queue[Task]) -> None:
        """Give each idle process a task of its lane, or of another where its lane has none."""
        while self._idle:
            worker = next((one for one in self._idle if queue.has(one.place)), None)
            if worker is None and queue.read():
                continue
            worker = worker or self._idle[0]
            number = queue.taken(worker.place)
            if number is None:
                return
            self._hand(worker, number, queue.tasks[number])

    def _hand(self, worker: _Worker, number: int, task: Task) -> None:
        self._idle.remove(worker)
        self._busy[worker.line] = worker, number
        with suppress(OSError):  # that it is gone is seen where its answer is read
            worker.line.send(task)

    def _taken(self, line: Connection) -> tuple[int, Made | WorkerDied]:
        worker, number = self._busy.pop(line)
        try:
            good, result = line.recv()
        except (EOFError, OSError):
            worker.process.join()
            line.close()
            self.hire(worker.place)
            return number, WorkerDied(worker.process.exitcode or 0)
        self._idle.append(worker)
        if not good:
            raise result
        return number, result


def _serve(line: Connection, others: list[Connection], work: Callable[[Task], Made], begin: Callable[[], None]) -> None:
    """Run tasks in a child process until the pipe to its parent is closed."""
    for other in others:  # as long as one has the other end of a line, its end is not seen
        other.close()
    _leave_signals()
    begin()
    with suppress(EOFError, OSError):
        while True:
            task = line.recv()
            try:
                line.send((True, work(task)))
            except Exception as error:  # noqa: BLE001 - it is raised again where the task came from
                error.add_note(traceback.format_exc())
                line.send((False, error))


def _leave_signals() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches all of them, and the one that asks will stop the rest
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
