"""`reviewbot range` and `local` over several kernels: each commit is judged by the one it is a commit of."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from command import Command
from desk import Span
from kerneltree import NOBODY
from reviewbot.config import data_path
from reviewbot.git.kernel_versions import Kernels
from reviewbot.git.repository import Repository
from reviewbot.kernel import rules
from reviewbot.kernel.backports import fitted_names
from reviewbot.report.registry import FORMATS
from reviewbot.support import workers

UNSUPPORTED, UNKNOWN = "unsupported-flag", "unknown-flag"
OLD, NEW = "GFP_NOFS", "GFP_KERNEL | __GFP_DMA32"  # vmalloc() heeds the one from 5.17 on, and the other up to 6.18
RAW = "\tvoid *p;\n\n\traw_spin_lock(&x->lock);\n\tp = kmalloc(8, GFP_ATOMIC);\n\traw_spin_unlock(&x->lock);\n"


def makefile(version: str) -> str:
    major, minor = version.split(".")
    return f"VERSION = {major}\nPATCHLEVEL = {minor}\nSUBLEVEL = 0\nEXTRAVERSION = -rc1\n"


def asks(mask: str, name: str = "made", more: str = "") -> str:
    return f"void *{name}(struct x *x)\n{{\n{more}\treturn __vmalloc(x->size, {mask});\n}}\n"


@pytest.fixture(scope="module")
def span(tmp_path_factory) -> Span:
    """The history of each test is a branch of its own, from `start`, a kernel 5.16."""
    folder = tmp_path_factory.mktemp("kernels")
    span = Span(Command(folder), folder / "linux").quick
    span.kernel.commit("5.16", {"Makefile": makefile("5.16")})
    span.kernel.git("tag", "start")
    return span


@pytest.fixture
def grown(span) -> Callable[..., str]:
    """Make a branch of commits, each a subject and its files, and give the range."""

    def grow(name: str, *commits: tuple[str, dict[str, str | bytes | None]]) -> str:
        span.kernel.git("checkout", "--quiet", "-B", name, "start")
        for subject, files in commits:
            span.kernel.commit(subject, files)
        return f"start..{name}"

    return grow


def judged(span: Span, *options: str | Path) -> tuple[str, dict[str, tuple[str | None, list[str]]]]:
    """The kernel of all; by the subject of a commit the one of its own, where it is another, and the sure remarks."""
    found = span.found(*options)
    patches = {
        patch["subject"]: (
            patch.get("kernel"),
            [one["rule"] for one in patch["findings"] if one["confidence"] != "low"],
        )
        for patch in found["patches"]
    }
    return found["kernel"], patches


BUMP = ("bump", {"Makefile": makefile("6.19")})


@pytest.fixture
def both(grown) -> str:
    """What is wrong before the bump and right after it, and the other way round."""
    return grown(
        "both",
        ("old, before", {"fs/a1.c": asks(OLD)}),
        ("new, before", {"fs/a2.c": asks(NEW)}),
        BUMP,
        ("old, after", {"fs/a3.c": asks(OLD)}),
        ("new, after", {"fs/a4.c": asks(NEW)}),
    )


def test_each_commit_is_judged_by_its_own_makefile(span, both):
    assert judged(span, both) == (
        "6.19",
        {
            "old, before": ("5.16", [UNSUPPORTED]),
            "new, before": ("5.16", []),
            "bump": (None, []),
            "old, after": (None, []),
            "new, after": (None, [UNSUPPORTED]),
        },
    )
    assert judged(span, f"{both}~3") == ("5.16", {"old, before": (None, [UNSUPPORTED]), "new, before": (None, [])})


def test_a_version_that_was_asked_for_is_that_of_all(span, both, tmp_path):
    for version, wrong in (("5.10", "old"), ("7.0", "new")):
        (tmp_path / "own.toml").write_text(f'[kernel]\nversion = "{version}"\n')
        for options in (("--kernel", version), ("--config", tmp_path / "own.toml")):
            kernel, found = judged(span, both, *options)
            assert kernel == version
            assert found == {name: (None, [UNSUPPORTED] if name.startswith(wrong) else []) for name in found}, (
                f"{options}"
            )


def test_a_commit_without_a_makefile_is_of_its_day(span, grown):
    """The commits are of November 2023, when mainline was working on 6.7."""
    name = grown(
        "bare",
        ("old", {"Makefile": None, "fs/b1.c": asks(OLD)}),
        ("not by any header", {"fs/b2.c": asks("GFP_KERNEL | __GFP_SKIP_KASAN_POISON")}),
        ("a Makefile", {"Makefile": makefile("5.16"), "fs/b3.c": asks(OLD)}),
    )
    assert judged(span, name) == (
        "5.16",
        {"old": ("6.7", []), "not by any header": ("6.7", [UNKNOWN]), "a Makefile": (None, [UNSUPPORTED])},
    )


def test_a_makefile_that_a_partial_clone_has_not_says_nothing(span, grown, tmp_path):
    long = makefile("5.16") + "# so long that it stays behind\n" * 100
    name = grown(
        "partial",
        ("long", {"Makefile": long, "fs/c1.c": asks(OLD)}),
        ("short", {"Makefile": makefile("5.16"), "fs/c2.c": asks(OLD)}),
    )
    span.kernel.git("config", "uploadpack.allowFilter", "true")
    there = tmp_path / "clone"
    command = ["git", "clone", "-q", "--bare", "--filter=blob:limit=1k", f"file://{span.folder}", there]
    subprocess.run(command, env=NOBODY, check=True, capture_output=True)
    expected = {"long": ("6.7", []), "short": (None, [UNSUPPORTED])}
    assert judged(span.at(there), name) == ("5.16", expected)


# --- what later commits settle ---


def test_a_bump_mends_nothing(span, grown):
    """A commit that only touches the function does not settle what its own kernel has no more to say about."""
    commits = (
        ("wrong", {"fs/d1.c": asks(OLD)}),
        BUMP,
        ("touched", {"fs/d1.c": asks(OLD, more="\tx->n++;\n")}),
    )
    assert span.resolved(grown("touched", *commits)) == {"wrong": [None]}
    mended = ("mended", {"fs/d1.c": asks("GFP_KERNEL", more="\tx->n++;\n")})
    assert span.resolved(grown("mended", *commits, mended)) == {"wrong": ["mended"]}


def test_what_is_new_since_the_bump_is_settled_as_ever(span, grown):
    name = grown(
        "later",
        ("before", {"fs/e1.c": asks(NEW)}),
        BUMP,
        ("wrong", {"fs/e2.c": asks(NEW)}),
        ("mended", {"fs/e2.c": asks("GFP_KERNEL")}),
    )
    assert span.resolved(name) == {"wrong": ["mended"]}


# --- headers ---

BITS = ("IO", "FS", "DMA", "DMA32", "HIGHMEM", "MOVABLE", "ZERO", "NOWARN", "COMP", "NORETRY")
FAMILY = " ".join(f"__GFP_{name}" for name in BITS)
HEADER = "include/linux/gfp_types.h"


def test_what_headers_bring_in_counts_from_then_on(span, grown):
    uses = asks("GFP_KERNEL | __GFP_SKIP_KASAN")  # since 6.4
    name = grown(
        "headers",
        ("before", {HEADER: FAMILY, "fs/f1.c": uses}),
        ("back-ported", {HEADER: f"{FAMILY} __GFP_SKIP_KASAN"}),
        ("after", {"fs/f2.c": uses}),
        ("beside", {HEADER: f"{FAMILY} __GFP_SKIP_KASAN more", "fs/f3.c": uses}),
    )
    _, found = judged(span, name)
    said = {subject: UNKNOWN in hit for subject, (_, hit) in found.items()}
    assert said == {"before": True, "back-ported": False, "after": False, "beside": False}
    assert {kernel for kernel, _ in found.values()} == {None}, "all of them are 5.16"


def test_what_stays_the_same_is_read_once(span, grown, monkeypatch):
    grown("same", *((f"step {at}", {HEADER: FAMILY, f"fs/g{at}.c": f"int g{at};\n"}) for at in range(9)))
    headers = [HEADER, "include/linux/sched.h"]
    names = fitted_names(lambda version: rules.load([data_path("rules")], version)[0])
    with Repository(span.folder) as repository:
        trees = [span.kernel.git("rev-parse", f"same~{at}^{{tree}}") for at in range(9)]
        read: list[str] = []
        content = repository.content
        monkeypatch.setattr(repository, "content", lambda blob: read.append(blob) or content(blob))
        kernels = Kernels(repository, headers, names)
        found = {kernels.of(tree) for tree in trees}
    assert len(read) == len(set(read)) == 2
    assert [(one.version, one.names) for one in found] == [((5, 16), frozenset(FAMILY.split()))]


# --- reports, and other processes ---


def test_no_report_says_the_wrong_kernel(span, both):
    assert "kernel 5.16 to 6.19" in span(both).out
    run = json.loads(span(both, "--format", "sarif").out)["runs"][0]
    assert run["properties"]["kernel"] == "6.19"
    kernels = [one["properties"].get("kernel") for one in run["results"]]
    assert sorted(map(str, kernels)) == ["5.16", "None"]
    text = span(both, "--format", "junit").out
    assert text.count('name="kernel" value="5.16"') == 2
    assert text.count('name="kernel" value="6.19"') == 3
    assert "kernel 6.19" in span("both~1..both").out


def test_a_rule_that_does_not_hold_at_the_end_is_reported_all_the_same(span, grown):
    name = grown(
        "back",
        ("6.12", {"Makefile": makefile("6.12")}),
        ("raw", {"fs/h1.c": f"void *made(struct x *x)\n{{\n{RAW}\treturn p;\n}}\n"}),
        ("6.1", {"Makefile": makefile("6.1")}),
    )
    kernel, found = judged(span, name)
    assert (kernel, found["raw"]) == ("6.1", ("6.12", ["alloc-under-raw-lock"]))
    run = json.loads(span(name, "--format", "sarif").out)["runs"][0]
    (one,) = (one for one in run["results"] if one["ruleId"] == "alloc-under-raw-lock")
    assert run["tool"]["driver"]["rules"][one["ruleIndex"]]["id"] == one["ruleId"]
    for form in FORMATS:
        assert span(name, "--format", form, "--min-confidence", "medium").code == 1


def test_other_processes_know_the_kernels_as_well(span, grown, monkeypatch):
    commits = []
    for at in range(30):
        if at % 10 == 0:
            commits.append((f"bump {at}", {"Makefile": makefile(("5.16", "6.1", "6.19")[at // 10])}))
        commits.append((f"step {at}", {f"fs/many/{at % 7}.c": asks((OLD, NEW, "GFP_KERNEL")[at % 3], more="\n" * at)}))
    name = grown("many", *commits)
    monkeypatch.setattr(workers, "size", lambda most: 0)
    alone = span.found(name)
    assert {patch.get("kernel") for patch in alone["patches"]} == {"5.16", "6.1", None}
    monkeypatch.setattr(workers, "size", lambda most: 3)
    assert span.found(name) == alone


def test_local_judges_commits_the_same(span, both):
    local = span.at(span.folder)
    local.runs = "local"
    kernel, found = judged(local, "--base", "start")
    assert kernel == "6.19"
    assert {subject: hit for subject, (_, hit) in found.items() if hit} == {
        "old, before": [UNSUPPORTED],
        "new, after": [UNSUPPORTED],
    }
    assert found["old, before"][0] == "5.16"
