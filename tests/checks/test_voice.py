"""How remarks read in a mail: short, positive, hedged at most once, and without what a mail has no use for."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache

import pytest

from engines import engine
from fixtures import CASES
from reviewbot.config import data_path
from reviewbot.model.kernel import Rule
from reviewbot.model.patch import Patch
from reviewbot.model.review import CONFIDENCES, SEVERITIES, Finding
from reviewbot.report.reply.wrap import wrapped

MOST_WORDS, MOST_SENTENCES = 30, 2  # of a remark, placeholders apart
MOST_ASKED = 12  # words of a question
RULES = {rule.id: rule for at in ("6.12", "6.10", "5.10") for rule, _ in engine(at).rules}
WHOLE = ("$matrix", "$source", "$effect", "$why", "$also", "$instead")  # whole sentences, where one would begin
PLACEHOLDER = re.compile(r"\$\w+(?:\(\))?")
WORD = re.compile(r"[\w'-]*\w(?:\(\))?")
HEDGE = re.compile(r"\b(?:as far as I can see|looks|I see no|maybe|probably|perhaps|might)\b", re.IGNORECASE)
NEGATIVE = re.compile(r"n't\b|\b(?:is|are|does|do|can|could|should|would|will)\b.*\b(?:not|never|no)\b", re.IGNORECASE)
TWICE = re.compile(r"(?:\b(?:not|never|cannot|no|without)\b|n't\b)[^,;:]*\b(?:not|never|no|nothing|nobody|without)\b")
NEVER = re.compile(r"\bthe (?:\S+ )?matrix\b|\bobviously\b|\bsimply\b|automated|is it known|\w!(?!=)", re.IGNORECASE)
CITED = re.compile(
    r"[A-Z][a-z]+ [A-Z][a-z]+, (?:<|\d{4}-)|<[\w.+-]+@[\w.-]+>"
)  # a person and an id in place of an address
LINK = re.compile(r"See https://lore\.kernel\.org/all/[\w.+-]+@[\w.-]+/")


def texts_of(rule: Rule) -> Iterator[tuple[str, str]]:
    yield "question", rule.question
    if rule.ask:
        yield "ask", rule.ask


TEXTS = [pytest.param(text, id=f"{rule.id}: {key}") for rule in RULES.values() for key, text in texts_of(rule)]


def sentences(text: str) -> list[str]:
    """The sentences that a rule itself says."""
    for name in WHOLE:
        text = re.sub(rf"(?:^|(?<=[.?\s])){re.escape(name)}(?=\s|$)|(?<=\.){re.escape(name)}", " ", text)
        text = text.replace(f".{name}", ".")
    return [one for one in re.split(r"(?<=[.?])\s+", text.strip()) if one]


def words(text: str) -> int:
    return len(WORD.findall(PLACEHOLDER.sub("", text)))


def asked(text: str) -> list[str]:
    """The questions in a text, each without what leads to it."""
    return [re.split(r"[:;] ", one)[-1] for one in sentences(text) if one.endswith("?")]


@cache
def findings() -> tuple[Finding, ...]:
    """Those of all fixtures: what the checks fill in is part of a remark."""
    reviews = (engine(case.kernel).patch(Patch(1, 1, case.name, "", case.diff)) for case in CASES)
    return tuple(one for review in reviews for one in review.findings)


@pytest.mark.parametrize("text", TEXTS)
def test_a_remark_is_short(text: str) -> None:
    assert len(sentences(text)) <= MOST_SENTENCES
    assert words(" ".join(sentences(text))) <= MOST_WORDS


@pytest.mark.parametrize("text", TEXTS)
def test_a_question_is_short_and_positive(text: str) -> None:
    assert [one for one in asked(text) if words(one) > MOST_ASKED or NEGATIVE.search(one)] == []


@pytest.mark.parametrize("text", TEXTS)
def test_a_remark_hedges_once_and_denies_once(text: str) -> None:
    assert len(HEDGE.findall(text)) <= 1
    assert [one for one in sentences(text) if TWICE.search(one)] == []


@pytest.mark.parametrize("text", TEXTS)
def test_a_severity_is_no_part_of_a_remark(text: str) -> None:
    assert not {*SEVERITIES} & {*WORD.findall(text.lower())}


@pytest.mark.parametrize("rule", RULES.values(), ids=lambda rule: rule.id)
def test_what_is_not_sure_is_asked(rule: Rule) -> None:
    texts = rule.ask or rule.question
    sure = {one.confidence for one in findings() if one.rule == rule.id}
    assert sure, "no fixture"
    assert sure == {CONFIDENCES[-1]} or asked(texts)


def test_what_checks_fill_in_reads_so_too() -> None:
    told = [text for one in findings() for text in (one.message, one.question)]
    assert [text for text in told if NEVER.search(text) or CITED.search(text) or "<" in text.replace("->", "")] == []
    named = [text for text in told for rule in RULES if "-" in rule and re.search(rf"(?<![\w-]){rule}(?![\w-])", text)]
    assert named == []


def test_a_mail_is_linked_on_a_line_of_its_own() -> None:
    lines = [line for one in findings() for line in one.question.split("\n") if "https:" in line or "Link:" in line]
    assert lines
    assert [line for line in lines if not LINK.fullmatch(line)] == []


def test_nothing_that_is_said_is_a_trailer_to_b4() -> None:
    """b4 collects them from replies, and puts them into the commit."""
    from b4 import LoreMessage

    for one in findings():
        body = "\n".join(wrapped(one.question))
        assert [found.as_string() for found in LoreMessage.find_trailers(body, followup=True)[0]] == []


def test_rules_cite_addresses_and_no_people() -> None:
    files = {path.name: path.read_text(encoding="utf-8") for path in data_path("rules").glob("*.toml")}
    assert [name for name, text in files.items() if CITED.search(text)] == []
