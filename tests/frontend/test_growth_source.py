"""Functions, macros and files of growing size in, work that grows with it out; where a bound stops it.

The work is counted in calls, those of generators and of what is built in among them: unlike time it is the same on a
busy machine, so that small sizes tell. Of three sizes the last step up must cost what the first did.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import lru_cache
from types import FrameType

import pytest

from growth_shapes import ASKS, LOCK, SCOPE, SHAPES, UNLOCK, each, function, rows
from reviewbot.config import data_path
from reviewbot.kernel import rules
from reviewbot.model.patch import Patch, Series
from reviewbot.model.review import PatchReview
from reviewbot.review.engine import Engine
from reviewbot.review.patient_engine import PatientEngine

SIZE = 16
BEND = 0.03  # of the work, that the second step up may cost more than the first; 0.22 is the square of the size

BOUNDED = {
    "a sum": 0.15,  # each two flags are held against each other; what has more than 120 operands is not read
    "loops in each other": 0.06,  # each is gone round once more for the one around it; 120 at most are read
    "variables with a mask": 0.045,  # all that is known is looked at where one is written
    "members with a mask": 0.045,
}


@lru_cache
def engine() -> Engine:
    return Engine(*rules.load((data_path("rules"),), (6, 12)))


def diff(*texts: str) -> str:
    """Some files, all new."""
    out = []
    for at, text in enumerate(texts):
        lines = text.split("\n")[:-1]
        head = f"diff --git a/fs/toy{at}.c b/fs/toy{at}.c\nnew file mode 100644\n--- /dev/null\n+++ b/fs/toy{at}.c\n"
        out.append(f"{head}@@ -0,0 +1,{len(lines)} @@\n" + "".join(f"+{line}\n" for line in lines))
    return "".join(out)


def reviewed(*texts: str, diff_: str = "") -> PatchReview:
    patch = Patch(1, 1, "toy", "", diff_ or diff(*texts))
    (review,) = engine().review(Series("toy", 1, (patch,))).patches
    return review


def work(diff_: str) -> int:
    """The calls that a review makes."""
    count = 0

    def called(_frame: FrameType, event: str, _arg: object) -> None:
        nonlocal count
        count += event in ("call", "c_call")

    before = sys.getprofile()
    sys.setprofile(called)
    try:
        reviewed(diff_=diff_)
    finally:
        sys.setprofile(before)
    return count


def bend(made: Callable[[int], str]) -> float:
    """How much more the second step up in size costs than the first, as a part of all the work."""
    work(made(SIZE))  # what is read or compiled once
    one, two, three = (work(made(SIZE * times)) for times in (1, 2, 3))
    return (three - 2 * two + one) / three


@pytest.mark.parametrize("name", SHAPES)
def test_the_work_grows_with_the_source(name: str) -> None:
    assert bend(lambda size: diff(SHAPES[name](size))) <= BOUNDED.get(name, BEND)


def renamed(n: int) -> str:
    """A function that is called something else, a hunk at each of its requests."""
    hunks = "@@ -1,3 +1,3 @@\n-static int toy(struct toy *t)\n+static int doll(struct toy *t)\n {\n \tint i;\n"
    for at in range(n):
        first = 10 * at + 10
        hunks += (
            f"@@ -{first},3 +{first},3 @@ static int toy(struct toy *t)\n"
            f" \tlook({at});\n-\tp = kmalloc({at}, GFP_KERNEL | GFP_NOFS);\n"
            f"+\tq = kmalloc({at}, GFP_KERNEL | GFP_NOFS);\n \tuse({at});\n"
        )
    return f"diff --git a/fs/toy.c b/fs/toy.c\n--- a/fs/toy.c\n+++ b/fs/toy.c\n{hunks}"


def moved(n: int) -> str:
    """Functions that go from one place to another, and get another name."""
    text = "static int {name}{at}(struct toy *t)\n{{\n\tp = kmalloc({at}, GFP_KERNEL | GFP_NOFS);\n}}\n"
    hunks = ""
    for sign, name, first in (("-", "toy", 1), ("+", "doll", 90_000)):
        lines = "".join(text.format(name=name, at=at) for at in range(n)).split("\n")[:-1]
        counts = f"-{first},{len(lines)} +{first},0" if sign == "-" else f"-{first},0 +{first},{len(lines)}"
        hunks += f"@@ {counts} @@\n" + "".join(f"{sign}{line}\n" for line in lines)
    return f"diff --git a/fs/toy.c b/fs/toy.c\n--- a/fs/toy.c\n+++ b/fs/toy.c\n{hunks}"


def many_files(n: int) -> str:
    return diff(*(function(LOCK + ASKS + UNLOCK) for _ in range(n)))


@pytest.mark.parametrize("made", [renamed, moved, many_files])
def test_the_work_grows_with_the_change(made: Callable[[int], str]) -> None:
    assert bend(made) <= BEND


# --- bounds ---

LEAKS = function(SCOPE + "\tif (!t)\n\t\treturn -1;\n\tmemalloc_nofs_restore(s);\n", "leaks")

TOO_MUCH = {
    "scopes that stay open": rows("\tunsigned int s@ = memalloc_nofs_save();\n"),
    "locks that stay taken": rows("\tspin_lock(&t->l@);\n"),
    "a sum of too many": lambda n: function("\tkmalloc(1, " + " | ".join(["GFP_KERNEL"] * n) + ");\n"),
    "blocks in each other": lambda n: function(" {\n" * n + "\tkmalloc(1, GFP_KERNEL);\n" + " }\n" * n),
    "conditions in each other": lambda n: function(
        each(" if (t->a@) {\n", n) + "\tkmalloc(1, GFP_NOFS);\n" + " }\n" * n
    ),
    "scopes on each of many paths": lambda n: function(
        each("\tif (t->a@)\n\t\tspin_lock(&t->l@);\n", n) + "\tkmalloc(1, GFP_KERNEL);\n"
    ),
}


@pytest.mark.parametrize("name", TOO_MUCH)
def test_what_is_too_much_to_follow_is_said_and_the_rest_reviewed(name: str) -> None:
    review = reviewed(TOO_MUCH[name](200) + LEAKS)
    assert [one.reason.partition(":")[0] for one in review.unread] == ["toy()"]
    assert [(one.rule, one.function) for one in review.findings] == [("scope-leak", "leaks")]


def test_as_many_scopes_as_a_task_may_have_are_followed() -> None:
    held = "".join(f"\tspin_lock(&t->l{at});\n" for at in range(48))
    review = reviewed(function(held + "\tkmalloc(1, GFP_KERNEL);\n"))
    assert not review.unread
    assert [one.rule for one in review.findings] == ["sleep-in-atomic"]


@pytest.mark.parametrize(
    "text",
    [
        "\twhile (t->go) {\n\tswitch (t->k) {\n"
        + each(
            "\tcase @:\n\t\tspin_lock(&t->l);\n\t\tp = kmalloc(@, GFP_KERNEL);\n\t\tspin_unlock(&t->l);\n\t\tbreak;\n",
            100,
        )
        + "\t}\n\t}\n",
        "again:\n" + each("\tp = kmalloc(@, GFP_KERNEL | GFP_NOFS);\n\tif (t->a@)\n\t\tgoto again;\n", 100),
    ],
)
def test_many_ways_back_to_one_step_are_taken_at_once(text: str) -> None:
    review = reviewed(function(text))
    assert not review.unread
    assert len(review.findings) == 100


def test_a_patch_that_takes_too_long_is_said_and_the_next_one_reviewed(monkeypatch) -> None:
    """The time that [limits] allows is an alarm around each patch."""
    waiting = PatientEngine(engine().kernel, [rule for rule, _ in engine().rules], 1)
    inner = Engine.patch

    def patch(self, one, *asked):
        while one.number == 1:
            pass
        return inner(self, one, *asked)

    monkeypatch.setattr(Engine, "patch", patch)
    series = tuple(Patch(at, 2, "toy", "", diff(LEAKS)) for at in (1, 2))
    first, second = waiting.review(Series("toy", 1, series)).patches
    assert [one.reason for one in first.unread] == ["not finished after 1 s (seconds under [limits] in config.toml)"]
    assert not first.findings
    assert [one.rule for one in second.findings] == ["scope-leak"]
