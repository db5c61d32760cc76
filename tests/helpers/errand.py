"""Walks through numbered steps of CONTRIBUTING.md in a copy of the checkout, and runs the program of that copy.

A step begins with "Add" or "Edit" and the files it is about, or with a condition ("If ..., edit ..."). What a walk
touches must be what the steps name: all without a condition, and of the others those it has use for.
"""

from __future__ import annotations

import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from fixtures import Case, cases
from kerneltree import KernelTree
from report_readers import Row
from reviewbot.config import data_path

NEEDED = ("reviewbot", "rules", "templates", "config.toml", "docs", "tests/rules", "tests/helpers", "tests/kernel")
STEP = re.compile(r"\d+\. (If [^:]*?, )?(?:[Aa]dd|(?:Add or )?[Ee]dit) ((?:`[^`]+`(?:, | and )?)+):")
Found = set[tuple[str, str]]  # rules, and the lines they speak of


def steps(letter: str) -> list[tuple[bool, set[str]]]:
    """The numbered steps of one section: whether each has no condition, and the files that it names."""
    text = data_path("CONTRIBUTING.md").read_text().partition(f"\n## ({letter}) ")[2].partition("\n## ")[0]
    found: list[tuple[bool, set[str]]] = []
    for step in re.findall(r"^\d+\. .*(?:\n   .*)*", text, re.MULTILINE):
        plain = " ".join(step.split())
        match = STEP.match(plain)
        assert match, f"({letter}): this step does not begin with the files to touch: {plain}"
        found.append((not match[1], set(re.findall(r"`([^`]+)`", match[2]))))
    return found


class Errand:
    """A copy of the checkout below `place`, and the files touched there. `names`: what <id> and the like stand for."""

    def __init__(self, place: Path, letter: str, **names: str) -> None:
        self.top, self.letter, self.names = place / "checkout", letter, names
        self.touched: set[str] = set()
        for name in NEEDED:
            source, copy = data_path(name), self.top / name
            copy.parent.mkdir(parents=True, exist_ok=True)
            if source.is_dir():
                shutil.copytree(source, copy, ignore=shutil.ignore_patterns("_data"))
            else:
                shutil.copy2(source, copy)

    def add(self, name: str, text: str) -> None:
        """Add a file that is not there yet."""
        path = self.top / self._named(name)
        assert not path.exists()
        path.write_text(text)

    def edit(self, name: str, after: str, text: str) -> None:
        """Put a text right behind another one, which stands in the file once; "" is the end of the file."""
        if after:
            self.replace(name, after, after + text)
        else:
            path = self.top / self._named(name)
            path.write_text(path.read_text() + text)

    def replace(self, name: str, old: str, new: str) -> None:
        """Put a text in the place of another one, which stands in the file once."""
        path = self.top / self._named(name)
        before = path.read_text()
        assert before.count(old) == 1, f"{name} has no single {old!r}"
        path.write_text(before.replace(old, new))

    @contextmanager
    def without(self, name: str) -> Iterator[None]:
        """With one of the files as it was."""
        path = self.top / name
        edited = path.read_bytes()
        path.write_bytes(data_path(name).read_bytes())
        yield
        path.write_bytes(edited)

    def _named(self, name: str) -> str:
        for key, value in self.names.items():
            name = name.replace(f"<{key}>", value)
        self.touched.add(name)
        return name

    def check_steps(self) -> None:
        """What was touched is what the steps say."""
        wanted, allowed = set[str](), set[str]()
        touched = set(self.touched)
        for always, paths in steps(self.letter):
            filled = {self._named(path) for path in paths}
            allowed |= filled
            wanted |= filled if always else set()
        self.touched = touched
        assert wanted - touched == set(), "a step of CONTRIBUTING.md was not needed"
        assert touched - allowed == set(), "CONTRIBUTING.md does not name a file that had to be touched"

    def run(self, *arguments: str | Path, stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
        """The program of the copy, as a user's shell starts it."""
        env = {"PATH": os.environ["PATH"], "HOME": "/nonexistent", "XDG_CACHE_HOME": os.environ["XDG_CACHE_HOME"]}
        return subprocess.run(
            [sys.executable, "-m", "reviewbot", *map(str, arguments)],
            input=stdin,
            capture_output=True,
            cwd=self.top,
            env={**env, "PYTHONPATH": str(self.top), "LC_ALL": "C.UTF-8", "GIT_CONFIG_NOSYSTEM": "1"},
            timeout=60,
            check=False,
        )

    def cases(self, name: str) -> list[Case]:
        """The cases of a fixture of the copy."""
        return cases(self.top / "tests" / "rules" / f"{name}.md")

    def reader(self, name: str) -> Callable[[str], list[Row]]:
        """The reader that the copy has for a format."""
        spec = importlib.util.spec_from_file_location("readers_of_copy", self.top / "tests/helpers/report_readers.py")
        assert spec is not None and spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return module.READERS[name]


def committed(folder: Path, given: list[Case]) -> tuple[KernelTree, bytes]:
    """A repository whose last commit makes the change of each case, in a file of its own; and that commit as a mail."""
    tree = KernelTree(folder)
    for mark, subject in (("-", "before"), ("+", "exfoo: a change")):
        tree.commit(subject, {f"fs/exfoo/{at}.c": _side(case, mark) for at, case in enumerate(given)})
    return tree, tree.mails("-1", "-U30")[0]  # as many lines as a case has


def _side(case: Case, mark: str) -> str:
    rows = case.diff.partition("\n@@ ")[2].split("\n")[1:]
    return "\n".join(row[1:] for row in rows if row[:1] in ("", " ", mark))


def claimed(given: list[Case]) -> Found:
    return {(claim.rule, claim.line) for case in given for claim in case.claims}


def remarks(report: str | bytes) -> Found:
    """The rules of a JSON report with the lines that they speak of."""
    patches = json.loads(report)["patches"]
    return {(one["rule"], one["line_text"].strip()) for patch in patches for one in patch["findings"]}
