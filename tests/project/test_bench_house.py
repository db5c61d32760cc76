"""tests/bench/house.py on a small package in which everything that it counts is there once."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

BENCH = Path(__file__).parents[1] / "bench" / "house.py"
SOURCES = {
    "__init__.py": '"""A toy."""\n',
    "one.py": '"""Words in, rows out."""\n\nfrom reviewbot.sub import two\n\n\nclass Row:\n    def last(self): pass\n',
    "sub/__init__.py": "",
    "sub/two.py": '"""Rows."""\n\nfrom reviewbot import one\n\nRow = list[str]\n\n\ndef deep(): """Deep."""\n',
    "report/__init__.py": '"""Formats."""\n',
    "report/a.py": '"""A."""\n\n\ndef render(): pass\n',
    "report/b.py": '"""B."""\n\n\ndef render(): pass\n' + "\n" * 150,
}
LISTED = """\
files over 150 lines: report/b.py: 154
public modules without docstring: sub/__init__.py
public classes without docstring: one.py:6 Row
public functions without docstring: report/a.py:4 render
public methods without docstring: one.py:7 Row.last
modules that say "... in, ... out": one.py
names that mean two things: Row: one.py, sub/two.py
interfaces: render: 2 modules
circles of modules: reviewbot.one <-> reviewbot.sub.two
circles of packages: reviewbot.one <-> reviewbot.sub
"""


def test_what_is_counted_is_there(tmp_path: Path) -> None:
    for name, text in SOURCES.items():
        path = tmp_path / "reviewbot" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    done = subprocess.run([sys.executable, BENCH, tmp_path, "--list"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    listed: dict[str, str] = {}
    for part in done.stdout.split("\n\n")[1:]:
        title, first, *_ = part.split("\n    ")
        listed[title.removeprefix(f"{tmp_path}: ")] = first
    for row in LISTED.splitlines():
        title, _, first = row.partition(": ")
        assert listed[title].startswith(first)
