"""_probes.toml: what may be asked of a function, and what a table may not say."""

from __future__ import annotations

from pathlib import Path

import pytest

from reviewbot.cli.arguments.reach import SCOPES
from reviewbot.config import data_path
from reviewbot.kernel import rules
from reviewbot.kernel.probes import asked_rules
from reviewbot.model.errors import ConfigError

BUILT_IN = data_path("rules")
PROBE = """
[probe.atomic]
where = "here"
rules = ["sleep-in-atomic"]
enter = "exfoo_lock();"
leave = "exfoo_unlock();"
request = "exfoo_sleep();"
"""


def written(folder: Path, text: str) -> list[Path]:
    (folder / "_probes.toml").write_text(text)
    return [BUILT_IN, folder]


def test_each_scope_of_the_command_line_is_one() -> None:
    assert set(rules.probes([BUILT_IN])) == set(SCOPES)


def test_a_later_folder_overrides(tmp_path: Path) -> None:
    found = rules.probes(written(tmp_path, PROBE))
    assert (found["atomic"].enter, found["nofs"].context) == ("exfoo_lock();", "nofs")


@pytest.mark.parametrize("scope", SCOPES)
def test_what_a_scope_asks(scope: str) -> None:
    kind = rules.probes([BUILT_IN])[scope]
    _, every = rules.load([BUILT_IN], (6, 12))
    found = asked_rules(kind, every, "exfoo_probe")
    assert [one.id for one in found] == list(kind.rules)
    rows = [row for one in found for row in one.rows if row.get("functions") == ("exfoo_probe",)]
    assert [row["context"] for row in rows] == ([kind.context] if kind.context else [])
    assert all({"file", "note", "source"}.isdisjoint(row) for row in rows)


REFUSED = {
    PROBE.replace('request = "exfoo_sleep();"', ""): "request is missing",
    PROBE.replace("where", "wher"): "unknown key 'wher'",
    PROBE.replace('leave = "exfoo_unlock();"', ""): "either enter and leave, or context",
    PROBE + 'context = "nofs"\n': "either enter and leave, or context",
    PROBE.replace("exfoo_lock();", "exfoo_lock();\\nb();"): "enter must be one line",
    PROBE.replace('["sleep-in-atomic"]', '"sleep-in-atomic"'): "rules must be a list of texts",
    "[probe]\natomic = 3\n": "must be a table",
}


@pytest.mark.parametrize("text", REFUSED)
def test_what_a_table_may_not_say(tmp_path: Path, text: str) -> None:
    with pytest.raises(ConfigError) as error:
        rules.probes(written(tmp_path, text))
    assert "_probes.toml" in str(error.value)
    assert REFUSED[text] in str(error.value)


def test_a_context_without_a_row_and_a_rule_that_is_not_there() -> None:
    kind = rules.probes([BUILT_IN])["nofs"]
    _, every = rules.load([BUILT_IN], (6, 12))
    with pytest.raises(ConfigError, match="needs the rule reclaim-recursion"):
        asked_rules(kind, [one for one in every if one.id not in kind.rules], "exfoo_probe")
    with pytest.raises(ConfigError, match="no root with the context 'nofs'"):
        asked_rules(kind, [_without_rows(one) for one in every], "exfoo_probe")


def _without_rows(rule: object) -> object:
    from msgspec.structs import replace

    return replace(rule, rows=())
