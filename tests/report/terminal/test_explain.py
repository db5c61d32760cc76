"""report/explain.py: the matrix, a row of it, the rules and one rule, as they are read on a terminal."""

from __future__ import annotations

import re

import pytest
from msgspec.structs import replace

from matrix_list import HOCKO, LIST
from reviewbot.config import data_path
from reviewbot.kernel import rules
from reviewbot.model.errors import UsageError
from reviewbot.model.kernel import Kernel, Rule, ScopeCall, ScopeKind
from reviewbot.report.terminal import explain
from reviewbot.report.terminal.tabulated import tabulated
from reviewbot.report.terminal.text import STYLES, without_styles
from reviewbot.report.terminal.tint import tinted

NOFS = ScopeKind(
    name="nofs",
    family="memalloc",
    enter=(
        ScopeCall("memalloc_nofs_save", token="result"),
        ScopeCall("memalloc_flags_save", "PF_MEMALLOC_NOFS", "result"),
    ),
    leave=(ScopeCall("memalloc_nofs_restore", token="0"),),
    clears=frozenset({"__GFP_FS"}),
    flag="PF_MEMALLOC_NOFS",
    why="Keeps reclaim out of file systems.",
    source="include/linux/sched/mm.h",
)
SPIN = ScopeKind("spinlock", "lock", (ScopeCall("try_lock", when="true"),), (), ("spin",), atomic=True)


@pytest.fixture(scope="module")
def now() -> Kernel:
    return rules.load([data_path("rules")], (6, 12))[0]


@pytest.fixture(scope="module")
def scoped(now: Kernel) -> Kernel:
    return Kernel(now.version, now.flags, now.spans, {"nofs": NOFS, "spinlock": SPIN}, {}, {})


@pytest.mark.parametrize("width", [20, 60, 80, 110, 200])
def test_whole_matrix(scoped: Kernel, width: int) -> None:
    told = explain.matrix(scoped, None, width)
    lines = told.splitlines()
    assert max(map(len, lines)) <= max(width, 60)
    assert "Linux 6.12" in told
    for name, (on, off, _) in LIST.items():
        assert any(line.split()[:3] == [name, on, off] for line in lines), name
    assert all(any(line.split()[:1] == [name] for line in lines) for name in scoped.flags)
    assert any(line.split()[:2] == ["nofs", "safe"] for line in lines)
    assert any(line.split()[:2] == ["spinlock", "lock"] for line in lines)
    assert "PF_MEMALLOC_NORECLAIM" in told[told.index("NOT IN THIS VERSION") :]


def test_matrix_columns(now: Kernel) -> None:
    lines = explain.matrix(now, None, 120).splitlines()
    head = next(line for line in lines if line.startswith("FLAG"))
    row = next(line for line in lines if line.startswith("__GFP_IO"))
    assert head.split()[-1] == "REQUESTED"
    assert row[head.index("SCOPE CALL") :].startswith("memalloc_noio_save()")
    assert row[head.index("REQUESTED") :].startswith("to clear: block layer")


@pytest.mark.parametrize("name", ["__GFP_DIRECT_RECLAIM", "__gfp_direct_reclaim", " __GFP_Direct_Reclaim "])
def test_matrix_of_a_flag(now: Kernel, name: str) -> None:
    told = flat(explain.matrix(now, name, 80))
    assert told.startswith("__GFP_DIRECT_RECLAIM (reclaim bit)")
    assert "A scope that sets it: unsafe Nested GFP_NOWAIT and GFP_ATOMIC" in told
    assert "A scope that clears it: unsafe __GFP_NOFAIL needs this bit" in told
    assert told.count(f"[{HOCKO}]") == 2
    assert "Held by: __GFP_RECLAIM, GFP_KERNEL" in told
    assert "in kernels since 4.4." in told


def test_matrix_of_a_compound(now: Kernel) -> None:
    told = flat(explain.matrix(now, "gfp_nowait", 80))
    assert "Bits at 6.12: __GFP_KSWAPD_RECLAIM, __GFP_NOWARN." in told
    assert "A scope that clears it: unsafe What its bits allow together; __GFP_KSWAPD_RECLAIM decides." in told


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("GFP_NOWARN", "GFP_NOWARN: no kernel version has it. Use __GFP_NOWARN."),
        ("__GFP_ATOMIC", "__GFP_ATOMIC: in kernels since 4.4 and before 6.3; 6.12 does not have it. Use GFP_ATOMIC."),
        ("pf_memalloc_noreclaim", "PF_MEMALLOC_NORECLAIM: in kernels since 6.9 and before 6.12; 6.12 does not"),
        ("PF_MEMALLOC", "PF_MEMALLOC: in kernels of every version."),
    ],
)
def test_life_of_a_name_without_a_row(now: Kernel, name: str, told: str) -> None:
    bare = Kernel(now.version, now.flags, now.spans, {}, {}, {})
    assert flat(explain.matrix(bare, name, 80)).startswith(told)


@pytest.mark.parametrize(
    "name",
    [
        "nofs",
        "NOFS",
        "PF_MEMALLOC_NOFS",
        "pf_memalloc_nofs",
        "memalloc_nofs_save",
        "memalloc_nofs_save()",
        "memalloc_nofs_restore",
    ],
)
def test_matrix_of_a_scope(scoped: Kernel, name: str) -> None:
    told = flat(explain.matrix(scoped, name, 80))
    assert told.startswith("nofs (memalloc scope, PF_MEMALLOC_NOFS): safe Keeps reclaim out of file systems.")
    assert "[include/linux/sched/mm.h]" in told
    assert "Effect: takes away __GFP_FS." in told
    assert "Entered by: memalloc_nofs_save(), memalloc_flags_save(PF_MEMALLOC_NOFS)." in told
    assert "Left by: memalloc_nofs_restore()." in told
    assert "GFP_KERNEL GFP_NOFS GFP_KERNEL_ACCOUNT GFP_NOFS | __GFP_ACCOUNT" in told
    assert "The same as outside: GFP_ATOMIC, GFP_NOWAIT, GFP_NOIO, GFP_NOFS, GFP_F2FS_ZERO." in told
    assert "PF_MEMALLOC_NOFS: in kernels since 4.12." in told


def test_matrix_of_a_lock(scoped: Kernel) -> None:
    told = flat(explain.matrix(scoped, "spin", 80))
    assert "Effect: nothing below may sleep." in told
    assert "Entered by: try_lock() when it returns true, guard(spin). Left by: the end of its block." in told


@pytest.mark.parametrize(
    ("name", "near"),
    [
        ("__GFP_NOFIAL", "__GFP_NOFAIL"),
        ("nofail", "__GFP_NOFAIL"),
        ("memaloc_nofs_sav", "memalloc_nofs_save"),
        ("nosf", "nofs"),
    ],
)
def test_near_matches(scoped: Kernel, name: str, near: str) -> None:
    with pytest.raises(UsageError, match=rf"no flag or scope '{name}'; did you mean .*\b{near}\b"):
        explain.matrix(scoped, name, 80)


def test_nothing_near(scoped: Kernel) -> None:
    with pytest.raises(UsageError, match=r"no flag or scope 'zzz\\x1b\[31m'$"):
        explain.matrix(scoped, "zzz\x1b[31m", 80)


RULE = Rule(
    id="no-way",
    severity="error",
    confidence="high",
    depth="file",
    check="masks:combine",
    summary="${call}() cannot take $flag",
    question="Could it?",
    why="First reason.\n\nA second one, about __GFP_NOFAIL.",
    fix="Use something else for $flag.",
    see=("include/linux/gfp_types.h",),
    since=(6, 1),
    rows=({"has": ("__GFP_DMA", "__GFP_DMA32"), "loses": "__GFP_DMA"},),
)


def test_rule(now: Kernel) -> None:
    told = explain.rule(RULE, now, 100, rows=True)
    lines = told.splitlines()
    assert lines[0] == "no-way: error, high confidence, needs the whole file, since 6.1"
    assert "<call>() cannot take <flag>" in lines
    assert "WHY\n    First reason.\n\n    A second one, about __GFP_NOFAIL.\n" in told
    assert "FIX\n    Use something else for <flag>.\n" in told
    assert "  - has: __GFP_DMA, __GFP_DMA32; loses: __GFP_DMA\n" in told
    rows = [line.split()[:3] for line in lines if line.startswith("__GFP")]
    assert rows == [[name, *LIST[name][:2]] for name in ("__GFP_DMA", "__GFP_DMA32", "__GFP_NOFAIL")]
    assert told.endswith("SEE\n  - include/linux/gfp_types.h\n")


def test_rule_shows_texts_and_not_the_data_of_its_check(now: Kernel) -> None:
    told = explain.rule(replace(RULE, ask="Might it, for $flag?"), now, 80)
    assert "ROWS" not in told
    assert "IN A DRAFT\n    Could it?\n\nIN A DRAFT, IF LESS SURE\n    Might it, for <flag>?\n" in told
    assert "IF LESS SURE" not in explain.rule(RULE, now, 80)


def test_rule_shows_its_examples_as_they_are(now: Kernel) -> None:
    code = "\nif (!ext)\n\treturn -ENOMEM;\t/* $a */\n...\n"
    told = explain.rule(replace(RULE, bad=(code,), good=("one();\n", "two();\n")), now, 60)
    shown = "BAD\n    if (!ext)\n            return -ENOMEM; /* $a */\n    ...\n\n"
    assert (
        f"FIX\n    Use something else for <flag>.\n\n{shown}GOOD\n    one();\n\nGOOD\n    two();\n\nIN A DRAFT" in told
    )


def test_rules_list() -> None:
    told = explain.rules_list([RULE], 80).splitlines()
    assert told[0].split() == ["RULE", "SEVERITY", "CONFIDENCE", "PROBLEM"]
    assert re.split(r" {2,}", told[1]) == ["no-way", "error", "high", "<call>() cannot take <flag>"]
    assert told[1].index("<call>") == told[0].index("PROBLEM")


def test_rules_list_has_the_roots_once() -> None:
    row = {"functions": ("exfoo_receiver",), "context": "io", "file": "drivers/exfoo/a.c", "note": "replies come in"}
    other = {"functions": ("exfoo_free",), "context": "reclaim"}
    told = explain.rules_list([replace(RULE, rows=(row,)), replace(RULE, id="other", rows=(row, other))], 80, rows=True)
    roots = told.partition("\n\n")[2].splitlines()
    assert [re.split(r" {2,}", line) for line in roots] == [
        ["ROOT", "CONTEXT", "WHERE AND WHY"],
        ["exfoo_free", "reclaim"],
        ["exfoo_receiver", "io", "drivers/exfoo/a.c: replies come in"],
    ]


def test_rules_list_has_no_roots_unasked() -> None:
    row = {"functions": ("exfoo_receiver",), "context": "io"}
    assert "exfoo_receiver" not in explain.rules_list([replace(RULE, rows=(row,))], 80)


@pytest.mark.parametrize("width", [20, 60, 72, 80, 100, 140])
def test_no_name_is_ever_broken(width: int) -> None:
    kernel, found = rules.load([data_path("rules")], (6, 12))
    every = [explain.matrix(kernel, None, width), explain.rules_list(found, width, rows=True)]
    every += [explain.rule(each, kernel, width, rows=True) for each in found]
    told = {word for text in every for word in re.findall(r"\w+", text)}
    names = {*kernel.flags, *(gate.call for scope in kernel.scopes.values() for gate in scope.enter)}
    assert names - told == set()
    assert "xfs_trans_alloc_icreate" in told  # one that was cut at 80 columns


def test_what_has_no_room_stands_below() -> None:
    rows = [("NAME", "A", "B"), ("x", "w" * 30, "one two"), ("y", "", "z")]
    assert tabulated(rows, 60, 2).splitlines() == [
        f"NAME  {'A':35}  B",
        f"x     {'w' * 30:35}  one two",
        f"y     {'':35}  z",
    ]
    assert tabulated(rows, 40, 2).splitlines() == [
        *("NAME", "    A", "    B", "x", f"    {'w' * 30}", "    one two", "y", "    z")
    ]


def test_colours_change_no_text(now: Kernel) -> None:
    told = explain.matrix(now, None, 80)
    lines = [*tinted(told)]
    assert without_styles(lines) == told
    styles = {text: style for line in lines for text, style in line if style}
    assert styles["safe"] == "safe"
    assert styles["unsafe"] == "unsafe"
    assert styles["FLAG                  SET        CLEAR      SCOPE CALL; REQUESTED"] == "head"
    assert set(styles.values()) <= STYLES.keys()
    row = next(line for line in lines if line and line[0][0].startswith("__GFP_DMA "))
    assert [text for text, _ in row] == ["__GFP_DMA             ", "safe", "       ", "unsafe", row[4][0]]


def test_find_rule() -> None:
    assert explain.find_rule([RULE], " No-Way") is RULE
    with pytest.raises(UsageError, match=r"no rule 'now-ay'; did you mean no-way\?"):
        explain.find_rule([RULE], "now-ay")


def flat(text: str) -> str:
    return " ".join(text.split())
