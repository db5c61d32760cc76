"""What was read of a function, stored and read back."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reviewbot.config import data_path
from reviewbot.frontend import fragments, parse
from reviewbot.frontend.preprocess import prepare, rewrite
from reviewbot.frontend.stored import FORMAT, dumps, loads
from reviewbot.kernel.rules import load

KERNEL, _ = load((data_path("rules"),), (6, 12))
WORDS = rewrite.sorted_words(KERNEL.words)
FACTS = sorted((Path(__file__).parents[1] / "facts").glob("*.md"))
CODE = [block for path in FACTS for block in re.findall(r"```c\n(.*?)```", path.read_text(encoding="utf-8"), re.DOTALL)]


def read(text: str, section: str = "", whole: bool = True):
    prepared = prepare.prepare(text, WORDS)
    return tuple(
        function
        for fragment in fragments.split_fragments(prepared.text, section, whole)
        for function in parse.functions(fragment, KERNEL.words, prepared.marks)
    )


@pytest.mark.parametrize("code", CODE)
def test_all_that_was_read_comes_back(code):
    functions = read(code)
    assert functions
    assert loads(dumps(functions)) == functions


def test_a_function_that_was_not_understood_comes_back_with_the_reason():
    functions = read("static void toy(void)\n{\n\tf(1 GFP_KERNEL {{ ;\n}\n")
    assert functions[0].broken
    assert loads(dumps(functions)) == functions


@given(st.text(alphabet="abf(){};=&|*,>-?: \n\"'\\#1\x00é\udc80", max_size=120))
def test_odd_text_comes_back_too(text):
    functions = read(f"int toy(int a)\n{{\n{text}\n}}\n")
    assert loads(dumps(functions)) == functions


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{}",
        b"[]",
        b"[1]",
        b"7",
        json.dumps([FORMAT + 1, []]).encode(),
        json.dumps([FORMAT, [["toy"]]]).encode(),
        json.dumps([FORMAT, [None]]).encode(),
        b"[" * 100_000,
        b"\xff\xfe",
    ],
)
def test_anything_else_is_refused(data):
    with pytest.raises(ValueError):
        loads(data)
