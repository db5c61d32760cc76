"""tests/bench/compare.py on checkouts of a program that only prints: the same, another, and one that is not run."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

BENCH = Path(__file__).parents[1] / "bench" / "compare.py"
PROGRAM = """
import sys
print("positional arguments:\\n  COMMAND\\n    thread    {}\\n\\n", sys.argv[1:], __file__)
raise SystemExit({})
"""


def checkout(folder: Path, said: str = "reviews", code: int = 0) -> Path:
    package = folder / "reviewbot"
    package.mkdir(parents=True)
    (package / "__init__.py").touch()
    (package / "__main__.py").write_text(PROGRAM.format(said, code))
    return folder


def compared(old: Path, new: Path, only: str = "command line") -> tuple[int, str]:
    command = [sys.executable, str(BENCH), str(old), str(new), "--only", only]
    done = subprocess.run(command, capture_output=True, text=True)
    return done.returncode, done.stdout + done.stderr


@pytest.fixture
def old(tmp_path: Path) -> Path:
    return checkout(tmp_path / "old")


def test_the_same_program_elsewhere_is_identical(old: Path, tmp_path: Path) -> None:
    code, said = compared(old, checkout(tmp_path / "a-longer-name"))
    assert (code, "--- OLD" in said) == (0, False), said
    assert "11 runs of each side" in said


def test_another_text_and_exit_code_are_differences(old: Path, tmp_path: Path) -> None:
    ended, told = compared(old, checkout(tmp_path / "new", "reads", 1))
    assert ended == 1
    for row in ("-    thread    reviews", "+    thread    reads", "-0", "+1"):
        assert f"\n    {row}" in told


def test_nothing_compared_is_no_success(old: Path) -> None:
    code, said = compared(old, old, "cases")
    assert code == 1
    assert "skipped: cases: no --cases" in said


def test_a_checkout_that_another_one_is_imported_for_is_refused(old: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    code, said = compared(old, tmp_path / "empty")
    assert code == 2
    assert f"{tmp_path / 'empty'}: reviewbot is imported from" in said
