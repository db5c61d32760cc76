"""A check that declares nothing, and a rule with a row key that its check does not know: nothing is sifted away."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

from command import Command
from desk import Span
from reviewbot.checks.declaration import Trigger, check, no_role
from reviewbot.kernel.rows import row_words
from reviewbot.model.kernel import Rule
from reviewbot.program.context import Context, Hit
from reviewbot.program.file_version import FileVersion
from reviewbot.program.query import requests

RULE = """
severity = "warning"
confidence = "medium"
depth = "diff"
check = "{check}"
summary = "{said}"
question = "Why?"
why = "A test says so."
fix = "None."

[[row]]
{row}
"""
# a rule of a check that exists: what sleeps is new, and the mask beside it is none that makes a request far-reaching
NEIGHBOUR = """
masks = ["GFP_NOIO"]
reclaim = ["__GFP_DIRECT_RECLAIM"]
usual = "GFP_KERNEL"
"""
BEFORE = """
static void toy_fill(struct toy *t)
{
	t->size = 8;

	t->log = kmalloc(t->size, GFP_NOIO);
	toy_log(t);
}
"""
AFTER = BEFORE.replace("8;\n", "8;\n\tmsleep(10);\n")
# a request with a mask that no rule minds
PLAIN = """
static void toy_fill(struct toy *t)
{
	t->log = kmalloc(8, GFP_KERNEL);
}
"""
EMPTY = PLAIN.replace("\tt->log = kmalloc(8, GFP_KERNEL);\n", "")


@pytest.fixture
def span(command: Command, tmp_path: Path) -> Span:
    return Span(command, tmp_path / "linux").quick


def rules(folder: Path, name: str, **said: str) -> Path:
    """A folder of rules with one in it."""
    folder.mkdir()
    (folder / f"{name}.toml").write_text(RULE.format(**said), encoding="utf-8")
    return folder


def found(span: Span, folder: Path) -> set[str]:
    """The rules that speak of the last commit."""
    patches = span.found("HEAD", "--rules", folder)["patches"]
    return {one["rule"] for patch in patches for one in patch["findings"]}


def committed(span: Span, before: str, after: str) -> None:
    span.kernel.commit("exfoo: begin", {"fs/exfoo/a.c": before})
    span.kernel.commit("exfoo: go on", {"fs/exfoo/a.c": after})


def test_a_rule_with_a_key_that_nobody_knows(span, tmp_path):
    committed(span, BEFORE, AFTER)
    row = NEIGHBOUR + 'strength = "great"\n'
    given = {"check": "context.needless_atomic:unneeded_atomic", "said": "$callee", "row": row}
    assert "toy-strength" in found(span, rules(tmp_path / "rules", "toy-strength", **given))


def plain_request(side: FileVersion, rule: Rule, context: Context) -> Iterator[Hit]:
    """A request with a mask of the row's `masks`."""
    for one in requests(side.units, context):
        if one.mask.text in row_words(rule, "masks"):
            yield Hit(one.step.lines, one.unit.function.name, one.step.name, {"callee": one.step.name})


@pytest.fixture
def toy(monkeypatch) -> ModuleType:
    """A module of checks."""
    module = ModuleType("reviewbot.checks.toy")
    monkeypatch.setitem(sys.modules, module.__name__, module)
    return module


def test_a_check_that_declares_nothing(span, tmp_path, toy):
    toy.plain_request = plain_request
    committed(span, EMPTY, PLAIN)
    given = {"check": "toy:plain_request", "said": "$callee", "row": 'masks = ["GFP_KERNEL"]'}
    assert "toy-plain" in found(span, rules(tmp_path / "rules", "toy-plain", **given))


def test_one_that_declares_too_little_finds_less(span, tmp_path, toy):
    """So the two above are found because nothing is sifted away, and for no other reason."""
    toy.plain_request = check(triggers=(Trigger.MASK_CHANGED,), keys=no_role("masks"))(
        lambda *all_: plain_request(*all_)
    )
    committed(span, EMPTY, PLAIN)
    given = {"check": "toy:plain_request", "said": "$callee", "row": 'masks = ["GFP_KERNEL"]'}
    assert "toy-plain" not in found(span, rules(tmp_path / "rules", "toy-plain", **given))


def spin_lock(side: FileVersion, rule: Rule, context: Context) -> Iterator[Hit]:
    """Any call of the row's `calls`."""
    for unit in side.units:
        for step in unit.steps:
            if step.kind == "call" and step.name in row_words(rule, "calls"):
                yield Hit(step.lines, unit.function.name, step.name, {"callee": step.name})


@pytest.mark.parametrize("was_there", [True, False])
def test_what_a_file_had_that_is_gone_is_nothing_new(span, tmp_path, toy, was_there):
    """No line of it tells of memory, which is no matter to a check of which nothing is known."""
    toy.spin_lock = spin_lock
    moved = "\nstatic void toy_hold(struct toy *t)\n{\n\tspin_lock(&t->lock);\n\ttoy_count(t);\n}\n"
    gone = moved if was_there else moved.replace("spin_lock", "toy_lock")
    span.kernel.commit("exfoo: begin", {"fs/exfoo/a.c": EMPTY, "fs/exfoo/b.c": gone})
    span.kernel.git("rm", "--quiet", "fs/exfoo/b.c")
    span.kernel.commit("exfoo: move", {"fs/exfoo/a.c": EMPTY + moved})
    given = {"check": "toy:spin_lock", "said": "$callee", "row": 'calls = ["spin_lock"]'}
    assert ("toy-lock" in found(span, rules(tmp_path / "rules", "toy-lock", **given))) is not was_there
