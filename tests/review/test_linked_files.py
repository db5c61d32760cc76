"""A request in one file and the lock in another: of one patch, of two patches of a series, and in commits."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from command import Command
from desk import Span
from engines import engine
from reviewbot.model.patch import Patch, Series
from reviewbot.review.engine import Engine
from reviewbot.review.linked_files import are_linked, grouped, linked_heads

HOLDS = """\
void exfoo_xfer(struct exfoo *ex)
{
	spin_lock(&ex->lock);
	ex->n++;
	spin_unlock(&ex->lock);
}
"""
ASKS = """\
int exfoo_size(struct exfoo *ex)
{
	return ex->n;
}
"""
CALL = HOLDS.replace("ex->n++;", "exfoo_fill(ex);")
FILLS = f"""{ASKS}
int exfoo_fill(struct exfoo *ex)
{{
	ex->p = kzalloc(64, GFP_KERNEL);
	return ex->p ? 0 : -ENOMEM;
}}
"""
A, B = "drivers/exfoo/a.c", "drivers/exfoo/b.c"


def diff(path: str, before: str, after: str) -> str:
    old, new = before.splitlines(), after.splitlines()
    same = next(
        (at for at, (one, two) in enumerate(zip(old, new, strict=False)) if one != two), min(len(old), len(new))
    )
    tail = 0
    while tail < min(len(old), len(new)) - same and old[-1 - tail] == new[-1 - tail]:
        tail += 1
    rows = [f" {row}" for row in old[:same]]
    rows += [f"-{row}" for row in old[same : len(old) - tail]] + [f"+{row}" for row in new[same : len(new) - tail]]
    rows += [f" {row}" for row in old[len(old) - tail :]]
    head = f"diff --git a/{path} b/{path}\n--- a/{path}\n+++ b/{path}\n@@ -1,{len(old)} +1,{len(new)} @@\n"
    return head + "\n".join(rows) + "\n"


CALLS, MAKES = diff(A, HOLDS, CALL), diff(B, ASKS, FILLS)


def said(*diffs: str) -> list[tuple[int, str, int, str]]:
    patches = tuple(Patch(at, len(diffs), f"{at}", "", one) for at, one in enumerate(diffs, 1))
    review = engine("6.12").review(Series("exfoo", 1, patches))
    return [(one.patch.number, f.path, f.line, f.function) for one in review.patches for f in one.findings]


@pytest.mark.parametrize("text", [CALLS + MAKES, MAKES + CALLS])
def test_in_one_patch_the_remark_stands_at_the_request(text: str) -> None:
    assert said(text) == [(1, B, 8, "exfoo_fill")]


def test_in_a_series_it_stands_in_the_patch_that_brings_both_together() -> None:
    assert said(MAKES, CALLS) == [(2, A, 4, "exfoo_xfer")]
    assert said(CALLS, MAKES) == [(2, B, 8, "exfoo_fill")]


def test_it_shows_the_lines_of_both_files() -> None:
    (finding,) = engine("6.12").patch(Patch(1, 1, "", "", CALLS + MAKES)).findings
    assert [(one.path, one.line, one.note) for one in finding.evidence] == [
        (A, 3, "lock taken here"),
        (A, 4, "called from here"),
    ]
    series = Series("exfoo", 1, (Patch(1, 2, "", "", MAKES), Patch(2, 2, "", "", CALLS)))
    (finding,) = engine("6.12").review(series).patches[1].findings
    assert (finding.evidence[-1].path, finding.evidence[-1].line, finding.evidence[-1].note) == (B, 8, "may sleep here")


def test_a_single_patch_is_reviewed_with_what_those_before_it_leave() -> None:
    series = Series("exfoo", 1, (Patch(1, 2, "", "", MAKES), Patch(2, 2, "", "", CALLS)))
    assert [one.path for one in engine("6.12").one(series, 1).findings] == [A]
    assert engine("6.12").one(series, 0).findings == ()


@pytest.mark.parametrize("trees", [False, True])
def test_what_other_files_show_is_not_resolved_by_a_patch_that_leaves_them_alone(trees: bool) -> None:
    made = engine("6.12")
    later = FILLS.replace("\tex->p", "\tex->n = 0;\n\tex->p")
    texts = {"0": {A: HOLDS, B: ASKS}, "1": {A: CALL, B: FILLS}, "2": {A: CALL, B: later}}
    whole = Engine(made.kernel, [rule for rule, _ in made.rules], lambda tree, path: texts[tree][path].encode())
    diffs = (CALLS + MAKES, diff(B, FILLS, later))
    known = [(f"{at}", f"{at + 1}") if trees else (None, None) for at in range(2)]
    patches = (Patch(at + 1, 2, "", "", diffs[at], before=known[at][0], after=known[at][1]) for at in range(2))
    first, second = whole.review(Series("exfoo", 1, tuple(patches))).patches
    assert [(one.line, one.resolved_by) for one in first.findings] == [(8, None)]
    assert second.findings == ()
    assert first.depth == ("file" if trees else "diff")


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (FILLS.replace("int exfoo_fill", "static int exfoo_fill"), CALL),  # another function of that name is called
        (FILLS, CALL.replace("exfoo_fill(ex)", "ex->ops->exfoo_fill(ex)").replace("spin_", "mutex_")),
        (FILLS.replace("GFP_KERNEL", "GFP_ATOMIC"), CALL),
    ],
)
def test_nothing_is_said_where_nothing_is_wrong(one: str, other: str) -> None:
    assert said(diff(A, HOLDS, other) + diff(B, ASKS, one)) == []


def test_old_trouble_across_files_is_no_news() -> None:
    both = diff(A, CALL, CALL.replace("void exfoo", "/* Does it. */\nvoid exfoo"))
    assert said(both + diff(B, FILLS, FILLS.replace("ex->n;", "ex->n + 1;"))) == []


def test_a_quiet_file_lies_between() -> None:
    middle = "int exfoo_step(struct exfoo *ex)\n{\n\treturn 0;\n}\n"
    step = diff("drivers/exfoo/c.c", middle, middle.replace("0", "exfoo_fill(ex)"))
    assert said(diff(A, HOLDS, CALL.replace("exfoo_fill", "exfoo_step")) + step + MAKES) == [(1, B, 8, "exfoo_fill")]


def test_many_files_are_read_by_themselves() -> None:
    assert [len(one) for one in grouped(range(3))] == [3]
    assert {len(one) for one in grouped(range(100))} == {1}
    assert [*grouped([])] == []


def test_diffs_are_linked_by_the_heads_that_one_shows_and_the_other_calls() -> None:
    assert are_linked(MAKES, CALLS)
    assert are_linked(CALLS, MAKES)
    assert not are_linked(MAKES, diff(A, HOLDS, HOLDS.replace("ex->n++", "ex->n--")))
    found = linked_heads([CALLS.encode(), MAKES.encode(), b"+++ b/x.c\n+int y;\n"])
    assert found == [{b"exfoo_fill"}, {b"exfoo_fill"}, frozenset()]
    assert linked_heads([CALLS.encode()]) == [frozenset()]


def test_in_a_commit_of_a_history(tmp_path: Path) -> None:
    span = Span(Command(tmp_path), tmp_path / "linux").quick
    span.kernel.commit("before", {A: HOLDS, B: ASKS})
    span.kernel.git("tag", "start")
    span.kernel.commit("both", {A: CALL, B: FILLS})
    done = span("start..HEAD", "--format", "json")
    found = [one for commit in json.loads(done.out)["patches"] for one in commit["findings"]]
    assert [(one["path"], one["line"], one["rule"]) for one in found] == [(B, 8, "sleep-in-atomic")]


def test_what_a_bound_keeps_from_being_followed_is_said() -> None:
    steps = [f"static void exfoo_{at}(struct exfoo *ex)\n{{\n\texfoo_fill(ex);\n}}\n" for at in range(200)]
    calls = "".join(f"\texfoo_{at}(ex);\n" for at in range(200))
    text = FILLS + "".join(steps) + HOLDS.replace("\tex->n++;\n", calls)
    review = engine("6.12").patch(Patch(1, 1, "", "", diff(B, text, text.replace("(64, GFP", "(128, GFP"))))
    assert [one.reason for one in review.unread if "not all were followed" in one.reason]
