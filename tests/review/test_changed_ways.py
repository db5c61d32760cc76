"""A condition that goes far above a call: that a caller below a lock comes there now is said, and nothing more."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from engines import engine
from reviewbot.model.review import REMOVED_HERE, Finding
from reviewbot.review.engine import Engine
from reviewbot.review.neighbourhood.tree_source import TreeSource
from reviewbot.review.prefilter.prefilter import Prefilter
from trees import Trees, patch

LOW, MID, TOP = (f"drivers/exfoo/{name}.c" for name in ("low", "mid", "top"))
FAR = "".join(f"\tex->r[{at}] = {at};\n" for at in range(30))
FILL = "\texfoo_fill(ex);\n"
BLOCK = f"{FAR}\t{FILL}\t}}\n"
OUT = "out:\n\tex->n = 0;\n"
ASKS = "void exfoo_fill(struct exfoo *ex)\n{\n\tex->p = kzalloc(64, GFP_KERNEL);\n}\n"
NONE, GFP = ("", ""), (", gfp_t gfp", ", GFP_ATOMIC")
SLEEP, NOWAIT = (", bool can_sleep", ", false"), (", bool nowait", ", true")


def left(condition: str, how: str = "return -EAGAIN") -> str:
    return f"\tif ({condition})\n\t\t{how};\n"


def files(given: tuple[str, str], body: str, above: str = "", one: bool = False) -> dict[str, str]:
    """The request, the function of a body, and its caller below a lock: each in its file, or all in one."""
    made = {
        LOW: ASKS,
        MID: f"{above}int exfoo_step(struct exfoo *ex{given[0]})\n{{\n{body}\treturn 0;\n}}\n",
        TOP: f"void exfoo_xfer(struct exfoo *ex)\n{{\n\tspin_lock(&ex->lock);\n\texfoo_step(ex{given[1]});\n"
        "\tspin_unlock(&ex->lock);\n}\n",
    }
    return {MID: "\n".join(made.values())} if one else made


def said(old: Mapping[str, str], new: Mapping[str, str]) -> tuple[Finding, ...]:
    trees = Trees({"0": old, "1": new})
    made = engine("6.12")
    rules = [rule for rule, _ in made.rules]
    change = patch(old, new)
    whole = Engine(made.kernel, rules, trees.read, TreeSource(trees)).patch(change).findings
    if len(new) == 1:  # nothing of it is sifted away
        kept = Prefilter(made.kernel, rules).kept(MID, change.diff.encode(), new[MID].encode())
        assert Engine(made.kernel, rules, trees.read).patch(change, {MID: kept}).findings == whole
    return whole


TAKEN_AWAY = {
    "a test of a mask": (GFP, left("!gfpflags_allow_blocking(gfp)") + FAR + FILL, FAR + FILL),
    "a test of a bit": (GFP, left("!(gfp & __GFP_DIRECT_RECLAIM)") + FAR + FILL, FAR + FILL),
    "a look at the context": (NONE, left("in_atomic()") + FAR + FILL, FAR + FILL),
    "a parameter, by goto": (SLEEP, left("!can_sleep", "goto out") + FAR + FILL + OUT, FAR + FILL + OUT),
    "a parameter": (NOWAIT, left("nowait") + FAR + FILL, FAR + FILL),
    "another instead": (NOWAIT, left("nowait") + FAR + FILL, left("ex->busy") + FAR + FILL),
    "fewer leave": (NOWAIT, left("nowait") + FAR + FILL, left("nowait && ex->busy") + FAR + FILL),
    "more may come in": (SLEEP, "\tif (can_sleep && ex->x) {\n" + BLOCK, "\tif (ex->x) {\n" + BLOCK),
    "or": (SLEEP, "\tif (can_sleep) {\n" + BLOCK, "\tif (can_sleep || ex->x) {\n" + BLOCK),
    "the last row of one": (
        SLEEP,
        "\tif (ex->x &&\n\t    ex->y &&\n\t    can_sleep) {\n" + BLOCK,
        "\tif (ex->x &&\n\t    ex->y) {\n" + BLOCK,
    ),
    "a loop's": (SLEEP, "\twhile (can_sleep && ex->x) {\n" + BLOCK, "\twhile (ex->x) {\n" + BLOCK),
    "else": (
        SLEEP,
        "\tif (!can_sleep) {\n\t\tex->n = 1;\n\t} else if (ex->x) {\n" + BLOCK,
        "\tif (!can_sleep) {\n\t\tex->n = 1;\n\t}\n\tif (ex->x) {\n" + BLOCK,
    ),
    "only goto": (
        SLEEP,
        "\tif (!can_sleep) {\n\t\tex->n++;\n\t\tgoto out;\n\t}\n" + FAR + FILL + OUT,
        "\tif (!can_sleep) {\n\t\tex->n++;\n\t}\n" + FAR + FILL + OUT,
    ),
    "break": (
        SLEEP,
        "\tfor (;;) {\n\t\tif (!can_sleep)\n\t\t\tbreak;\n" + BLOCK,
        "\tfor (;;) {\n" + BLOCK,
    ),
    "one that comes too late": (SLEEP, left("!can_sleep") + FAR + FILL + FAR, FAR + FILL + FAR + left("!can_sleep")),
}


@pytest.mark.parametrize("one", [True, False], ids=["file", "folder"])
@pytest.mark.parametrize("kind", TAKEN_AWAY)
def test_what_a_condition_kept_away_is_said_where_it_was(kind: str, one: bool) -> None:
    given, old, new = TAKEN_AWAY[kind]
    (finding,) = said(files(given, old, one=one), files(given, new, one=one))
    assert (finding.rule, finding.path) == ("sleep-in-atomic", MID)
    gone = finding.evidence[0]
    assert (gone.line, gone.function, gone.note) == (finding.line, "exfoo_step", REMOVED_HERE)
    assert said(files(given, new, one=one), files(given, old, one=one)) == ()


def test_reclaim_that_is_not_told_from_others_any_more_in_another_file() -> None:
    top = (
        "static unsigned long exfoo_scan(struct shrinker *s, struct shrink_control *sc)\n{\n"
        "\treturn exfoo_step(s->private_data);\n}\n\n"
        "void exfoo_init(struct exfoo *ex)\n{\n\tex->s->scan_objects = exfoo_scan;\n}\n"
    )
    asked, after = (files(NONE, body) | {TOP: top} for body in (left("current_is_kswapd()") + FAR + FILL, FAR + FILL))
    (finding,) = said(asked, after)
    assert (finding.rule, finding.path, finding.evidence[0].note) == ("reclaim-recursion", MID, REMOVED_HERE)
    asked, after = (files(NONE, body) | {TOP: top} for body in (left("ex->busy") + FAR + FILL, FAR + FILL))
    assert said(asked, after) == ()


def test_an_unlock_that_goes_between_a_lock_and_a_call() -> None:
    gone = "\t\tspin_unlock(&ex->l2);\n"
    block = f"\tif (ex->x) {{\n\t\tex->n = 2;\n{gone}{FAR}\t{FILL}\t\treturn 1;\n\t}}\n"
    body = f"\tspin_lock(&ex->l2);\n\tex->n = 1;\n{block}\tspin_unlock(&ex->l2);\n"
    old = {MID: f"{ASKS}\n{files(NONE, body)[MID]}"}
    (finding,) = said(old, {MID: old[MID].replace(gone, "", 1)})
    assert (finding.rule, finding.line_text.strip()) == ("sleep-in-atomic", "ex->r[0] = 0;")


MAY = "#define EXFOO_MAY(gfp) gfpflags_allow_blocking(gfp)\n\n"
HELPER = "static bool exfoo_idle(struct exfoo *ex)\n{\n\treturn in_atomic();\n}\n\n"
CHECK = "\tint ret;\n\n\tret = exfoo_check(ex, gfp);\n\tif (ret)\n\t\treturn ret;\n"
STILL = {
    "nothing asked for the context": (NONE, left("!ex->p") + FAR + FILL, FAR + FILL, ""),
    "it is asked at the call": (SLEEP, left("!can_sleep") + FAR + FILL, FAR + left("!can_sleep") + FILL, ""),
    "in a variable": (
        SLEEP,
        left("!can_sleep") + FAR + FILL,
        "\tbool stop = !can_sleep;\n\n" + left("stop") + FAR + FILL,
        "",
    ),
    "in a macro": (
        GFP,
        left("!gfpflags_allow_blocking(gfp)") + FAR + FILL,
        left("!EXFOO_MAY(gfp)") + FAR + FILL,
        MAY,
    ),
    "in a helper": (NONE, left("in_atomic()") + FAR + FILL, left("exfoo_idle(ex)") + FAR + FILL, HELPER),
    "in a call that fails": (GFP, left("!gfpflags_allow_blocking(gfp)") + FAR + FILL, CHECK + FAR + FILL, ""),
    "by another test": (
        GFP,
        left("!gfpflags_allow_blocking(gfp)") + FAR + FILL,
        left("!(gfp & __GFP_DIRECT_RECLAIM)") + FAR + FILL,
        "",
    ),
    "around the call": (
        SLEEP,
        left("!can_sleep") + FAR + "\tif (ex->x) {\n" + BLOCK,
        FAR + "\tif (ex->x && can_sleep) {\n" + BLOCK,
        "",
    ),
    "by goto": (SLEEP, left("!can_sleep") + FAR + FILL + OUT, left("!can_sleep", "goto out") + FAR + FILL + OUT, ""),
    "the other way round": (
        SLEEP,
        left("!can_sleep") + FAR + FILL,
        "\tif (can_sleep)\n\t\tgoto slow;\n\treturn -EAGAIN;\nslow:\n" + FAR + FILL,
        "",
    ),
    "by what is left of it": (NOWAIT, left("nowait || ex->busy") + FAR + FILL, left("nowait") + FAR + FILL, ""),
    "it came too late anyway": (SLEEP, FAR + FILL + left("!can_sleep") + FAR, FAR + FILL + FAR, ""),
    "who calls it may sleep": ((SLEEP[0], ", true"), left("!can_sleep") + FAR + FILL, FAR + FILL, ""),
}


@pytest.mark.parametrize("one", [True, False], ids=["file", "folder"])
@pytest.mark.parametrize("kind", STILL)
def test_what_still_holds_or_was_as_wrong_is_no_news(kind: str, one: bool) -> None:
    given, old, new, above = STILL[kind]
    assert said(files(given, old, one=one), files(given, new, above, one)) == ()


def test_a_function_that_could_not_be_read_before_says_nothing_of_it() -> None:
    deep = f"\tex->n = {'(' * 2000}1{')' * 2000};\n"
    old, new = (files(SLEEP, body, one=True) for body in (left("!ex->x") + deep + FAR + FILL, FAR + FILL))
    assert said(old, new) == ()
    assert said(files(SLEEP, left("!can_sleep") + FAR + FILL, one=True), new)
