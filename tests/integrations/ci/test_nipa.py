"""ci/nipa as NIPA runs a test of a patch: in the tree, with a descriptor for its one line."""

from __future__ import annotations

import json
import os

import pytest

from cisystems import BAD, GOOD, LEAK, TOP, UNREADABLE, nipa, program
from kerneltree import KernelTree

TEST = TOP / "ci/nipa/reviewbot"


VERDICTS = {
    "clean": ({"fs/d.c": GOOD}, 0, "clean (calls followed through the folder): 1 commit, "),
    "a warning": ({"fs/d.c": BAD}, 250, "1 remark (1 warning) on 1 commit, "),
    "an error": ({"fs/d.c": LEAK}, 1, "1 remark (1 error) on 1 commit, "),
    "not all of it": ({"fs/d.c": GOOD, "fs/u.c": UNREADABLE}, 250, "nothing found in what was read: 1 commit, "),
    "an error, and not all of it": ({"fs/d.c": LEAK, "fs/u.c": UNREADABLE}, 1, "1 remark (1 error) on 1 commit, "),
    "a warning, and not all of it": ({"fs/d.c": BAD, "fs/u.c": UNREADABLE}, 250, "1 remark (1 warning) on 1 commit, "),
    "nothing to read": ({"Documentation/x.rst": "x\n"}, 0, ""),
}


@pytest.mark.parametrize("case", VERDICTS)
def test_a_patch_on_nipa(case, tmp_path):
    files, code, desc = VERDICTS[case]
    tree = KernelTree(tmp_path / "tree")
    tree.commit("fs: before", {"fs/b.c": LEAK})
    tree.commit("fs: a patch", files)
    verdict = nipa(TEST, tree.folder, tmp_path, REVIEWBOT=str(program(tmp_path)))
    assert (verdict.code, verdict.desc.startswith(desc), verdict.desc.count("\n")) == (code, True, 1), verdict
    assert len(json.loads((tmp_path / "reviewbot/reviewbot.json").read_text())["patches"]) == 1
    assert verdict.out.endswith(verdict.desc) or not desc


def test_nipa_hears_why_nothing_could_be_looked_at(tmp_path):
    tree = KernelTree(tmp_path / "tree")
    wrong = nipa(TEST, tree.folder, tmp_path / "a", REVIEWBOT=str(program(tmp_path)), REVIEWBOT_ARGS="--kernel none")
    assert (wrong.code, wrong.desc.startswith("reviewbot: "), wrong.desc.count("\n")) == (250, True, 1)
    missing = nipa(TEST, tree.folder, tmp_path / "b", REVIEWBOT="/nonexistent/reviewbot")
    assert (missing.code, "No such file" in missing.desc) == (250, True)


def test_nipa_takes_more_options(tmp_path):
    tree = KernelTree(tmp_path / "tree")
    tree.commit("fs: a patch", {"fs/d.c": BAD})
    (tmp_path / "own.toml").write_text('[rules]\ndisable = ["conflicting-flags"]\n')
    more = {"REVIEWBOT": str(program(tmp_path)), "REVIEWBOT_ARGS": f"--config {tmp_path}/own.toml -v"}
    assert nipa(TEST, tree.folder, tmp_path / "results", **more).code == 0


def test_the_script_may_be_run():
    assert os.access(TEST / "reviewbot.sh", os.X_OK)
