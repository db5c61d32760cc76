"""Pages of drafts that are served for a test."""

from __future__ import annotations

import pytest

from draft_pages import NOW, serve_drafts
from kept_drafts import every_state, fill


@pytest.fixture
def served(tmp_path):
    fill(tmp_path / "memory.sqlite", NOW, 2)
    with serve_drafts(tmp_path / "memory.sqlite") as found:
        yield found


@pytest.fixture
def states(tmp_path):
    numbers = every_state(tmp_path / "memory.sqlite", NOW)
    with serve_drafts(tmp_path / "memory.sqlite") as found:
        yield found, numbers
