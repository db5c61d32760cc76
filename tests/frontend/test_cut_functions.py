"""Files cut into functions by their words alone: which name each part has."""

from __future__ import annotations

import pytest

from reviewbot.frontend.cut_functions import CutFile, declaring

BODY = "toy_run(struct toy *t)\n{\n\treturn t->n;\n}\n"


@pytest.mark.parametrize(
    "above",
    [
        "static int ",
        "static int\n",
        "EXPORT_SYMBOL(toy_end);\n\nint ",
        "/* Runs (or not). */\nint ",
        "#define TOY_MASK (GFP_KERNEL | __GFP_ZERO)\n\nint ",
        "#define TOY_MASK \\\n\t(GFP_KERNEL | \\\n\t __GFP_ZERO)\nint ",
        "# define toy_get(t) kmalloc(t, GFP_KERNEL)\n#ifdef CONFIG_TOY\nint ",
    ],
)
def test_what_stands_above_a_function_is_not_its_name(above: str) -> None:
    (part,) = CutFile(b"a.c", f"{above}{BODY}".encode()).parts
    assert part.name == b"toy_run"


def test_a_macro_between_type_and_name_is_none_either() -> None:
    text = "int\n#ifdef CONFIG_TOY\ntoy_run(int a)\n#else\ntoy_run(void)\n#endif\n{\n}\n"
    (part,) = CutFile(b"a.c", text.encode()).parts
    assert part.name == b"toy_run"


def test_functions_that_are_only_declared() -> None:
    own = "static int b(void)\n{\n\tif (A)\n\t\treturn 1;\n}\n"
    text = f"#define A 1\n\nint {BODY}\n{own}\nint t[] = {{\n\t1,\n}};\n"
    shown = declaring(text.encode(), [b"b", b"t"]).decode()
    assert shown == text.replace(own, "static int b(void);\n\n\n\n\n")
    assert shown.count("\n") == text.count("\n")
    assert declaring(text.encode(), []) == text.encode()


def test_what_calls_are_given_and_what_follows_soon() -> None:
    text = b"toy_add(a, &b);\nmy_toy_add(c);\ntoy_adder(d);\nx = toy_add;\ntoy_add\n\t\t(e);\n"
    words = [*CutFile(b"a.c", text).given_to(b"toy_add")]
    assert words[:2] == [b"a", b"b"]
    assert [words.count(one) for one in (b"c", b"d", b"e")] == [1, 1, 2]  # behind the first call, and in the second


def test_members_that_are_set_to_a_word() -> None:
    text = b"x->put = &f;\ny.get\t=\n g;\n\t.run = h,\na > b = c;\nz.n == m;\nw.n += m;\nv.n = 3;\n"
    assert CutFile(b"a.c", text).puts == [(b"put", b"f"), (b"get", b"g"), (b"run", b"h"), (b"n", b"3")]
