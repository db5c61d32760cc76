""".pre-commit-hooks.yaml as its users have it: pre-commit installs the hook and git runs it."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import identify.extensions
import pytest
import yaml

from cisystems import BAD, GOOD, LEAK, TOP, UNREADABLE, Job, environment, run
from kerneltree import NOBODY, KernelTree
from reviewbot.patch.parse import SOURCES


@pytest.fixture(scope="module")
def hooks(tmp_path_factory) -> Path:
    """The files of this project, as a repository that hooks come from."""
    folder = tmp_path_factory.mktemp("hooks") / "reviewbot"
    ignored = shutil.ignore_patterns(*(TOP / ".gitignore").read_text().replace("/", "").split(), ".git")
    shutil.copytree(TOP, folder, ignore=ignored, symlinks=True)
    quietly = {**NOBODY, "GIT_DIR": str(folder / ".git"), "GIT_WORK_TREE": str(folder)}
    for command in (["init", "-q"], ["add", "-A"], ["commit", "-qm", "all"], ["tag", "v1"]):
        subprocess.run(["git", *command], env=quietly, check=True, cwd=folder)
    return folder


def committed(tree: KernelTree, hooks: Path, files: dict[str, str]) -> Job:
    """A commit by somebody who has the hook."""
    for name, text in files.items():
        (tree.folder / name).parent.mkdir(exist_ok=True)
        (tree.folder / name).write_text(text)
        tree.git("add", name)
    names = {key: value for key, value in NOBODY.items() if key.startswith(("GIT_AUTHOR", "GIT_COMMITTER"))}
    env = environment(hooks.parent / "home", PRE_COMMIT_HOME=str(hooks.parent / "cache"), **names)
    return run(["git", "commit", "-qm", "x"], tree.folder, env)


def hooked(hooks: Path, folder: Path, more: str = "") -> KernelTree:
    """A kernel tree with the hook installed, configured as docs/ci.md has it."""
    tree = KernelTree(folder)
    config = f"repos:\n- repo: {hooks}\n  rev: v1\n  hooks:\n  - id: reviewbot\n{more}"
    (tree.folder / ".pre-commit-config.yaml").write_text(config)
    tree.git("add", "--all")
    job = run([sys.executable, "-m", "pre_commit", "install"], tree.folder, environment(hooks.parent / "home"))
    assert job.code == 0, job.err
    return tree


def test_a_commit_with_the_hook(hooks, tmp_path):
    tree = hooked(hooks, tmp_path / "tree")
    head = tree.git("rev-parse", "HEAD")
    held = committed(tree, hooks, {"fs/d.c": BAD})
    assert (held.code, tree.git("rev-parse", "HEAD")) == (1, head)
    assert "fs/d.c:4: warning: " in held.err + held.out
    good = committed(tree, hooks, {"fs/d.c": GOOD})
    assert (good.code, "reviewbot" in good.err + good.out, "Passed" in good.err + good.out) == (0, True, True)
    (tree.folder / "fs/d.c").write_text(BAD)  # not staged, so no part of the commit
    other = committed(tree, hooks, {"Documentation/x.rst": "x\n"})
    assert (other.code, "Skipped" in other.err + other.out) == (0, True)


def test_a_commit_of_what_cannot_be_read_is_held_up(hooks, tmp_path):
    tree = hooked(hooks, tmp_path / "tree")
    held = committed(tree, hooks, {"fs/g.c": GOOD, "fs/u.c": UNREADABLE})
    assert (held.code, "fs/u.c: not looked at: " in held.err + held.out) == (1, True)


def test_a_hook_with_other_arguments(hooks, tmp_path):
    tree = hooked(hooks, tmp_path / "tree", "    args: [--fail-on, error]\n    verbose: true\n")
    warned = committed(tree, hooks, {"fs/d.c": BAD})
    assert (warned.code, "fs/d.c:4: warning: " in warned.err + warned.out) == (0, True)
    assert committed(tree, hooks, {"fs/e.c": LEAK}).code == 1


def test_the_manifest_of_the_hooks(tmp_path):
    command = [sys.executable, "-m", "pre_commit", "validate-manifest", str(TOP / ".pre-commit-hooks.yaml")]
    assert run(command, TOP, environment(tmp_path / "home")).code == 0
    (hook,) = yaml.safe_load((TOP / ".pre-commit-hooks.yaml").read_text())
    endings = {ending for ending, tags in identify.extensions.EXTENSIONS.items() if tags & set(hook["types_or"])}
    assert {ending.lower() for ending in SOURCES} <= endings
