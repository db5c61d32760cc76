"""What is reached only as long as something is not there, and what a function has just made."""

from __future__ import annotations

import pytest

from engines import engine
from reviewbot.interproc.set_up import SetUp, fresh_objects
from reviewbot.interproc.summary import ANY
from reviewbot.model.patch import DiffLine, FileChange, Hunk
from reviewbot.program.unit import FunctionUnit

BODY = """\
int exfoo_make(struct exfoo *ex, struct exfoo *other, gfp_t gfp)
{
%s
	return exfoo_note(ex, kmalloc(8, gfp));
}
"""


def read(lines: str) -> FunctionUnit:
    text = BODY % lines
    hunk = Hunk("@@", "", tuple(DiffLine("+", row, None, at) for at, row in enumerate(text.split("\n"), 1)))
    (unit,) = engine("6.12").reader.file(FileChange("a.c", None, (hunk,), created=True), text, "+").units
    return unit


def once(lines: str) -> str:
    unit = read(lines)
    (at,) = [at for at, step in enumerate(unit.steps) if step.name == "exfoo_get"]
    return SetUp(unit, ("ex", "other", "gfp")).once(at)


@pytest.mark.parametrize(
    ("lines", "found"),
    [
        ("\tif (!ex->p)\n\t\tex->p = exfoo_get(gfp);", "ex"),
        ("\tif (ex->p)\n\t\treturn 0;\n\tex->p = exfoo_get(gfp);", "ex"),
        ("\tif (ex->p)\n\t\treturn 0;\n\texfoo_get(gfp);\n\tex->p = exfoo_done(ex);", "ex"),
        ("\tif (ex->ready)\n\t\treturn 0;\n\texfoo_get(gfp);\n\tex->ready = true;", "ex"),
        ("\tif (ex->flags & EXFOO_UP)\n\t\treturn 0;\n\texfoo_get(gfp);\n\tex->flags |= EXFOO_UP;", "ex"),
    ],
)
def test_in_what_a_parameter_points_to(lines: str, found: str) -> None:
    assert once(lines) == found


@pytest.mark.parametrize(
    "lines",
    [
        "\tif (!exfoo_pool)\n\t\texfoo_pool = exfoo_get(gfp);",
        "\tif (!ex->up->p)\n\t\tex->up->p = exfoo_get(gfp);",  # of something that may be older
        "\tif (!ex->p && !other->p) {\n\t\tex->p = exfoo_get(gfp);\n\t\tother->p = exfoo_done(ex);\n\t}",
        "\tif (ex->ops->fill)\n\t\tex->ops->fill(ex);\n\telse\n\t\texfoo_get(gfp);",
    ],
)
def test_elsewhere(lines: str) -> None:
    assert once(lines) == ANY


@pytest.mark.parametrize(
    "lines",
    [
        "\texfoo_get(gfp);\n\tex->p = exfoo_done(ex);",
        "\tvoid *p = NULL;\n\n\tif (!p)\n\t\tp = exfoo_get(gfp);",  # it does not outlive the function
        "\tif (ex->p)\n\t\texfoo_get(gfp);\n\telse\n\t\tex->p = exfoo_done(ex);",
        "\tif (ex->error)\n\t\treturn 0;\n\tex->error = EXFOO_BUSY;\n\texfoo_get(gfp);\n\tex->error = exfoo_done(ex);",
        "\tif (ex->state)\n\t\treturn 0;\n\texfoo_get(gfp);\n\tex->state = 1;\n\tif (other)\n\t\tex->state = 2;",
    ],
)
def test_again_and_again(lines: str) -> None:
    assert once(lines) == ""


@pytest.mark.parametrize(
    ("lines", "found"),
    [
        ("\tstruct node *n = kzalloc(sizeof(*n), gfp);", {"n"}),
        ("\tstruct node *n = NULL;\n\n\tif (other)\n\t\tn = kmalloc(8, gfp);\n\telse\n\t\tn = vzalloc(8);", {"n"}),
        ("\tstruct node *n = ex->last;\n\n\tif (!n)\n\t\tn = kmalloc(8, gfp);", set()),
        ("\tstruct node *n = exfoo_node(ex);", set()),
        ("\tex->p = kmalloc(8, gfp);", set()),
    ],
)
def test_what_an_allocator_has_just_made(lines: str, found: set[str]) -> None:
    unit = read(lines)
    assert fresh_objects(unit, engine("6.12").kernel) == found
