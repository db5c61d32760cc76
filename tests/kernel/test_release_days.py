"""_releases.toml: which version a day was for, and what it may not say."""

from __future__ import annotations

from datetime import date
from itertools import pairwise

import pytest

from reviewbot.config import data_path
from reviewbot.kernel import rules
from reviewbot.model.errors import ConfigError

BUILT_IN = data_path("rules")


@pytest.mark.parametrize(
    ("day", "version"),
    [
        ("2024-08-28", (6, 11)),
        ("2024-09-15", (6, 11)),  # the day of the release: what was sent before it is for it
        ("2024-09-16", (6, 12)),
        ("1999-01-01", (4, 19)),  # older than anything known
        ("2026-08-16", (7, 2)),  # the last day that was looked up
        ("2026-08-17", (7, 3)),
        ("2026-11-29", (7, 4)),  # reckoned from here on
        ("2093-01-01", (7, 6)),  # younger
    ],
)
def test_a_day_tells_what_mainline_was_working_on(day, version):
    assert rules.releases([BUILT_IN]).at(day) == version


def test_a_release_day_that_is_none_is_named(tmp_path):
    (tmp_path / "_releases.toml").write_text('[release]\n"6.12" = "soon"\n', encoding="utf-8")
    with pytest.raises(ConfigError, match=r"_releases\.toml: 6\.12 = 'soon'"):
        rules.releases([tmp_path])


def test_a_cycle_takes_nine_or_ten_weeks():
    """What is reckoned is no guess out of all proportion, and what was looked up has no slip of the pen."""
    days = [date.fromisoformat(day) for day in rules.releases([BUILT_IN]).days.values()]
    assert days == sorted(days)
    assert all(56 <= (after - before).days <= 70 for before, after in pairwise(days[:-1]))


@pytest.mark.parametrize("said", ['["6"]', "[4.4]", '"4.4"'])
def test_a_longterm_version_that_is_none_is_named(tmp_path, said):
    (tmp_path / "_releases.toml").write_text(f"longterm = {said}\n", encoding="utf-8")
    with pytest.raises(ConfigError, match=r"_releases\.toml: longterm must be a list of versions"):
        rules.releases([tmp_path])
