"""Local structures of which some members were never set, and what may have set them."""

from __future__ import annotations

import pytest

from engines import engine
from reviewbot.interproc.settle import blank_structs
from reviewbot.model.patch import DiffLine, FileChange, Hunk

BODY = """\
int toy_make(struct toy *t, gfp_t gfp)
{
%s
	return toy_fill(&cfg, kmalloc(8, gfp));
}
"""


def blank(lines: str) -> dict[str, frozenset[str]]:
    text = BODY % lines
    rows = text.split("\n")
    hunk = Hunk("@@", "", tuple(DiffLine("+", row, None, at) for at, row in enumerate(rows, 1)))
    (unit,) = engine("6.12").reader.file(FileChange("a.c", None, (hunk,), created=True), text, "+").units
    (at,) = [at for at, step in enumerate(unit.steps) if step.name == "toy_fill"]
    return dict(blank_structs(unit, at))


@pytest.mark.parametrize(
    ("lines", "found"),
    [
        ("\tstruct cfg cfg = { .a = t->x, .b.c = 1, .d[2] = 3 };", {"a", "b", "d"}),
        ("\tstruct cfg cfg = {\n\t\t.a = t->x,\n\t};\n\n\tcfg.d = 3;", {"a", "d"}),
        ("\tstruct cfg cfg = {};", set()),
        ("\tstruct cfg cfg = { 0 };\n\n\tcfg.e.f = toy_size(t);", {"e"}),
    ],
)
def test_what_an_initializer_does_not_name_is_zero(lines: str, found: set[str]) -> None:
    assert blank(lines) == {"cfg": found}


@pytest.mark.parametrize(
    "lines",
    [
        "\tstruct cfg cfg;",
        "\tstruct cfg cfg = *t->cfg;",
        "\tstruct cfg cfg = { t->x };",  # which member that is, its type says
        "\tstruct cfg cfg = {};\n\n\ttoy_ask(&cfg);",
        "\tstruct cfg cfg = {};\n\n\tt->cfg = &cfg;",
        "\tstruct cfg cfg = {};\n\n\ttoy_ask(&cfg.part);",
        "\tstruct cfg cfg = {};\n\n\tcfg = *t->cfg;",
    ],
)
def test_somebody_else_may_have_set_it(lines: str) -> None:
    assert blank(lines) == {}
