"""A regular expression that is compiled later does what one does that is compiled at once."""

from __future__ import annotations

import re

import pytest

from reviewbot.support import patterns
from reviewbot.support.patterns import pattern

TEXT = "ab AB\nabab"


@pytest.mark.parametrize("flags", [0, re.M, re.I | re.X])
def test_as_a_compiled_one(flags):
    late, now = pattern(r"^(a)(b)", flags), re.compile(r"^(a)(b)", flags)
    assert [found.span() for found in late.finditer(TEXT)] == [found.span() for found in now.finditer(TEXT)]
    for call in (late, now):
        assert (call.match(TEXT)[2], call.search(TEXT)[0], call.fullmatch(TEXT)) == ("b", "ab", None)
    assert (late.findall(TEXT), late.split(TEXT), late.sub("x", TEXT), late.subn("x", TEXT)) == (
        *(now.findall(TEXT), now.split(TEXT), now.sub("x", TEXT), now.subn("x", TEXT)),
    )
    assert (late.pattern, late.flags, late.groups) == (now.pattern, now.flags, now.groups)


def test_it_is_compiled_when_it_is_used_and_once(monkeypatch):
    compiled = []
    real = re.compile
    monkeypatch.setattr(patterns.re, "compile", lambda *given: compiled.append(given) or real(*given))
    late = pattern(rb"a+")
    assert not compiled
    assert [late.match(b"aa")[0] for _ in range(3)] == [b"aa"] * 3
    assert late.search(b"xa") and compiled == [(rb"a+", 0)]


def test_it_has_no_other_names():
    with pytest.raises(AttributeError, match="absent"):
        pattern("a").absent  # noqa: B018 - looking is the test
