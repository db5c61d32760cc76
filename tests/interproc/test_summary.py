"""Which locks are the same in caller and callee, and what ends the context of a callback."""

from __future__ import annotations

import pytest

from reviewbot.interproc.summary import ANY, Lock, enables, given_back, last_member, passed_up

HELD = Lock("spinlock", "lock")


@pytest.mark.parametrize(
    ("dropped", "gone"),
    [
        (Lock("spinlock", "lock"), True),
        (Lock("raw-spinlock", "lock"), True),  # one name, whatever it is taken with
        (Lock("spinlock", "queue_lock"), False),
        (Lock("rcu", ""), False),
        (Lock(ANY, "toy_unlock"), True),
        (Lock("spinlock", "ptl", local=True), True),  # a pointer may be to it
        (Lock("raw-spinlock", "ptl", local=True), False),
    ],
)
def test_a_lock_is_given_back_by_name(dropped: Lock, gone: bool) -> None:
    assert given_back(HELD, [dropped]) is gone


def test_what_has_no_name_is_given_back_by_its_kind() -> None:
    assert given_back(Lock("rcu", ""), [Lock("rcu", "")])
    assert not given_back(Lock("rcu", ""), [Lock("preempt-off", ""), HELD])
    assert given_back(Lock("irqs-off", ""), [Lock("spinlock", "lock"), Lock("irqs-off", "")])
    assert not given_back(HELD, [])


def test_a_callback_stays_one_when_a_lock_is_given_back() -> None:
    assert not enables([HELD, Lock(ANY, "toy_unlock")])
    assert enables([HELD, Lock("irqs-off", "", wide=True)])


def test_a_lock_that_is_an_argument_has_the_callers_name_for_it() -> None:
    def named(scope: str, text: str) -> Lock:
        return Lock(scope, last_member(text))

    dropped = [Lock("spinlock", "l", parameter=1), Lock("rcu", "")]
    assert passed_up(dropped, ("t", "&t->queue.lock"), named) == {HELD, Lock("rcu", "")}
    assert passed_up([Lock("spinlock", "l", parameter=3)], ("t",), named) == {Lock("spinlock", "l", parameter=3)}
