"""An #if that a text decides itself has one half; one that a build or another file may decide has both."""

from __future__ import annotations

import pytest

from reviewbot.frontend.preprocess.comments import strip_comments
from reviewbot.frontend.preprocess.directives import directives

FIRST, SECOND, BOTH = {"one"}, {"two"}, {"one", "two"}


def halves(text: str) -> set[str]:
    """Which of two functions is left."""
    shown = directives(strip_comments(text))[0]
    return {name for name in ("one", "two") if f"int {name}" in shown}


def left_of(head: str, condition: str, more: str = "") -> set[str]:
    return halves(f"{head}\n{condition}\nint one(void)\n{{\n}}\n#else\nint two(void)\n{{\n}}\n#endif\n{more}")


@pytest.mark.parametrize(
    ("head", "condition", "left"),
    [
        ("", "#if 0", SECOND),
        ("", "#if 1", FIRST),
        ("", "#if 0 && defined(TOY)", SECOND),
        ("#define TOY_DUMP 0", "#if TOY_DUMP", SECOND),
        ("#define TOY_DUMP 0 /* for debug */", "# if (TOY_DUMP)", SECOND),
        ("#define TOY_DUMP 0", "#if !TOY_DUMP", FIRST),
        ("#define TOY_DUMP 1", "#if TOY_DUMP", FIRST),
        ("#define TOY_LEVEL 2", "#if TOY_LEVEL > 2", SECOND),
        ("#define TOY_LEVEL 0x2UL", "#if TOY_LEVEL >= 2", FIRST),
        ("#define TOY_LEVEL 2", "#if TOY_LEVEL == 1 && CONFIG_TOY", SECOND),
        ("#define TOY_OLD", "#ifdef TOY_OLD", FIRST),
        ("#define TOY_OLD", "#ifndef TOY_OLD", SECOND),
        ("#define TOY_OLD 0", "#ifdef TOY_OLD", FIRST),
        ("#define TOY_OLD", "#if defined(TOY_OLD)", FIRST),
        ("#define TOY_OLD", "#if !defined TOY_OLD", SECOND),
    ],
)
def test_the_text_decides(head: str, condition: str, left: set[str]) -> None:
    assert left_of(head, condition) == left


@pytest.mark.parametrize(
    ("head", "condition"),
    [
        ("", "#if TOY_DUMP"),
        ("", "#ifdef TOY_DUMP"),  # a build may define it
        ("/* #define TOY_DUMP 0 */", "#if TOY_DUMP"),
        ("#ifndef TOY_DUMP\n#define TOY_DUMP 0\n#endif", "#if TOY_DUMP"),
        ("#ifdef CONFIG_TOY\n#define TOY_DUMP 1\n#else\n#define TOY_DUMP 0\n#endif", "#if TOY_DUMP"),
        ("#define TOY_DUMP 0\n#ifdef CONFIG_TOY\n#undef TOY_DUMP\n#define TOY_DUMP 1\n#endif", "#if TOY_DUMP"),
        ("#define TOY_DUMP\n#undef TOY_DUMP", "#ifdef TOY_DUMP"),
        ("#define TOY_DUMP 0\n#endif", "#if TOY_DUMP"),  # of an #if above the text
        ("#define TOY_DUMP 0\n#else\n#define TOY_LEVEL 1\n#endif", "#if TOY_DUMP"),
        ("#define TOY_DUMP TOY_DEBUG", "#if TOY_DUMP"),
        ("#define TOY_DUMP (TOY_A + 1)", "#if TOY_DUMP"),
        ("#define TOY_DUMP(x) 0", "#if TOY_DUMP(1)"),
        ("#define TOY_DUMP 0", "#if TOY_DUMP || CONFIG_TOY"),
        ("#define TOY_DUMP 1", "#if TOY_DUMP && CONFIG_TOY"),
        ("#define TOY_DUMP 0", "#if TOY_DUMP + CONFIG_TOY"),
        ("#define TOY_DUMP 0", "#if IS_ENABLED(TOY_DUMP)"),
        ("#define TOY_DUMPED 0", "#if TOY_DUMP"),
    ],
)
def test_something_else_decides(head: str, condition: str) -> None:
    assert left_of(head, condition) == BOTH


def test_what_is_defined_below_does_not_count() -> None:
    assert left_of("", "#if TOY_DUMP", "#define TOY_DUMP 0\n") == BOTH
    assert left_of("", "#ifndef TOY_H\n#define TOY_H\n#endif\n#ifndef TOY_H") == BOTH


@pytest.mark.parametrize("level", ["9" * 30, "0x" + "f" * 30, "08"])
def test_no_number_is_too_odd(level: str) -> None:
    assert left_of(f"#define TOY_LEVEL {level}", "#if TOY_LEVEL") == BOTH
