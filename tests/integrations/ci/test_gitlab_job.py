"""ci/gitlab.yml as a runner of GitLab runs it: its lines in a shell, with what a pipeline would set."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

import pytest
import yaml

from cisystems import FOUND, NOWHERE, TOP, Job, Pull, environment, gitlab, rows, run, valid


@pytest.fixture(scope="module")
def pull(tmp_path_factory) -> Pull:
    return Pull(tmp_path_factory.mktemp("pull") / "kernel")


def test_it_is_a_job(tmp_path):
    job = valid("ci/gitlab.yml", "gitlab-ci", tmp_path / "home")
    assert job.code == 0, job.out


JOB = yaml.safe_load((TOP / "ci/gitlab.yml").read_text())["reviewbot"]


def merge_request(pull: Pull, folder: Path, shell: str = "bash", **variables: str) -> Job:
    given = {
        "REVIEWBOT_SOURCE": str(TOP),
        "CI_DEFAULT_BRANCH": "main",
        "CI_COMMIT_SHA": pull.head,
        "CI_COMMIT_BEFORE_SHA": NOWHERE,
        "CI_MERGE_REQUEST_DIFF_BASE_SHA": pull.tree.base,
    }
    return gitlab(JOB, folder, folder.parent / "home", shell, **{**given, **variables})


@pytest.fixture(scope="module")
def project(pull, tmp_path_factory) -> Path:
    """A checkout in which the job has run once."""
    folder = pull.clone(tmp_path_factory.mktemp("gitlab") / "project", "--branch=topic", "--single-branch")
    job = merge_request(pull, folder, "sh")
    assert (job.code, job.err) == (0, "")
    return folder


def test_a_merge_request_on_gitlab(project):
    reports = JOB["artifacts"]["reports"]
    assert rows(project / reports["codequality"]) == [FOUND]
    document = ElementTree.parse(project / reports["junit"])
    failed = [case.get("name") for case in document.iter("testcase") if case.find("failure") is not None]
    assert failed == ["conflicting-flags"]
    assert set(reports.values()) == set(JOB["artifacts"]["paths"])


AGAIN = {**JOB, "before_script": []}


def again(pull: Pull, project: Path, **variables: str) -> Job:
    given = {"CI_DEFAULT_BRANCH": "main", "CI_COMMIT_SHA": pull.head, "REVIEWBOT_FAIL_ON": "note"}
    return gitlab(AGAIN, project, project.parent / "home", "sh", **{**given, **variables})


def test_the_job_fails_where_it_is_to(pull, project):
    base = {"CI_MERGE_REQUEST_DIFF_BASE_SHA": pull.tree.base}
    assert again(pull, project, **base).code == 1
    assert again(pull, project, **base, REVIEWBOT_FAIL_ON="error").code == 0
    assert again(pull, project, **base, REVIEWBOT_KERNEL="none").code == 2
    assert again(pull, project, **base, REVIEWBOT_CONFIG="absent.toml").code == 2
    assert again(pull, project, **base, REVIEWBOT_BASELINE="absent.json").code == 2
    assert again(pull, project, **base, CI_MERGE_REQUEST_SOURCE_BRANCH_SHA=f"{pull.head}~1").code == 0


def test_what_could_not_be_looked_at_fails_the_job_unless_that_is_not_wanted(pull, project):
    names = "+refs/heads/unreadable:refs/remotes/origin/unreadable"
    assert run(["git", "fetch", "--quiet", "origin", names], project, environment(project.parent / "home")).code == 0
    ends = {"CI_MERGE_REQUEST_DIFF_BASE_SHA": "origin/unreadable~1", "CI_COMMIT_SHA": "origin/unreadable"}
    failed = again(pull, project, **ends, REVIEWBOT_FAIL_ON="never")
    assert (failed.code, "1 not looked at: fs/u.c" in failed.err) == (3, True)
    assert len(list(ElementTree.parse(project / "reviewbot-tests.xml").iter("error"))) == 1
    assert again(pull, project, **ends, REVIEWBOT_FAIL_ON="never", REVIEWBOT_UNREAD="say").code == 0


def test_a_push_on_gitlab(pull, project):
    assert again(pull, project, CI_COMMIT_BEFORE_SHA=f"{pull.head}~1").code == 1
    assert again(pull, project, CI_COMMIT_BEFORE_SHA=pull.head).code == 0


@pytest.mark.parametrize("before", [NOWHERE, "1234" * 10, ""])
def test_a_push_on_gitlab_that_goes_on_from_nothing(pull, project, before):
    """The runner fetches the branch alone, so the one that it left has to be asked for."""
    run(["git", "update-ref", "-d", "refs/remotes/origin/main"], project, environment(project.parent / "home"))
    job = again(pull, project, CI_COMMIT_BEFORE_SHA=before)
    assert (job.code, len(rows(project / "reviewbot-quality.json"))) == (1, 1)


def test_the_job_sets_nothing_that_its_users_set():
    """A variable of a job goes before one of all jobs, which is what a user has."""
    assert set(JOB["variables"]) == {"GIT_DEPTH"}


def test_a_job_that_does_not_know_what_to_install_says_so(project, tmp_path):
    job = gitlab(JOB, tmp_path, tmp_path / "home", "sh")
    assert job.code != 0 and "say in this variable where reviewbot is to be installed from" in job.err
