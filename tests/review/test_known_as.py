"""What a function goes by where git names it in the text behind the @@: the same from a mail, a commit, a work tree."""

from __future__ import annotations

import json
from pathlib import Path
from typing import NamedTuple

import pytest

from command import Command
from reviewbot.config import data_path
from reviewbot.frontend import fragments
from reviewbot.frontend.preprocess import rewrite
from reviewbot.frontend.stitch import heading
from reviewbot.kernel import rules

WORDS = rewrite.sorted_words(rules.load([data_path("rules")], (6, 12))[0].words)
WRONG = "\tx->p = kmalloc(8, GFP_ATOMIC | __GFP_NOFAIL);\n"
FILL = "".join(f"\tx->a{at} = {at};\n" for at in range(8))
FAR, NEAR = FILL, ""  # what stands between the head and the change: more than the hunk shows, or nothing


class Seen(NamedTuple):
    function: str
    fingerprint: str


def seen(done) -> list[Seen]:
    found = [one for patch in json.loads(done.out)["patches"] for one in patch["findings"]]
    return [Seen(one["function"], one["fingerprint"]) for one in found if one["rule"] == "nofail-cannot-sleep"]


def mailed(desk) -> Path:
    """The last commit as a mail."""
    path: Path = desk.temporary.parent / "last.patch"
    path.write_text(desk.kernel.git("format-patch", "-1", "--stdout"))
    return path


@pytest.fixture
def changed(desk):
    """Add the wrong line to the function with a head, and give what is seen in it from the mail and from both trees."""
    made, desk.run = 0, Command.inside

    def change(head: str, between: str = FAR) -> tuple[list[Seen], list[Seen], list[Seen]]:
        nonlocal made
        made += 1
        path = f"fs/exfoo/f{made}.c"
        desk.kernel.commit("attributes", {".gitattributes": "*.[ch] diff=cpp\n"})  # as the kernel has it
        desk.kernel.commit("before", {path: f"{head}\n{{\n{between}{FILL}}}\n"})
        text = f"{head}\n{{\n{between}{WRONG}{FILL}}}\n"
        desk.stage(path, text)
        desk.runs = "local"
        local = seen(desk("--staged", "--format", "json"))
        desk.kernel.commit("x: y")
        desk.runs = "range"
        commit = seen(desk("HEAD", "--format", "json"))
        desk.runs = "thread"
        return seen(desk(mailed(desk), "--format", "json")), commit, local

    return change


@pytest.mark.parametrize("between", [FAR, NEAR], ids=["far", "near"])
@pytest.mark.parametrize(
    ("head", "known"),
    [
        ("static void *toy_next(struct toy *x)", True),
        ("static void *toy_next(struct toy *x) __acquires(&x->lock)", True),
        ("static void *toy_next(struct toy *x)\n\t__acquires(&x->lock)", True),
        ("static void *toy_next(struct toy *x)\n__acquires(&x->lock)", False),
        ("static void *toy_next(struct toy *x)\n__acquires(&x->lock)\n__releases(RCU)", False),
        (
            "static void *toy_next(struct toy *x)\n__must_hold(&x->lock) __releases(&x->a_lock_with_a_long_name)",
            False,
        ),
        ("static void *toy_next(struct toy *x, int a,\nint b)", False),
        ("static __printf(2, 3) void toy_next(struct toy *x, const char *f, ...)", True),
        ("__printf(2, 3)\nstatic void toy_next(struct toy *x, const char *f, ...)", True),
        ("static void *\ntoy_next(struct toy *x)", True),
        ("SYSCALL_DEFINE2(toy_next, struct toy *, x, int, b)", True),
        ("DEFINE_TOY(toy_next, struct toy *x)", True),
    ],
)
def test_it_is_the_same_from_everywhere(changed, head, known, between):
    mail, commit, local = changed(head, between)
    assert [one.function for one in commit] == ["toy_next"]
    assert commit == local
    assert [one.fingerprint for one in mail] == [one.fingerprint for one in commit]
    assert [one.function for one in mail] == (["toy_next"] if known or between == NEAR else [""])


def test_a_baseline_holds_from_a_tree_to_a_mail(desk, changed):
    changed("static void *toy_next(struct toy *x)\n__acquires(&x->lock)")
    desk.runs = "range"
    known = desk.temporary.parent / "known.json"
    assert desk("HEAD", "--write-baseline", known).code == 0
    assert json.loads(known.read_text())["remarks"][0]["function"] == "toy_next"
    assert desk("HEAD", "--baseline", known).code == 0
    desk.runs = "thread"
    assert desk(mailed(desk)).code == 1
    assert desk(mailed(desk), "--baseline", known).code == 0


def test_two_functions_that_no_mail_can_tell_apart_are_counted(desk):
    """A line more of the kind in another of them is news."""
    head = "static void toy_{}(struct toy *x)\n__acquires(&x->lock)"
    one, two = (f"{head.format(name)}\n{{\n{FILL}{WRONG}{FILL}}}\n" for name in ("one", "two"))
    desk.runs = "range"
    desk.kernel.commit("one", {"fs/exfoo/f.c": one})
    known = desk.temporary.parent / "known.json"
    desk("HEAD", "--write-baseline", known)
    desk.kernel.commit("two", {"fs/exfoo/f.c": one + two})
    (first,), (second,) = (seen(desk(f"HEAD~{at}", "--format", "json")) for at in (1, 0))
    assert first.fingerprint == second.fingerprint
    desk.kernel.commit("none", {"fs/exfoo/f.c": "int none;\n"})
    desk.kernel.commit("both", {"fs/exfoo/f.c": one + two})
    assert len(seen(desk("HEAD", "--baseline", known, "--format", "json"))) == 1


# --- what stands behind the @@ ---


@pytest.mark.parametrize(
    ("section", "name"),
    [
        ("static int toy(struct x *x)", "toy"),
        ("__printf(2, 3) int toy(const char *f, ...)", "toy"),
        ("static int toy(struct x *x) __acquires(&x->lo", "toy"),
        ("SYSCALL_DEFINE3(toy, int, a, int, b, int, c)", "toy"),
        ("COMPAT_SYSCALL_DEFINE3(toy, int, a,", "toy"),
        ("DEFINE_TOY(toy)", "toy"),
        ("void toy(int a) {", "toy"),
        ("__acquires(&x->lock)", ""),
        ("__acquires(&x->lock", ""),
        ("__must_hold(&x->lock) __releases(&x->lock)", ""),
        ("__acquires(x) {", ""),
        ("__no_context_analysis", ""),
        ("__context_unsafe(/* conditional locking */)", ""),
        ("int b)", ""),
        ("struct toy *toy(int a), int b)", ""),
        ("struct toy x = {", ""),
        ("static const struct toy_ops ops = {", ""),
        ("struct toy {", ""),
        ("out:", ""),
        ("EXPORT_SYMBOL(toy);", ""),
        ("module_init(toy);", ""),
        ("enum toy {", ""),
        ("if (x)", ""),
        ("", ""),
    ],
)
def test_the_name_in_a_section(section, name):
    assert fragments.function_name(heading(section, WORDS)) == name


@pytest.mark.parametrize("section", ["__acquires(&x->lock)", "__acquires(&x->l", "int b)", "static int toy(int a)"])
def test_a_function_without_a_name_is_read_all_the_same(section):
    """Its first row looks like a member of a structure."""
    text = f"\tint err;\n\n{WRONG}"
    assert list(fragments.split_fragments(text, heading(section, WORDS), False))


@pytest.mark.parametrize("section", ["struct toy {", "static struct toy x = {", "EXPORT_SYMBOL(toy);"])
def test_what_is_no_function_is_not_read(section):
    assert not list(fragments.split_fragments("\tint err;\n\tint more;\n", heading(section, WORDS), False))


def test_two_hunks_without_a_name_are_not_one_function():
    """They may be of two functions that have the same annotation."""
    section = "__acquires(&x->lock)"
    texts = ("\tspin_lock(&x->lock);\n", "\tx->p = kmalloc(8, GFP_KERNEL);\n")
    first, second = (next(fragments.split_fragments(FILL + text, heading(section, WORDS), False)) for text in texts)
    assert fragments.join_fragments(first, second) is None
