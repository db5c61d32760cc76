"""action.yml as a runner of GitHub Actions runs it: its steps in bash, with what an event would set."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
import yaml

from cisystems import FOUND, NOWHERE, TOP, Composite, Pull, evaluated, rows, run, valid


@pytest.fixture(scope="module")
def pull(tmp_path_factory) -> Pull:
    return Pull(tmp_path_factory.mktemp("pull") / "kernel")


@pytest.fixture(scope="module")
def installed(tmp_path_factory) -> Path:
    """What the first step of the action makes."""
    made = tmp_path_factory.mktemp("runner") / "temp"
    job = Composite(TOP, TOP, made, {}).steps("Install reviewbot", python=sys.executable)
    assert job.code == 0, job.err
    return made / "reviewbot"


def test_it_is_an_action(tmp_path):
    job = valid("action.yml", "github-actions", tmp_path / "home")
    assert job.code == 0, job.out


def action(pull: Pull, installed: Path, folder: Path, event: dict, *clone: str, **github) -> Composite:
    workspace = pull.clone(folder / "workspace", *clone)
    event = {"repository": {"default_branch": "main"}, **event}
    made = Composite(TOP, workspace, folder / "temp", {"event": event, **github})
    (made.made / "reviewbot").symlink_to(installed)
    return made


def pull_request(pull: Pull) -> dict:
    return {"pull_request": {"base": {"sha": pull.base}, "head": {"sha": pull.head}}, "before": NOWHERE}


def test_the_action_installs_its_own_checkout(installed):
    code = "import reviewbot; print(reviewbot.__file__)"
    done = run([str(installed / "bin/python"), "-I", "-c", code], installed, {"PYTHONPATH": ""})
    assert done.out.startswith(str(installed))


def test_a_pull_request_on_github(pull, installed, tmp_path):
    made = action(pull, installed, tmp_path, pull_request(pull), sha="a merge of both")
    job = made.steps("Review")
    assert (job.code, job.err) == (0, "")
    assert job.out.startswith("::warning file=fs/d.c,line=4,")
    assert len(job.out.splitlines()) == 1  # what main has got meanwhile is not asked about
    assert made.summary.startswith("### reviewbot: 1 remark (1 warning)\n")
    assert made.outputs == {"exit-code": "0", "sarif-file": "reviewbot.sarif"}
    assert rows(made.workspace / "reviewbot.sarif") == [FOUND]


def test_the_step_fails_where_it_is_to(pull, installed, tmp_path):
    made = action(pull, installed, tmp_path, pull_request(pull))
    assert made.steps("Review", fail_on="error").code == 0
    assert made.steps("Review", fail_on="warning", sarif_file="my r.sarif").code == 1
    assert made.outputs == {"exit-code": "1", "sarif-file": "my r.sarif"}
    assert rows(made.workspace / "my r.sarif") == [FOUND]


def test_what_could_not_be_looked_at_fails_the_step_unless_that_is_not_wanted(pull, installed, tmp_path):
    made = action(pull, installed, tmp_path, pull_request(pull))
    ends = {"base": "origin/unreadable~1", "head": "origin/unreadable", "fail_on": "never"}
    failed = made.steps("Review", **ends)
    assert (failed.code, made.outputs["exit-code"]) == (3, "3")
    assert failed.out.startswith("::error title=reviewbot::not looked at:%0Afs/u.c: ")
    assert "clean" not in made.summary
    passed = made.steps("Review", **ends, unread="say")
    assert passed.code == 0
    assert passed.out.startswith("::notice title=reviewbot::not looked at:%0Afs/u.c: ")


def test_every_input_reaches_the_program(pull, installed, tmp_path):
    made = action(pull, installed, tmp_path, pull_request(pull))
    (made.workspace / "own.toml").write_text('[rules]\ndisable = ["conflicting-flags"]\n')
    assert made.steps("Review", config="own.toml", fail_on="note").code == 0
    assert made.steps("Review", kernel="none").code == 2
    assert made.steps("Review", baseline="absent.json").code == 2
    assert made.steps("Review", fail_on="bad").code == 2
    assert made.outputs["exit-code"] == "2"
    assert made.steps("Review", base=f"{pull.head}~1", head=f"{pull.head}~1").out == ""
    job = made.steps("Review", base="origin/main~1", head="origin/main", fail_on="error")
    assert (job.code, "::error file=fs/n.c,line=6," in job.out) == (1, True)


def test_a_push_on_github(pull, installed, tmp_path):
    event = {"before": pull.tree.git("rev-parse", "topic~1")}
    job = action(pull, installed, tmp_path, event, sha=pull.head).steps("Review", fail_on="note")
    assert (job.code, len(job.out.splitlines())) == (1, 1)


@pytest.mark.parametrize("before", [NOWHERE, "1234" * 10], ids=["a new branch", "a forced push"])
def test_a_push_that_goes_on_from_nothing(pull, installed, tmp_path, before):
    job = action(pull, installed, tmp_path, {"before": before}, sha=pull.head).steps("Review", fail_on="note")
    assert (job.code, len(job.out.splitlines())) == (1, 1)


def test_a_checkout_without_history_says_what_it_needs(pull, installed, tmp_path):
    made = action(pull, installed, tmp_path, pull_request(pull), "--depth=1", "--branch=topic")
    job = made.steps("Review")
    assert (job.code, made.outputs["exit-code"]) == (3, "3")
    assert "fetch-depth: 0" in job.err


def test_a_shallow_checkout_of_the_head_will_do(pull, installed, tmp_path):
    """As docs/ci.md has it for large trees: one commit more than the pull request has."""
    made = action(pull, installed, tmp_path, pull_request(pull), "--depth=3", "--branch=topic", "--single-branch")
    job = made.steps("Review", base="HEAD~2", head="HEAD", fail_on="note")
    assert (job.code, len(job.out.splitlines())) == (1, 1)


HOSTILE = "$(touch pwned)`touch pwned`; touch pwned; '\"\n--exit-zero"


def test_inputs_are_never_run(pull, installed, tmp_path):
    made = action(pull, installed, tmp_path, pull_request(pull))
    for name in made.action["inputs"]:
        key = name.replace("-", "_")
        assert made.steps("Review" if key != "python" else "Install reviewbot", **{key: HOSTILE}).code != 0 or (
            key == "sarif_file"
        )
    assert made.steps("Review", base="--exit-zero", fail_on="note").code == 2
    assert not list(tmp_path.rglob("pwned"))
    assert set(made.outputs) == {"exit-code", "sarif-file"}


def test_no_script_holds_an_expression():
    """What an expression puts into a script is run; only the environment may have one."""
    made = yaml.safe_load((TOP / "action.yml").read_text())
    assert ["${{" in step["run"] for step in made["runs"]["steps"]] == [False, False]
    used = {value for step in made["runs"]["steps"] for value in step["env"].values()}
    assert {f"${{{{ inputs.{name} }}}}" for name in made["inputs"]} <= used


def test_expressions():
    context = {"github": {"event": {"before": "b", "pull_request": {"base": {"sha": "p"}}}}}
    assert evaluated("${{ github.event.x.y || github.event.before }}", context) == "b"
    assert evaluated("${{ github.event.pull_request.base.sha || github.event.before }}", context) == "p"
    assert evaluated("${{ github.none }}", context) == ""
