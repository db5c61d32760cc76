"""Writes the answers to a question about a function, for a terminal or as one JSON object."""

from __future__ import annotations

from collections.abc import Iterator

from reviewbot.interproc.summary import DEEPEST
from reviewbot.model.review import ShownChain
from reviewbot.report.answers.head import Json, answer_head, answer_text
from reviewbot.report.chain import doubts_of, headline
from reviewbot.review.probe.answers import AnswerStep, FoundWay, ReachAnswers
from reviewbot.support.escape import clip, printable, visible

_INDENT = "    "
_LONGEST = 200  # characters of a line of code


def reached_text(found: ReachAnswers, width: int) -> str:
    """The answers in `width` columns, each with the lines that show it, and what they cover."""
    asked = found.question
    said = "who calls it" if asked.callers else "what breaks below it"
    lines = [f"{asked.function}() in {asked.path}: {said} {asked.where}"]
    for answer in found.answers:
        lines += ["", *_shown(answer, width)]
    lines += ["", *_unread(found), _covered(found)]
    return "".join(f"{visible(line)}\n" for line in lines)


def _shown(answer: FoundWay, width: int) -> Iterator[str]:
    first, *rest = headline(ShownChain(answer.functions, (), answer.others), width - len(_INDENT))
    yield first
    yield from rest
    yield f"{_INDENT}{answer.confidence} confidence, {answer.rule}"
    places = [f"{step.path}:{step.line}" for step in answer.steps]
    longest = max(map(len, places))
    for place, step in zip(places, answer.steps, strict=True):
        yield f"{_INDENT}{place:<{longest}}  {clip(step.text.expandtabs(), _LONGEST)}"
    if doubts := doubts_of(ShownChain((), (), doubts=answer.doubts)):
        yield f"{_INDENT}{doubts}"


def _unread(found: ReachAnswers) -> Iterator[str]:
    for part in found.unread:
        yield f"not looked at: {f'{part.path}: ' if part.path else ''}{part.reason}"


def _covered(found: ReachAnswers) -> str:
    count = len(found.answers)
    said = "nothing found" if not count else f"{count} {'answer' if count == 1 else 'answers'}"
    files = f"{found.files} {'file' if found.files == 1 else 'files'} read"
    return f"{said}: calls followed through the {found.width} (at most {DEEPEST} calls, {files})"


def reached_json(found: ReachAnswers, kernel: str, digest: str) -> str:
    """The answers as one object, found by the facts of `kernel` and rules with this digest.

    Bytes that are no UTF-8 are written as \\xNN in its strings.
    """
    asked = found.question
    whole: dict[str, Json] = {
        **answer_head(kernel, digest),
        "function": asked.function,
        "path": printable(asked.path),
        "scope": asked.scope,
        "callers": asked.callers,
        "width": found.width,
        "files": found.files,
        "answers": [_answer(one) for one in found.answers],
        "unread": [{"path": one.path and printable(one.path), "reason": printable(one.reason)} for one in found.unread],
    }
    return answer_text(whole)


def _answer(answer: FoundWay) -> dict[str, Json]:
    return {
        "rule": answer.rule,
        "confidence": answer.confidence,
        "functions": [printable(one) for one in answer.functions],
        "chain": [_step(step) for step in answer.steps],
        "others": answer.others,
        "doubts": [printable(doubt) for doubt in answer.doubts],
    }


def _step(step: AnswerStep) -> dict[str, Json]:
    return {
        "function": printable(step.function),
        "path": printable(step.path),
        "line": step.line,
        "text": printable(step.text),
    }
