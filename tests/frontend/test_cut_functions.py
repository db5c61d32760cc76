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
