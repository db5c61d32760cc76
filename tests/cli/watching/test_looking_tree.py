"""Series of a watched list that has a tree: its remotes are fetched where that is allowed, each once in a pass."""

from __future__ import annotations

from pathlib import Path

import pytest
from msgspec.structs import replace

from exfoo import WHOLE, leak, tree
from kerneltree import KernelTree
from reading import desk
from reviewbot.cli.watching.looking import Looker
from reviewbot.watch.look import ReviewWork
from reviewbot.watch.settings import ListOptions


@pytest.fixture
def kernel(tmp_path: Path) -> KernelTree:
    return tree(tmp_path / "linux")


def looked(kernel: KernelTree, config: Path, mails: list[bytes], branch: str = "up/main") -> list[tuple[str, ...]]:
    """The rules of what is found in each of some series."""
    given = ListOptions("exfoo", "memory", tree=str(kernel.folder), branches=(branch, "HEAD"))
    looker = Looker(replace(desk("--config", str(config)), quiet=False), [given])
    try:
        found = [looker(ReviewWork(number, "exfoo", (one,))) for number, one in enumerate(mails)]
    finally:
        looker.close()
    reviews = [version.review for one in found for version in one.versions]
    return [tuple(hit.rule for patch in review.patches for hit in patch.findings) for review in reviews if review]


def mails_of(up: KernelTree) -> list[bytes]:
    """Two series on a commit that only the other repository has."""
    up.base = up.commit("more above", {"fs/exfoo/a.c": "/* more */\n" * 40 + WHOLE})
    one = leak(up, f"--base={up.base}").partition(b"\n")[2]
    return [one, one.replace(b"Message-Id: <", b"Message-Id: <another.").replace(b"exfoo: check", b"exfoo: again")]


@pytest.mark.parametrize(("fetch", "rules"), [("true", ("scope-leak",)), ("false", ())])
def test_what_a_series_is_based_on_is_fetched_where_that_is_allowed(kernel, tmp_path, fetch, rules):
    up = KernelTree(tmp_path / "up")
    up.git("fetch", "--quiet", str(kernel.folder), "main")
    up.git("reset", "--quiet", "--hard", "FETCH_HEAD")
    kernel.git("remote", "add", "up", str(up.folder))
    (tmp_path / "config.toml").write_text(f"[tree]\nfetch = {fetch}\n")
    assert looked(kernel, tmp_path / "config.toml", mails_of(up)) == [rules, rules]


def test_a_remote_that_fails_is_asked_once(kernel, tmp_path, capsys):
    up = KernelTree(tmp_path / "up")
    mails = mails_of(up)
    kernel.git("remote", "add", "up", str(tmp_path / "gone"))
    (tmp_path / "config.toml").write_text("[tree]\nfetch = true\n")
    assert len(looked(kernel, tmp_path / "config.toml", mails)) == 2
    assert capsys.readouterr().err.count("git fetch up failed: ") == 1
