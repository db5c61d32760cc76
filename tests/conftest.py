"""Fixtures that more than one test module uses; with REVIEWBOT_STRICT set, a test that misses something fails."""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path

import hypothesis
import pytest

from browser import browser
from command import Command
from desk import desk
from inbox import inbox
from patchworkpost import hurry, there

__all__ = ["browser", "desk", "hurry", "inbox", "there"]


def pytest_configure(config: pytest.Config) -> None:
    """What the tests find around them is the same for whoever starts them, and however."""
    os.environ["PATH"] = _path(os.environ["PATH"])
    os.environ.pop("VIRTUAL_ENV", None)
    # rules that one process has read need not be read again by the next; xdist starts its workers after this
    if not hasattr(config, "workerinput"):
        folder = tempfile.TemporaryDirectory(prefix="reviewbot-tests-")
        config.add_cleanup(folder.cleanup)
        os.environ["XDG_CACHE_HOME"] = folder.name


def _path(given: str) -> str:
    """Without the programs of this virtual environment, which is on the path of who has activated it.

    A test that wants `reviewbot` or pre-commit there puts it there.
    """
    own = Path(sys.executable).parent
    return os.pathsep.join(one for one in given.split(os.pathsep) if Path(one or ".").absolute() != own)


# a busy machine is no reason to fail: neither a slow example nor one that took long to draw
hypothesis.settings.register_profile(
    "tests", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow], print_blob=True
)
hypothesis.settings.load_profile("tests")


@pytest.fixture
def command(tmp_path: Path) -> Command:
    """The installed program, run in an empty folder by somebody without any settings."""
    return Command(tmp_path)


@pytest.fixture(scope="session")
def corpus() -> Path:
    """The folder of labelled mails that REVIEWBOT_CORPUS names; they are other people's, so not shipped."""
    if "REVIEWBOT_CORPUS" not in os.environ:
        pytest.skip("REVIEWBOT_CORPUS names no folder of labelled mails")
    return Path(os.environ["REVIEWBOT_CORPUS"])


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    """What is not installed can be, so it is no excuse under REVIEWBOT_STRICT; being root is one."""
    report = yield
    excused = hasattr(report, "wasxfail") or "Skipped: root may" in str(report.longrepr)
    if os.environ.get("REVIEWBOT_STRICT") and report.skipped and not excused:
        report.outcome = "failed"
        report.longrepr = f"skipped where nothing may be: {report.longrepr}"
    return report
