"""Every text that a user may read is spelled as a dictionary of common mistakes has it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

TOP = Path(__file__).parents[2]
FOLDERS = ("rules", "templates", "docs", "ci", "reviewbot")
READ = (*FOLDERS, "action.yml", "config.toml", "Makefile", *map(str, TOP.glob("*.md")))


def spelled(*paths: str | Path) -> str:
    command = [sys.executable, "-m", "codespell_lib", "--skip", "*.pyc,*.svg,*.png", *map(str, paths)]
    return subprocess.run(command, cwd=TOP, capture_output=True, text=True, check=False).stdout


@pytest.mark.parametrize("path", READ, ids=lambda path: Path(path).name)
def test_it_is_spelled_right(path: str) -> None:
    assert (TOP / path).exists()
    assert spelled(path) == ""


def test_a_mistake_is_found(tmp_path: Path) -> None:
    (tmp_path / "rule.toml").write_text('why = "The allocaton may sleep."\n')
    assert "allocaton ==> allocation" in spelled(tmp_path)
