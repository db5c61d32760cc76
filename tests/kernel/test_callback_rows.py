"""What the rows of sleep-in-atomic say of functions that others run: that it fits together."""

from __future__ import annotations

import re

import pytest

from reviewbot.config import data_path
from reviewbot.kernel import rules
from reviewbot.kernel.rows import signature, strings

(RULE,) = [one for one in rules.load([data_path("rules")], (6, 12))[1] if one.id == "sleep-in-atomic"]
SIGNATURES = [said for row in RULE.rows for said in strings(row, "signature")]


@pytest.mark.parametrize("said", SIGNATURES)
def test_a_signature_is_a_pattern_and_types(said: str) -> None:
    assert re.fullmatch(r"[\w*]*\(((struct|enum) \w+|[\w ]+|\.\.\.)(, ((struct|enum) \w+|[\w ]+|\.\.\.))*\)", said)
    name, types = signature(said)
    assert "..." not in types[:-1]
    assert name != "*" or types != ("...",), "nothing is known of it"


def test_no_signature_stands_in_two_rows() -> None:
    assert sorted(set(SIGNATURES)) == sorted(SIGNATURES)


@pytest.mark.parametrize("words", sorted({said for row in RULE.rows for said in strings(row, "only_in")}))
def test_what_frees_ask_of_callbacks_is_what_these_are_called(words: str) -> None:
    assert [row for row in RULE.rows if words in str(row.get("as", ""))]
