"""Kernel C as hunks show it, and what is read in it: offsets stay, calls are on their rows, nothing stalls."""

from __future__ import annotations

import time
from functools import lru_cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reviewbot.config import data_path
from reviewbot.frontend.fragments import OPEN
from reviewbot.frontend.preprocess import prepare, rewrite
from reviewbot.frontend.stitch import Stretch
from reviewbot.kernel.rules import load
from reviewbot.program.reader import Reader


@lru_cache
def reader() -> Reader:
    return Reader(load([data_path("rules")], (6, 12))[0])


def calls(text: str, section: str = "", whole: bool = False) -> list[tuple[str, str, int]]:
    """(function, callee, row) of every call of an allocator, in the order of the text."""
    units = reader().read(text, section, whole).units
    known = reader().kernel.allocators
    found = [
        (unit.function.name, step.name, step.lines[0]) for unit in units for step in unit.steps if step.name in known
    ]
    return sorted(found, key=lambda row: row[2])


INSIDE = "static int toy(struct toy *t)"


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("the middle of a call", "\t\t   GFP_KERNEL);\n\tp = kmalloc(n, GFP_KERNEL);\n", [("toy", "kmalloc", 1)]),
        ("the middle of a condition", "\t    t->x) {\n\t\tp = kmalloc(n, GFP_KERNEL);\n\t}\n", [("toy", "kmalloc", 1)]),
        ("an else", "\t} else {\n\t\tp = kmalloc(n, GFP_KERNEL);\n\t}\n\treturn 0;\n}\n", [("toy", "kmalloc", 1)]),
        ("the end of a do loop", "\t\tp = kmalloc(n, GFP_KERNEL);\n\t} while (!p);\n", [("toy", "kmalloc", 0)]),
        (
            "a jump whose condition is above",
            "\t\treturn -EIO;\n\n\tp = kmalloc(n, GFP_NOFS);\n",
            [("toy", "kmalloc", 2)],
        ),
        ("a case", "\tcase 1 ... 3:\n\t\tp = kmalloc(n, GFP_KERNEL);\n\t\tbreak;\n\t}\n", [("toy", "kmalloc", 1)]),
        (
            "a comment that began above",
            "\t * words (here\n\t */\n\tp = kmalloc(n, GFP_KERNEL);\n",
            [("toy", "kmalloc", 2)],
        ),
        ("an unfinished call at the end", "\tp = kmalloc(n, GFP_KERNEL);\n\tq = kzalloc(n,\n", [("toy", "kmalloc", 0)]),
        ("an unfinished if at the end", "\tp = kmalloc(n, GFP_KERNEL);\n\tif (!p)\n", [("toy", "kmalloc", 0)]),
        ("a loop macro", "\tfor_each_toy(t, x) {\n\t\tp = kmalloc(n, GFP_KERNEL);\n\t}\n", [("toy", "kmalloc", 1)]),
        (
            "a type as an argument",
            "\tx = container_of(kmalloc(n, GFP_KERNEL), struct y, z);\n",
            [("toy", "kmalloc", 0)],
        ),
        ("braces in a string", '\tpr("}{%s");\n\tp = kmalloc(n, GFP_KERNEL);\n', [("toy", "kmalloc", 1)]),
        (
            "two halves of an #if",
            "#ifdef X\n\tif (a) {\n#else\n\tif (b) {\n#endif\n\t\tp = kmalloc(n, GFP_KERNEL);\n\t}\n",
            [("toy", "kmalloc", 5)],
        ),
        (
            "two functions",
            "\tp = kmalloc(n, GFP_KERNEL);\n}\n\nint two(void)\n{\n\tq = kzalloc(n, GFP_KERNEL);\n}\n",
            [("toy", "kmalloc", 0), ("two", "kzalloc", 5)],
        ),
        ("a statement expression", "\tx = ({ p = kmalloc(n, GFP_KERNEL); p; });\n", [("toy", "kmalloc", 0)]),
        (
            "a scoped guard",
            "\tscoped_guard(mutex, &t->m) {\n\t\tp = kmalloc(n, GFP_KERNEL);\n\t}\n",
            [("toy", "kmalloc", 1)],
        ),
    ],
)
def test_a_hunk_that_begins_or_ends_anywhere_is_read(name, text, expected):
    assert calls(text, INSIDE) == expected


def test_a_head_that_began_above_gets_its_name_from_the_section():
    text = "\tstruct toy\t*t,\n\tgfp_t\t\tgfp)\n{\n\treturn kmalloc(t->n, gfp);\n}\n"
    units = reader().read(text, "toy_alloc(", False).units
    assert [(unit.function.name, unit.function.starts, unit.function.ends) for unit in units] == [
        ("toy_alloc", True, True)
    ]
    assert ("gfp_t", "gfp") in units[0].function.params


def test_a_definer_and_annotations_are_read_past():
    text = "SYSCALL_DEFINE2(toy, int, a, char __user *, b)\n{\n\tp = kmalloc(a, GFP_KERNEL);\n}\n"
    assert calls(text) == [("toy", "kmalloc", 2)]
    text = "static int __init toy(void) __acquires(&l)\n{\n\tp = kmalloc(a, GFP_KERNEL);\n}\n"
    assert calls(text) == [("toy", "kmalloc", 2)]


def test_a_macro_of_several_lines_is_code_on_its_own_rows():
    text = "#define toy(n) \\\n({ \\\n\tvoid *p = kmalloc(n, GFP_KERNEL); \\\n\tp; \\\n})\n"
    assert calls(text) == [("toy", "kmalloc", 2)]


def test_what_is_nested_too_deep_is_unread_and_not_guessed():
    text = "int toy(void)\n{\n\tx = " + "(" * 3000 + "kmalloc(1, GFP_KERNEL)" + ")" * 3000 + ";\n}\n"
    found = reader().read(text, "", True)
    units, unread = found.units, found.unread
    assert unread == ("toy(): an expression nested too deep",)
    assert all(unit.function.broken for unit in units)


@given(st.text(st.sampled_from("abc(){}[];:,\"'\\/*#\n\t= ifelsdo_GFP?!&|."), max_size=300))
@settings(max_examples=300, deadline=None)
def test_offsets_stay_and_nothing_raises(text):
    prepared = prepare.prepare(text, rewrite.sorted_words(reader().kernel.words))
    assert len(prepared.text) == len(text)
    assert prepared.text.count("\n") == text.count("\n")
    reader().read("gfp " + text, INSIDE, False)


@pytest.mark.parametrize(
    "unit",
    [
        "(",
        ")",
        "{",
        "}",
        "/*",
        "#if 1\n",
        "#else\n",
        "for_each_x(",
        "\\\n",
        "case 1:",
        '"',
        "'",
        "else if (x) ",
        "x, ",
        "__acquires(",
        "struct a, ",
        "a = b ? ",
        "do ",
        "x->",
        "\0",
        "#define a \\\n",
        ";",
        "goto a;a:",
        "if (x) {",
    ],
)
def test_a_megabyte_of_anything_is_done_within_seconds(unit):
    text = "int toy(void)\n{\n\tkmalloc(1, GFP_KERNEL);\n" + unit * (1_000_000 // len(unit))
    start = time.process_time()
    reader().read(text, INSIDE, False)
    assert time.process_time() - start < 30  # a bound against stalls; the figure itself is the benchmark's


HEAD, TAIL = (
    "static int toy(struct toy *t)\n{\n\tif (t->x) {\n\t\ta(t);",
    "\tgfp_b(t);\n out:\n\tc(t);\n\treturn 0;\n}\n",
)


@pytest.mark.parametrize(
    ("name", "hunks", "expected"),
    [
        ("head and tail", [(HEAD, ""), (TAIL, INSIDE)], [("toy", ["a", "gfp_b", "c"])]),
        ("three", [(HEAD, ""), ("\tgfp_m(t);\n", INSIDE), (TAIL, INSIDE)], [("toy", ["a", "gfp_m", "gfp_b", "c"])]),
        ("out of a block", [(HEAD, ""), ("\t\tz(t);\n\t}\n" + TAIL, INSIDE)], [("toy", ["a", "z", "gfp_b", "c"])]),
        ("another function", [(HEAD, ""), (TAIL, "static int boy(struct toy *t)")], [("boy", ["gfp_b", "c"])]),
        (
            "the first one ends in the gap",
            [(HEAD.replace("a(t)", "gfp_a(t)"), ""), ("static int b;\nint boy(void)\n{\n\tgfp_b(t);\n}\n", INSIDE)],
            [("toy", ["gfp_a"]), ("boy", ["gfp_b"])],
        ),
        (
            "too many blocks for the gap",
            [(HEAD.replace("a(t)", "gfp_a(t)"), ""), ("\t}\n" * 50 + TAIL, INSIDE)],
            [("toy", ["gfp_a"]), ("toy", ["gfp_b", "c"])],
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_hunks_of_one_function_are_read_as_one(name, hunks, expected):
    stretches, row = [], 0
    for text, section in hunks:
        stretches.append(Stretch(text, section, row))
        row += text.count("\n") + 2
    units = reader().read_all(stretches, False).units
    made = "\n\n".join(text for text, _ in hunks).split("\n")
    calls = [step for unit in units for step in unit.steps if step.kind == "call" and step.name != OPEN]
    assert [(unit.function.name, [one.name for one in unit.steps if one in calls]) for unit in units] == expected
    assert all(f"{step.name}(" in made[step.lines[0]] for step in calls)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(st.text("toy(){};\n\tif =gfp_:,#", max_size=80), st.sampled_from([INSIDE, ""])), max_size=4))
def test_any_stretches_are_read(hunks):
    stretches, row = [], 0
    for text, section in hunks:
        stretches.append(Stretch(text, section, row))
        row += text.count("\n") + 2
    read = reader().read_all(stretches, False)
    assert all(0 <= step.lines[0] <= row for unit in read.units for step in unit.steps)
