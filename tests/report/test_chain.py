"""A call chain as each of the reports shows it: in order, with its places, and harmless whatever it is called."""

from __future__ import annotations

import json

import pytest
from markdown_it import MarkdownIt
from msgspec.structs import replace

from report_cases import ALLOC, frame, only, review, reviewed
from reviewbot.model.review import ChainStep, Evidence, Finding, PatchReview, Review, ShownChain
from reviewbot.report.chain import headline
from reviewbot.report.formats import github, github_summary, json_v1, junit, rdjson, sarif
from reviewbot.report.remarks import remarks_of
from reviewbot.report.terminal.local import Viewpoint, local_lines
from reviewbot.report.terminal.text import View, render_plain, without_styles

EVENT, STEP = "drivers/toy/event.c", "fs/toy/alloc.c"
LOCKED = ChainStep(EVENT, 12, "toy_event", "\tspin_lock(&t->lock);", "lock taken here", 0)
CALLS = ChainStep(EVENT, 13, "toy_event", "\ttoy_step(t);", "called from here", 0)
CALLED = ChainStep("fs/toy/step.c", 40, "toy_step", "\ttoy_fill(t);", "called from here", 1)
NAMES = "toy_event() -> toy_step() -> toy_fill()"
HOSTILE = "a\x1b[31m\u202e`](x)<b>|\n::error::x"


def asked(finding: Finding) -> ChainStep:
    return ChainStep(finding.path, finding.line, "toy_fill", finding.line_text, "may sleep here", 2)


def chained(**other: object) -> PatchReview:
    """A patch whose only finding has a chain through three files; `other`: what is different about the chain."""
    (finding,) = reviewed([ALLOC]).findings
    steps = (LOCKED, CALLS, CALLED, asked(finding))
    chain = ShownChain(**{"functions": ("toy_event", "toy_step", "toy_fill"), "steps": steps, **other})
    texts = {
        "message": f"toy_alloc() may sleep in {NAMES}, under spin_lock(&t->lock)",
        "question": f"Can it? It may sleep, which is not allowed in {NAMES}, under spin_lock(&t->lock).",
    }
    shown = (replace(CALLED, level=0), replace(LOCKED), CALLS)
    evidence = tuple(Evidence(one.path, one.line, one.function, one.text, one.note) for one in shown)
    return reviewed([(ALLOC, {**texts, "chain": chain, "evidence": evidence})])


def text(patch: PatchReview, **view: object) -> str:
    return render_plain(review(patch), View("6.12", **view))  # type: ignore[arg-type]


def drafted(given: Review) -> str:
    return only(given).content.partition(b"\n\n")[2].decode()


# --- on a terminal ---


def test_text_has_the_functions_in_a_row_and_then_the_places_in_order():
    said = text(chained(others=14, doubts=("what toy() does was not read", "it is far")))
    assert said.partition("    toy_alloc()")[2].partition("\n\n")[0] == (
        " may sleep in the calls below, under spin_lock(&t->lock)\n"
        f"      {NAMES} (and 14 more chains)\n"
        "      not certain: what toy() does was not read; it is far\n"
        "    lock taken here: drivers/toy/event.c:12 in toy_event()\n"
        "            spin_lock(&t->lock);\n"
        "    called from here: drivers/toy/event.c:13 in toy_event()\n"
        "            toy_step(t);\n"
        "    called from here: fs/toy/step.c:40 in toy_step()\n"
        "            toy_fill(t);\n"
        "    may sleep here: fs/toy/alloc.c:23 in toy_fill()"
    )


def test_local_shows_the_same_with_the_reasons():
    said = without_styles(local_lines(review(chained(others=1)), frame(), Viewpoint(explain=True)))
    at = [said.index(one) for one in (f"      {NAMES} (and 1 more chain)\n", ":12: note", ":13: note", ":40: note")]
    assert at == sorted(at)
    assert "not allowed in the calls below, under" in " ".join(said.split())


def test_without_a_chain_nothing_is_different():
    shown = Evidence(EVENT, 12, "toy_event", "\tspin_lock(&t->lock);", "lock taken here")
    patch = reviewed([(ALLOC, {"evidence": (shown,), "message": f"it may sleep in {NAMES}"})])
    said = text(patch)
    assert f"    it may sleep in {NAMES}\n    lock taken here: " in said
    assert "calls below" not in said


@pytest.mark.parametrize(
    ("width", "lines"),
    [
        (80, ["alpha() -> beta() -> gamma() (and 2 more chains)"]),
        (30, ["alpha() -> beta() -> gamma()", "    (and 2 more chains)"]),
        (20, ["alpha() -> beta()", "    -> gamma()", "    (and 2 more chains)"]),
        (1, ["alpha()", "    -> beta()", "    -> gamma()", "    (and 2 more chains)"]),
    ],
)
def test_a_long_chain_is_broken_before_an_arrow(width, lines):
    assert headline(ShownChain(("alpha", "beta", "gamma"), (), 2), width) == lines


# --- in a mail ---


def test_a_draft_has_the_chain_below_the_question():
    body = drafted(review(chained(others=14, doubts=("it is far",))))
    assert (
        "Can it? It may sleep, which is not allowed in the calls below, under\nspin_lock(&t->lock).\n\n"
        f"    {NAMES} (and 14 more chains)\n"
        "    drivers/toy/event.c:12: spin_lock(&t->lock);\n"
        "    drivers/toy/event.c:13: toy_step(t);\n"
        "    fs/toy/step.c:40:       toy_fill(t);\n"
        "    fs/toy/alloc.c:23:      t->buf = toy_alloc(t->len, TOY_KERNEL);\n"
        "    not certain: it is far\n"
    ) in body


def test_a_chain_within_one_file_is_shown_as_well():
    (finding,) = reviewed([ALLOC]).findings
    here = replace(CALLS, path=STEP)
    chain = ShownChain(("toy_event", "toy_fill"), (here, asked(finding)))
    question = "Can it sleep where toy_event() calls toy_fill()?"
    body = drafted(review(reviewed([(ALLOC, {"chain": chain, "question": question})])))
    assert f"{question}\n\n    toy_event() -> toy_fill()\n    fs/toy/alloc.c:13: toy_step(t);\n" in body


def test_a_draft_stays_within_its_columns():
    names = tuple(f"toy_{'long' * 6}_{at}" for at in range(5))
    body = drafted(review(chained(functions=names)))
    assert all(len(line) <= 72 for line in body.split("\n") if not line.startswith(">"))
    _, begun, rest = body.partition(f"\n    {names[0]}()")
    shown = rest.partition("\n    drivers")[0].split()
    assert begun
    assert [part for part in shown if part != "->"] == [f"{name}()" for name in names[1:]]


# --- for programs ---


def test_json_has_the_steps_as_data():
    (shown,) = json.loads(json_v1.render(review(chained(others=3, doubts=("why",))), frame()))["patches"]
    chain = shown["findings"][0]["chain"]
    assert (chain["functions"], chain["others"], chain["doubts"]) == (["toy_event", "toy_step", "toy_fill"], 3, ["why"])
    assert [(one["path"], one["line"], one["level"]) for one in chain["steps"]] == [
        (EVENT, 12, 0),
        (EVENT, 13, 0),
        ("fs/toy/step.c", 40, 1),
        (STEP, 23, 2),
    ]
    assert chain["steps"][0] == {
        "path": EVENT,
        "line": 12,
        "function": "toy_event",
        "text": "\tspin_lock(&t->lock);",
        "note": "lock taken here",
        "level": 0,
    }


def test_json_without_a_chain_has_no_key_for_it():
    assert "chain" not in json_v1.render(review(reviewed([ALLOC])), frame())


@pytest.mark.parametrize("made", [github, junit, rdjson])
def test_other_reports_have_the_places_in_the_order_of_the_chain(made):
    said = made.render(review(chained()), frame())
    numbers = [said.index(one) for one in ("lock taken here", "called from here", "may sleep here")]
    assert numbers == sorted(numbers)


# --- as Markdown, which becomes a page ---


def test_the_summary_of_a_step_shows_a_numbered_path():
    page = MarkdownIt("commonmark").render(github_summary.step_summary(review(chained(others=2)), frame()))
    _, found, path = page.partition(f"<code>{NAMES.replace('>', '&gt;')}</code> (and 2 more chains)\n<ol>")
    assert found
    items = path.partition("</ol>")[0].split("<li>")[1:]
    assert items[0] == (
        "<code>drivers/toy/event.c:12</code> in <code>toy_event()</code>, lock taken here: "
        "<code>spin_lock(&amp;t-&gt;lock);</code></li>\n"
    )
    assert [":13" in items[1], ":40" in items[2], ":23" in items[3], len(items)] == [True, True, True, 4]


# --- what a stranger may call things ---


def hostile() -> PatchReview:
    step = ChainStep(HOSTILE, 3, HOSTILE, HOSTILE, HOSTILE, 0)
    return chained(functions=(HOSTILE, HOSTILE), steps=(step, step), doubts=(HOSTILE,))


def test_hostile_names_give_no_orders():
    plain = text(hostile())
    draft = drafted(review(hostile()))
    for said in (plain, draft):
        assert "\x1b" not in said
        assert "\u202e" not in said
        assert "\n::error" not in said
    page = MarkdownIt("commonmark").render(github_summary.step_summary(review(hostile()), frame()))
    assert "<b>" not in page
    assert "<a " not in page
    assert "\u202e" not in page


def test_hostile_names_are_plain_data_for_programs():
    log = json.loads(sarif.render(review(hostile()), frame()))
    (flow,) = log["runs"][0]["results"][0]["codeFlows"]
    assert "](" not in flow["message"]["text"]
    assert json.loads(json_v1.render(review(hostile()), frame()))["patches"][0]["findings"][0]["chain"]["steps"]


# --- later patches ---


def test_the_lines_of_a_chain_move_with_later_patches():
    diff = f"--- a/{EVENT}\n+++ b/{EVENT}\n@@ -1,1 +1,3 @@\n a\n+b\n+c\n"
    (remark,) = remarks_of(review(chained(), reviewed(diff=diff, number=2, total=2)), frame())
    assert remark.finding.chain is not None
    assert [one.line for one in remark.finding.chain.steps] == [14, 15, 40, 23]
