"""However many processes do it, and whatever becomes of them: every task is answered, in order, and none stays."""

from __future__ import annotations

import multiprocessing
import os
import signal
import time

import pytest

from reviewbot.support.workers import WorkerDied, each


def nothing() -> None:
    """What a new process does first."""


@pytest.fixture(autouse=True)
def in_time():
    """A process that waits for nobody would wait for ever."""

    def late(*_: object) -> None:
        raise TimeoutError("the work did not end")

    before = signal.signal(signal.SIGALRM, late)
    signal.alarm(20)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)
    assert multiprocessing.active_children() == []


@pytest.mark.parametrize("processes", [0, 1, 2, 5])
@pytest.mark.parametrize("tasks", [0, 1, 2, 5, 60])
def test_every_task_is_done_in_order(tasks, processes):
    done = [*each(lambda task: task * task, range(tasks), processes, nothing)]
    assert done == [(task, task * task) for task in range(tasks)]


def test_tasks_that_take_different_times_are_in_order(processes=3):
    def work(task: int) -> int:
        time.sleep(0.05 if task % 3 == 0 else 0)
        return task

    assert [made for _, made in each(work, range(9), processes, nothing)] == [*range(9)]


@pytest.mark.parametrize("processes", [1, 3])
def test_a_process_that_ends_takes_its_own_task_along_and_no_other(processes):
    def work(task: int) -> int:
        if task == 3:
            os.kill(os.getpid(), signal.SIGKILL)
        if task == 5:
            os._exit(7)
        return task

    done = [made for _, made in each(work, range(8), processes, nothing)]
    assert done == [0, 1, 2, WorkerDied(-signal.SIGKILL), 4, WorkerDied(7), 6, 7]


@pytest.mark.parametrize("processes", [0, 1, 3])
def test_an_exception_is_raised_here(processes):
    def work(task: int) -> int:
        return 1 // (task - 4)

    with pytest.raises(ZeroDivisionError):
        list(each(work, range(60), processes, nothing))


def test_who_stops_asking_stops_all():
    made = each(lambda task: task, range(1000), 3, nothing)
    assert next(made) == (0, 0)
    assert len(multiprocessing.active_children()) == 3
    made.close()


def test_each_process_begins_once_and_none_is_this_one():
    begun = multiprocessing.get_context("fork").Value("i", 0)

    def begin() -> None:
        with begun.get_lock():
            begun.value += 1

    assert os.getpid() not in {made for _, made in each(lambda _: os.getpid(), range(20), 2, begin)}
    assert begun.value == 2


@pytest.mark.parametrize("processes", [2, 3])
def test_tasks_of_a_lane_meet_the_same_process_while_there_are_others_for_the_rest(processes):
    """Each lane has its process, whatever the order; and in the end everybody helps."""

    def work(task: int) -> int:
        time.sleep(0.02)
        return os.getpid()

    done = [*each(work, range(30), processes, nothing, lambda task: task)]
    assert [task for task, _ in done] == [*range(30)]
    lanes = [[made for task, made in done[:-processes] if task % processes == lane] for lane in range(processes)]
    assert all(max(map(lane.count, lane)) > len(lane) * 2 // 3 for lane in lanes)


def test_one_lane_keeps_nobody_idle():
    done = [made for _, made in each(lambda task: time.sleep(0.02) or os.getpid(), range(20), 3, nothing, lambda _: 1)]
    assert len(set(done)) == 3


def test_no_more_is_read_than_is_needed_soon():
    read = []
    asked = each(lambda task: task, (read.append(at) or at for at in range(100)), 2, nothing, lambda task: task)
    assert next(asked) == (0, 0)
    assert len(read) <= 10
    asked.close()
