"""A function of which a folder of rules says the context: mails, commits and the desk say the same, file by file."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from command import Command
from desk import Desk
from exfoo import mbox, tree
from kerneltree import KernelTree

A, B, C = "drivers/exfoo/receive.c", "drivers/exfoo/fill.c", "drivers/exfoo/step.c"
ROOTS = """
[[root]]
function = "exfoo_receiver"
context = "{}"
file = "drivers/exfoo/rec*.c"
note = "the bus calls it"
"""
ROOT = "static int exfoo_receiver(struct exfoo *ex)\n{\n\tex->n++;\n\treturn 0;\n}\n"
CALL = ROOT.replace("ex->n++;", "exfoo_step(ex);")
STEP = "int exfoo_step(struct exfoo *ex)\n{\n\treturn exfoo_fill(ex);\n}\n"
ASKS = "int exfoo_fill(struct exfoo *ex)\n{\n\tex->p = kzalloc(64, GFP_KERNEL);\n\treturn ex->p ? 0 : -ENOMEM;\n}\n"
QUIET = ASKS.replace("kzalloc(64, GFP_KERNEL)", "ex->spare")
HERE = ROOT.replace("ex->n++;", "ex->p = kzalloc(64, GFP_KERNEL);")
BELOW = f"static {QUIET}\n{CALL.replace('step', 'fill')}"
RULE = dict.fromkeys(("io", "nofs", "reclaim"), "reclaim-recursion") | {"atomic": "sleep-in-atomic"}
Files = dict[str, str]

# what is there, what the change makes of it, and where the remark stands
CHANGES: dict[str, tuple[Files, Files, tuple[str, int]]] = {
    "a request in it": ({A: ROOT}, {A: HERE}, (A, 3)),
    "a request in what it calls": ({A: BELOW}, {A: BELOW.replace("ex->spare", "kzalloc(64, GFP_KERNEL)")}, (A, 3)),
    "a call of what asks": (
        {A: f"static {ASKS}\n{ROOT}"},
        {A: f"static {ASKS}\n{ROOT.replace('ex->n++', 'exfoo_fill(ex)')}"},
        (A, 9),
    ),
    "a call into another file": ({A: ROOT, B: ASKS, C: STEP}, {A: CALL, B: ASKS, C: STEP}, (A, 3)),
    "a request in another file": ({A: CALL, B: QUIET, C: STEP}, {A: CALL, B: ASKS, C: STEP}, (B, 3)),
    "a call between them": (
        {A: CALL, B: ASKS, C: STEP.replace("exfoo_fill(ex)", "0")},
        {A: CALL, B: ASKS, C: STEP},
        (C, 3),
    ),
}
NO_MATTER: dict[str, tuple[Files, Files]] = {
    "a mask that stays out": ({A: ROOT}, {A: HERE.replace("GFP_KERNEL", "GFP_ATOMIC")}),
    "of the same name in another file": ({"drivers/exfoo/send.c": ROOT}, {"drivers/exfoo/send.c": HERE}),
    "of another name": ({A: ROOT}, {A: HERE.replace("exfoo_receiver", "exfoo_receiver_init")}),
    "static elsewhere": ({A: CALL, B: QUIET, C: f"static {STEP}"}, {A: CALL, B: ASKS, C: f"static {STEP}"}),
    "it was there": ({A: HERE}, {A: HERE.replace("\treturn", "\tex->m++;\n\treturn")}),
    "what calls it": (
        {A: f"{ROOT}\nint exfoo_run(struct exfoo *ex)\n{{\n\treturn exfoo_receiver(ex);\n}}\n"},
        {
            A: f"{ROOT}\nint exfoo_run(struct exfoo *ex)\n{{\n\tex->p = kzalloc(64, GFP_KERNEL);\n"
            "\treturn exfoo_receiver(ex);\n}\n"
        },
    ),
}


@pytest.fixture
def own(command: Command) -> Path:
    folder = command.work / "mine"
    folder.mkdir()
    return folder


def remarks(out: str) -> list[tuple[str, int, str]]:
    found = json.loads(out)["patches"]
    return [(one["path"], one["line"], one["rule"]) for patch in found for one in patch["findings"]]


def said(command: Command, folder: Path, own: Path, old: Files, new: Files) -> list[list[tuple[str, int, str]]]:
    """What a mail, a commit and the desk say of a change."""
    kernel = tree(folder / "linux")
    kernel.base = kernel.commit("exfoo: begin", old)
    kernel.commit("exfoo: go on", {path: text for path, text in new.items() if old[path] != text})
    asked = ("--rules", own, "--kernel", "6.12", "--format", "json", "--min-confidence", "medium")
    span = command("range", f"{kernel.base}..HEAD", "--tree", kernel.folder, *asked)
    desk = command("local", "--tree", kernel.folder, "--base", kernel.base, *asked)
    mails = mbox(kernel)
    kernel.back()
    thread = command("thread", "-", "--tree", kernel.folder, *asked, stdin=mails)
    return [remarks(done.out) for done in (thread, span, desk)]


@pytest.mark.parametrize("context", ["io", "atomic"])
@pytest.mark.parametrize("change", CHANGES)
def test_all_ways_in_say_the_same(command: Command, own: Path, tmp_path: Path, change: str, context: str) -> None:
    (own / "_roots.toml").write_text(ROOTS.format(context))
    old, new, place = CHANGES[change]
    assert said(command, tmp_path, own, old, new) == [[(*place, RULE[context])]] * 3


@pytest.mark.parametrize("change", NO_MATTER)
def test_near_misses(command: Command, own: Path, tmp_path: Path, change: str) -> None:
    (own / "_roots.toml").write_text(ROOTS.format("io"))
    assert said(command, tmp_path, own, *NO_MATTER[change]) == [[]] * 3


@pytest.mark.parametrize(
    ("context", "mask", "found"),
    [
        ("io", "GFP_NOFS", True),
        ("io", "GFP_NOIO", False),
        ("nofs", "GFP_KERNEL", True),
        ("nofs", "GFP_NOFS", False),
        ("reclaim", "GFP_NOIO", True),
        ("reclaim", "GFP_NOWAIT", False),
        ("atomic", "GFP_NOIO", True),
        ("atomic", "GFP_NOWAIT", False),
    ],
)
def test_what_a_context_forbids(
    command: Command, own: Path, tmp_path: Path, context: str, mask: str, found: bool
) -> None:
    """And a file of which a list says that a file system waits for it may say GFP_NOFS."""
    (own / "_roots.toml").write_text(ROOTS.format(context))
    kernel: KernelTree = tree(tmp_path / "linux")
    base = kernel.commit("exfoo: begin", {A: ROOT})
    kernel.commit("exfoo: go on", {A: HERE.replace("GFP_KERNEL", mask)})
    done = command("range", f"{base}..HEAD", "--tree", kernel.folder, "--rules", own, "--format", "json")
    expected = [(A, 3, RULE[context])] if found else []
    other = [(A, 3, "nofs-outside-fs")] if (context, mask) == ("io", "GFP_NOFS") else []
    assert sorted(remarks(done.out)) == sorted([*expected, *other])


def test_a_draft_names_the_root_with_its_note(command: Command, own: Path, desk: Desk) -> None:
    (own / "_roots.toml").write_text(ROOTS.format("io"))
    desk.write(A, f"static {QUIET}\n{CALL.replace('step', 'fill')}")
    desk.kernel.commit("exfoo: begin")
    desk.stage(A, f"static {ASKS}\n{CALL.replace('step', 'fill')}")
    told = " ".join(desk("--base", "HEAD", "--rules", own, "--explain").out.split())
    led = "exfoo_receiver() calls exfoo_fill(), and exfoo_receiver() is on the I/O path (the bus calls it)"
    assert f"as far as I can see {led}, and reclaim" in told
    assert "listed as io" in told
