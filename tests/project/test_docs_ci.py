"""What docs/ci.md and the README say of CI systems is what they take, and does what it says."""

from __future__ import annotations

import json
import os
import re
import sys

import yaml

from cisystems import BAD, TOP, Composite, Pull, environment, evaluated, run, valid
from command import diff, mail
from kerneltree import KernelTree
from patchworkserver import STATES, TOKEN, patchwork
from reviewbot import __version__
from reviewbot.config import data_path

PAGE = data_path("docs/ci.md").read_text()
README = data_path("README.md").read_text()
MAJOR = f"v{__version__.partition('.')[0]}"  # the tag that moves with each release


def _in_ci(title: str) -> tuple[list[str], list[str]]:
    """The fenced blocks and the command lines of a part of the page."""
    part = PAGE.partition(f"\n## {title}\n")[2].partition("\n## ")[0]
    rest = re.sub("```.*?```", "", part, flags=re.S)
    return re.findall(r"^```yaml\n(.*?)^```", part, re.M | re.S), re.findall(r"^    (\S.*)$", rest, re.M)


def test_the_workflow_for_github(tmp_path):
    """It is one, and its inputs do what is said of them, in a checkout of each kind."""
    (whole, large), _ = _in_ci("GitHub")
    steps = yaml.safe_load(large)
    workflow = yaml.safe_load(whole)
    short = yaml.safe_load(README.partition("```yaml\n")[2].partition("```")[0])
    assert workflow["jobs"]["review"]["steps"][:2] == short["jobs"]["review"]["steps"], "one recipe, without the upload"
    for_large = {**workflow, "jobs": {"review": {"runs-on": "x", "steps": steps}}}
    for number, given in enumerate((workflow, for_large, short)):
        file = tmp_path / f"{number}.yml"
        file.write_text(yaml.safe_dump({"on" if key is True else key: value for key, value in given.items()}))
        job = valid(file, "github-workflows", tmp_path / "home")
        assert job.code == 0, job.out
    pull = Pull(tmp_path / "kernel")
    event = {"pull_request": {"base": {"sha": pull.base}, "head": {"sha": pull.head}, "commits": 2}}
    github = {"event": {**event, "repository": {"default_branch": "main"}}}
    depths = (workflow["jobs"]["review"]["steps"][0], steps[0])
    assert [step["with"]["fetch-depth"] for step in depths] == [0, 100]
    for number, used in enumerate((workflow["jobs"]["review"]["steps"][1], steps[1])):
        assert used["uses"] == f"OWNER/reviewbot@{MAJOR}"
        options = ("--branch=topic", "--single-branch", "--depth=3") if number else ()
        made = Composite(TOP, pull.clone(tmp_path / f"w{number}", *options), tmp_path / f"m{number}", github)
        made.program(tmp_path)
        inputs = {
            key.replace("-", "_"): evaluated(str(value), {"github": github}) for key, value in used["with"].items()
        }
        job = made.steps("Review", **inputs)
        assert (job.code, job.err, len(job.out.splitlines())) == (0, "", 1)


def test_the_include_for_gitlab(tmp_path):
    (text,), _ = _in_ci("GitLab")
    (tmp_path / "ci.yml").write_text(text)
    job = valid(tmp_path / "ci.yml", "gitlab-ci", tmp_path / "home")
    assert job.code == 0, job.out
    (include,) = yaml.safe_load(text)["include"]
    told = (TOP / include["file"]).read_text()
    assert all(name in told for name in yaml.safe_load(text)["variables"])


def test_the_configuration_for_pre_commit(tmp_path):
    (text,), _ = _in_ci("pre-commit")
    (tmp_path / "config.yaml").write_text(text)
    asked = [sys.executable, "-m", "pre_commit", "validate-config", "config.yaml"]
    assert run(asked, tmp_path, environment(tmp_path / "home")).code == 0
    (hook,) = yaml.safe_load((TOP / ".pre-commit-hooks.yaml").read_text())
    (repository,) = yaml.safe_load(text)["repos"]
    assert (repository["hooks"], repository["rev"]) == ([{"id": hook["id"]}], MAJOR)


def test_the_command_for_nipa(tmp_path):
    _, (line,) = _in_ci("NIPA")
    (tmp_path / "NIPA/tests/patch").mkdir(parents=True)
    (tmp_path / "ci").symlink_to(TOP / "ci")
    assert run(["sh", "-c", line], tmp_path, environment(tmp_path / "home")).code == 0
    there = tmp_path / "NIPA/tests/patch/reviewbot"
    assert os.access(there / json.loads((there / "info.json").read_text())["run"][0], os.X_OK)


def test_the_commands_for_patchwork(command, tmp_path):
    _, (thread, range_) = _in_ci("Patchwork")
    tree = KernelTree(tmp_path / "tree")
    tree.git("checkout", "--quiet", "-b", "topic")
    tree.commit("fs: bad\n\nMessage-ID: <b@example.org>", {"fs/d.c": BAD})
    (command.work / "series.mbox").write_bytes(mail(diff=diff()))
    with patchwork() as there:
        patches = [there.patch(one) for one in ("1.made@example.org", "b@example.org")]
        for line in (thread, range_):
            words = line.replace("https://patchwork.example.org", there.url).split()[1:]
            words[1] = words[1].replace("20240610.1-1-a@example.org", "series.mbox")
            more = () if words[0] == "thread" else ("--tree", tree.folder)
            done = command(*words, *more, REVIEWBOT_PATCHWORK_TOKEN=TOKEN)
            assert (done.code, done.err.startswith("posted: ")) == (1, True)
        assert [there.said(patch)[0][0] for patch in patches] == ["warning", "warning"]


def test_the_states_for_patchwork():
    rows = re.findall(r"^\| `(\w+)` \|", PAGE, re.M)
    assert set(rows) == set(STATES)
