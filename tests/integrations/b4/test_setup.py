"""`reviewbot setup b4`: git's configuration before in, after out; nothing of anybody else's is touched."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess

import pytest

from command import Command
from reviewbot import __version__
from reviewbot.config import data_path
from reviewbot.integrations.b4.settings import AM, PREP, REVIEW, SERIES, USUAL, is_ours

FOREIGN = "/usr/bin/other-check --all '*.c'"


@pytest.fixture
def setup(tmp_path):
    """Runs it in a new repository, with a program `reviewbot` on the path or not."""
    command = Command(tmp_path)
    command.env |= {"GIT_CONFIG_GLOBAL": str(command.home / ".gitconfig")}
    git(command, "init", "-q")
    gits = tmp_path / "gits"  # git, and no reviewbot, wherever that is installed
    gits.mkdir()
    (gits / "git").symlink_to(shutil.which("git"))

    def run(*options, on_path=True):
        programs = tmp_path / "bin"
        if on_path and not programs.exists():
            programs.mkdir()
            (programs / "reviewbot").write_text("#!/bin/sh\n")
            (programs / "reviewbot").chmod(0o755)
        path = f"{programs}:{command.env['PATH']}" if on_path else str(gits)
        return command("setup", "b4", *options, PATH=path)

    run.command = command
    return run


def git(command: Command, *arguments: str) -> str:
    done = subprocess.run(
        ("git", *arguments), cwd=command.work, env=command.env, capture_output=True, text=True, check=False
    )
    return done.stdout


def values(command: Command, key: str) -> list[str]:
    return git(command, "config", "--get-all", key).splitlines()


def kernel(command: Command) -> None:
    script = command.work / "scripts" / "checkpatch.pl"
    script.parent.mkdir()
    script.write_text("#!/bin/sh\n")
    script.chmod(0o755)


def test_it_prints_what_write_would_do(setup):
    command = setup.command
    shown = setup()
    assert (shown.code, [values(command, key) for key in (REVIEW, PREP, AM)]) == (0, [[], [], []])
    assert "add --write" in shown.err
    done = setup("--write")
    assert done.out == shown.out
    written = {key: values(command, key) for key in (REVIEW, SERIES, PREP, AM)}
    assert written[REVIEW] == ["reviewbot check --protocol review"]
    assert written[SERIES] == []
    stamped = f"reviewbot check --protocol prep --stamp {__version__}-"
    assert [one.startswith(stamped) for one in written[PREP]] == [True]
    assert written[AM] == [f"{written[PREP][0]} --min-severity warning"]
    again = setup("--write")
    assert (again.out, "nothing to change" in again.err) == ("", True)
    assert {key: values(command, key) for key in written} == written


def test_what_is_printed_can_be_pasted(setup):
    command = setup.command
    for line in setup("--series").out.splitlines():
        subprocess.run(line, shell=True, check=True, cwd=command.work, env=command.env)
    assert values(command, SERIES) == ["reviewbot check --protocol review --series"]
    assert setup("--write").out == ""


def test_other_checks_stay_where_they_are(setup):
    command = setup.command
    git(command, "config", "--add", REVIEW, FOREIGN)
    git(command, "config", "--add", REVIEW, "_builtin_patchwork")
    setup("--write")
    assert values(command, REVIEW) == [FOREIGN, "_builtin_patchwork", "reviewbot check --protocol review"]
    setup("--remove", "--write")
    assert values(command, REVIEW) == [FOREIGN, "_builtin_patchwork"]
    assert values(command, PREP) == []


def test_an_older_one_of_ours_is_replaced_in_its_place(setup):
    command = setup.command
    for old in (
        "/opt/old/bin/reviewbot check --protocol prep --stamp 0.0.1-x",
        FOREIGN,
        "python3 -m reviewbot check -q",
    ):
        git(command, "config", "--add", PREP, old)
    setup("--write")
    ours, foreign = values(command, PREP)
    assert ours.startswith(f"reviewbot check --protocol prep --stamp {__version__}-")
    assert foreign == FOREIGN


def test_checkpatch_goes_on_where_b4_ran_it_by_itself(setup):
    """It does so only while nothing is configured: a first check of ours would switch it off."""
    command = setup.command
    kernel(command)
    setup("--write")
    for key in (REVIEW, PREP, AM):
        usual, ours = values(command, key)
        assert (usual, is_ours(ours)) == (USUAL[key], True)
    setup("--remove", "--write")
    assert [values(command, key) for key in (REVIEW, PREP, AM)] == [[], [], []]


def test_a_project_that_names_its_own_check_is_not_given_checkpatch(setup):
    command = setup.command
    kernel(command)
    (command.work / ".b4-config").write_text(f'[b4]\n\tprep-perpatch-check-cmd = "{FOREIGN}"\n')
    setup("--write")
    assert [is_ours(value) for value in values(command, PREP)] == [True]
    assert len(values(command, REVIEW)) == 2  # b4 does not listen to the project there


def test_for_all_repositories(setup):
    command = setup.command
    kernel(command)
    done = setup("--global", "--write")
    assert "reviewbot check --protocol review" in (command.home / ".gitconfig").read_text()
    assert git(command, "config", "--local", "--get-all", REVIEW) == ""
    assert "git config --add b4.review-perpatch-check-cmd _builtin_checkpatch" in done.err
    assert "nothing to change" in setup("--write").err  # what is set for all need not be set once more
    assert setup("--remove", "--write").out == ""
    assert setup("--global", "--remove", "--write").code == 0
    assert values(command, REVIEW) == []


def test_an_older_one_in_the_other_place_is_named(setup):
    command = setup.command
    git(command, "config", "--global", "--add", REVIEW, "/opt/old/reviewbot check --protocol review -q")
    assert f"{REVIEW}: an older check of ours is set for all repositories; b4 runs both" in setup("--write").err


def test_a_program_that_is_not_on_the_path_is_named_whole(setup):
    command = setup.command
    setup("--write", on_path=False)
    (value,) = values(command, REVIEW)
    program, *rest = shlex.split(value)
    assert program.startswith("/")
    assert rest == ["-m", "reviewbot", "check", "--protocol", "review"]
    assert is_ours(value)


def test_options_of_the_set_up_are_those_of_the_check(setup):
    command = setup.command
    folder = command.work / "my rules # mine"
    folder.mkdir()
    setup("--write", "--rules", "my rules # mine", "--kernel", "6.12")
    from b4.review.checks import parse_cmd

    (value,) = values(command, REVIEW)
    assert parse_cmd(value)[1:] == ["check", "--rules", str(folder), "--kernel", "6.12", "--protocol", "review"]


def test_other_settings_are_another_stamp(setup):
    command = setup.command
    setup("--write")
    before = values(command, PREP)
    (command.home / ".config" / "reviewbot").mkdir(parents=True)
    (command.home / ".config" / "reviewbot" / "config.toml").write_text("[rules]\ndisable = ['scope-leak']\n")
    setup("--write")
    (after,) = values(command, PREP)
    assert [after] != before


def test_outside_of_a_repository(setup, tmp_path):
    command = setup.command
    command.env |= {"GIT_CEILING_DIRECTORIES": str(tmp_path)}
    command.work = command.home
    done = setup("--write")
    assert (done.code, "use --global" in done.err) == (3, True)
    assert setup("--global", "--write").code == 0


def test_the_lines_of_the_page_are_those_that_are_set(setup):
    command = setup.command
    kernel(command)
    page = data_path("docs/b4.md").read_text()
    (command.work / "pasted").write_text(page.partition("```ini\n")[2].partition("```")[0])
    setup("--write")
    for key in (REVIEW, PREP, AM):
        pasted = git(command, "config", "--file", "pasted", "--get-all", key).splitlines()
        assert pasted == [re.sub(r" --stamp \S+", "", value) for value in values(command, key)]


@pytest.mark.parametrize("name", ["check", "agent", "setup"])
def test_the_help_of_each_command_fits_and_gives_examples(setup, name):
    done = setup.command(name, "--help", COLUMNS="80")
    assert (done.code, "examples:" in done.out, "exit codes:" in done.out) == (0, True, True)
    assert max(map(len, done.out.splitlines())) <= 80


@pytest.mark.parametrize(
    ("value", "ours"),
    [
        ("reviewbot check --protocol review", True),
        ("'/home/a b/bin/reviewbot' check --protocol review", True),
        ("/usr/bin/python3 -m reviewbot check --protocol prep", True),
        ("reviewbot agent", False),
        ("/usr/bin/other-reviewbot check", False),
        ("wrapper reviewbot-check", False),
        ("sh -c 'reviewbot check --protocol prep'", False),
        ("'unclosed", False),
        ("", False),
    ],
)
def test_which_commands_are_ours(value, ours):
    assert is_ours(value) == ours
