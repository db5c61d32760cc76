"""Reads the answers to a question about a function from the findings in the change that asked it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise

from msgspec import Struct

from reviewbot.model.patch import Unread
from reviewbot.model.review import CONFIDENCES, Evidence, Finding, PatchReview
from reviewbot.review.probe.probe import PROBE, Probe
from reviewbot.support.patterns import pattern

_WORD = pattern(r"\w+")
_CALL = pattern(r"\b(\w+)\s*\(")


class AnswerStep(Struct, frozen=True):
    """A line on the way: the function it stands in, and its place in the real file."""

    function: str
    path: str
    line: int
    text: str


class FoundWay(Struct, frozen=True):
    """A way from a function to what breaks, or to the function from what is held.

    `functions`: those on it, the outermost first; `steps`: the lines that show it in the order in which they are run;
    `others`: how many more ways lead there; `doubts`: what is not certain.
    """

    rule: str
    confidence: str
    functions: tuple[str, ...]
    steps: tuple[AnswerStep, ...]
    others: int = 0
    doubts: tuple[str, ...] = ()


class Question(Struct, frozen=True):
    """What was asked. `where`: the scope in words; `callers`: who calls it there, not what it reaches."""

    function: str
    path: str
    scope: str
    where: str
    callers: bool


class ReachAnswers(Struct, frozen=True):
    """The answers, and what they cover. `width`: how far calls were followed; `files`: how many files were read."""

    question: Question
    answers: tuple[FoundWay, ...]
    width: str
    files: int
    unread: tuple[Unread, ...] = ()


def answers_of(review: PatchReview, probe: Probe, question: Question) -> tuple[FoundWay, ...]:
    """The answers among the findings in a probe, the surest and shortest first."""
    found = [_answer(finding, probe, question) for finding in review.findings]
    order = sorted(found, key=lambda one: (-CONFIDENCES.index(one.confidence), len(one.steps)))
    return tuple({(one.rule, one.steps): one for one in order}.values())


def _answer(finding: Finding, probe: Probe, question: Question) -> FoundWay:
    chain = finding.chain
    shown = chain.steps if chain is not None else in_order(_evidence(finding))
    steps = tuple(_real(shown, probe))
    if question.callers or not steps:
        head = AnswerStep(question.function, probe.path, probe.at, probe.head)
        steps = (*steps, head)
    named = chain.functions if chain is not None else _callers(steps)
    functions = tuple(one for one in named if one != PROBE) or (question.function,)
    return FoundWay(
        finding.rule,
        finding.confidence,
        functions,
        steps,
        *((chain.others, chain.doubts) if chain is not None else ()),
    )


def _evidence(finding: Finding) -> Sequence[Evidence]:
    own = Evidence(finding.path, finding.line, finding.function, finding.line_text, "")
    known = {(one.path, one.line) for one in finding.evidence}
    return finding.evidence if (own.path, own.line) in known else (*finding.evidence, own)


def _callers(steps: Sequence[AnswerStep]) -> Sequence[str]:
    """The functions that call one another; what stands above them says that others run the first one."""
    found: list[str] = []
    for step, after in pairwise(steps):
        found.append(step.function)
        if step.function != after.function and after.function not in _CALL.findall(step.text):
            found.clear()
    return [*dict.fromkeys((*found, *(one.function for one in steps[-1:])))]


def _real(steps: Sequence[Evidence], probe: Probe) -> Iterator[AnswerStep]:
    """The steps that stand in the real tree, with their lines there."""
    for step in steps:
        line = probe.line(step.path, step.line)
        if line is not None:
            yield AnswerStep(step.function, step.path, line, step.text.strip())


def in_order(shown: Sequence[Evidence]) -> Sequence[Evidence]:
    """Lines that call one another in the order of the calls: behind each one in the function that it calls."""
    left, found = list(shown), list[Evidence]()
    while left:
        called = {*_WORD.findall(found[-1].text)} if found else set[str]()
        callers = {word for one in left for word in _WORD.findall(one.text)}
        first = next((one for one in left if one.function in called), None)
        first = first or next((one for one in left if one.function not in callers), left[0])
        found.append(first)
        left.remove(first)
    return found
