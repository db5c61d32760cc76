"""CI systems on this machine: a file that configures one and what it would say of an event in, what its job did out.

Each is as much of the real one as the project's files ask of it: which variables are set, in which shell the lines run,
which exit code stops them, and what is collected. The programs that a job installs come from this Python, so that no
test needs a network; the project itself is really installed.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import sysconfig
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import yaml

import reviewbot
from kerneltree import KernelTree
from report_readers import READERS

TOP = Path(reviewbot.__file__).parents[1]
TIMEOUT = 300

BAD = "int made(void)\n{\n\tvoid *p;\n\tp = kmalloc(8, GFP_KERNEL | GFP_NOFS);\n}\n"
UNREADABLE = "int made(void)\n{\n\0}\n"
GOOD = BAD.replace(" | GFP_NOFS", "")
LEAK = (
    "int leak(void)\n{\n\tunsigned int flags = memalloc_nofs_save();\n\n\tif (fill())\n\t\treturn -EIO;\n"
    "\tmemalloc_nofs_restore(flags);\n\treturn 0;\n}\n"
)
FOUND = ("conflicting-flags", "fs/d.c", 4)
NOWHERE = "0" * 40  # what a push of a new branch goes on from


class Pull:
    """A repository whose branch `topic` has two commits, and main one more since topic left it."""

    def __init__(self, folder: Path) -> None:
        self.tree = KernelTree(folder)
        self.tree.git("checkout", "--quiet", "-b", "topic")
        self.tree.commit("fs: good", {"fs/g.c": GOOD})
        self.head = self.tree.commit("fs: bad", {"fs/d.c": BAD})
        self.tree.git("checkout", "--quiet", "main")
        self.base = self.tree.commit("fs: news", {"fs/n.c": LEAK})
        self.tree.git("checkout", "--quiet", "-b", "unreadable")
        self.tree.commit("fs: a file that cannot be read", {"fs/u.c": UNREADABLE})
        self.tree.git("checkout", "--quiet", "main")

    def clone(self, folder: Path, *options: str) -> Path:
        self.tree.git("clone", "--quiet", *options, f"file://{self.tree.folder}", str(folder))
        return folder


class Job(NamedTuple):
    code: int
    out: str
    err: str


def environment(home: Path, **more: str) -> dict[str, str]:
    """That of a fresh user; what pip would fetch is there already, but not the project."""
    home.mkdir(exist_ok=True)
    return {
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "HOME": str(home),
        "GIT_CONFIG_NOSYSTEM": "1",
        "LC_ALL": "C.UTF-8",
        "PIP_NO_INDEX": "1",
        "PIP_NO_DEPS": "1",
        "PIP_NO_BUILD_ISOLATION": "0",  # which switches it off
        "PYTHONPATH": sysconfig.get_path("purelib"),
        **more,
    }


def run(command: list[str], folder: Path, env: Mapping[str, str], descriptors: tuple[int, ...] = ()) -> Job:
    done = subprocess.run(
        command, cwd=folder, env=env, capture_output=True, timeout=TIMEOUT, check=False, pass_fds=descriptors
    )
    return Job(done.returncode, done.stdout.decode("utf-8", "replace"), done.stderr.decode("utf-8", "replace"))


def rows(report: Path) -> list[tuple]:
    name = {".sarif": "sarif", ".json": "gitlab"}[report.suffix]
    return [(row[0], *row[2:4]) for row in READERS[name](report.read_text())]


def valid(file: str | Path, schema: str, home: Path) -> Job:
    """Whether a file, of the project or any, is what a system takes, by a schema that check-jsonschema ships."""
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", f"vendor.{schema}", str(TOP / file)]
    return run(command, TOP, environment(home))


def program(folder: Path) -> Path:
    """This reviewbot under one name."""
    path = folder / "program"
    path.write_text(f'#!/bin/sh\nPYTHONPATH="{TOP}:$PYTHONPATH" exec "{sys.executable}" -m reviewbot "$@"\n')
    path.chmod(0o755)
    return path


# --- GitHub: a composite action ---


class Composite:
    """An action in `folder`, run in `workspace` as a runner does; `made` is what it made for all its steps."""

    def __init__(self, folder: Path, workspace: Path, made: Path, github: Mapping[str, object]) -> None:
        self.action = yaml.safe_load((folder / "action.yml").read_text())
        self.folder, self.workspace, self.made, self.github = folder, workspace, made, github
        made.mkdir()
        self.outputs: dict[str, str] = {}
        self.summary = ""
        self.env: dict[str, str] = {}  # more than a runner has

    def program(self, folder: Path) -> None:
        """In place of the step that installs: this reviewbot."""
        path = self.made / "reviewbot/bin/reviewbot"
        path.parent.mkdir(parents=True)
        path.symlink_to(program(folder))

    def steps(self, *names: str, **inputs: str) -> Job:
        """Run the steps of these names, all where none is named, up to the one that fails."""
        declared = self.action["inputs"]
        assert set(inputs) <= {name.replace("-", "_") for name in declared}
        given = {name: inputs.get(name.replace("-", "_"), what.get("default", "")) for name, what in declared.items()}
        job = Job(0, "", "")
        for step in self.action["runs"]["steps"]:
            if not names or step["name"] in names:
                assert (step["shell"], set(step) - {"name", "id", "shell", "env", "run"}) == ("bash", set())
                job = self._step(step, {"inputs": given, "github": self.github})
                if job.code:
                    break
        return job

    def _step(self, step: Mapping[str, object], context: Mapping[str, object]) -> Job:
        script, outputs, summary = (self.made / name for name in ("step.sh", "outputs", "summary"))
        script.write_text(str(step["run"]))
        outputs.write_text("")
        summary.write_text("")
        env = environment(
            self.made / "home",
            GITHUB_ACTIONS="true",
            GITHUB_ACTION_PATH=str(self.folder),
            GITHUB_OUTPUT=str(outputs),
            GITHUB_STEP_SUMMARY=str(summary),
            RUNNER_TEMP=str(self.made),
        )
        env |= {name: evaluated(str(value), context) for name, value in step["env"].items()} | self.env
        job = run(["bash", "--noprofile", "--norc", "-eo", "pipefail", str(script)], self.workspace, env)
        self.outputs |= dict(line.split("=", 1) for line in outputs.read_text().splitlines())
        self.summary += summary.read_text()
        return job


def evaluated(text: str, context: Mapping[str, object]) -> str:
    """Names of the contexts, joined by ||, put in for an expression; nothing else is one here."""

    def value(match: re.Match[str]) -> str:
        for path in match[1].split("||"):
            found: object = context
            for name in path.strip().split("."):
                found = found.get(name, "") if isinstance(found, Mapping) else ""
            if found:
                return str(found)
        return ""

    return re.sub(r"\$\{\{([\w.|\- ]+)\}\}", value, text)


# --- GitLab: a job ---


def gitlab(job: Mapping[str, object], folder: Path, made: Path, shell: str = "bash", **variables: str) -> Job:
    """A job's lines as a runner gives them to the shell of the image, all in one script."""
    env = environment(made, CI="true", GITLAB_CI="true", CI_PROJECT_DIR=str(folder))
    env |= {**job["variables"], **variables}
    lines = [*job["before_script"], *job["script"]]
    return run([shell, "-ec", "\n".join(lines)], folder, env)


# --- NIPA: a test of a patch, as core/test.py and core/cmd.py run it ---


class Verdict(NamedTuple):
    code: int
    out: str
    err: str
    desc: str


def nipa(test: Path, tree: Path, made: Path, **more: str) -> Verdict:
    info = json.loads((test / "info.json").read_text())
    command = list(info["run"])
    if not command[0].startswith("/"):
        command[0] = str(test / command[0])
    results = made / test.name
    results.mkdir(parents=True)
    read, write = os.pipe()
    env = {"DESC_FD": str(write), "RESULTS_DIR": str(results), "BRANCH_BASE": "main~1", "FIRST_IN_SERIES": "1", **more}
    job = run(command, tree, environment(made / "home", **env), (write,))
    os.close(write)
    with os.fdopen(read, encoding="utf-8", errors="replace") as file:
        return Verdict(*job, file.read())
