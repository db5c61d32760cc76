"""A Review in, the one JSON object of schema 1 out: the contract other tools read."""

from __future__ import annotations

import json

from reviewbot import __version__
from reviewbot.model.patch import Unread
from reviewbot.model.review import Evidence, Finding, PatchReview, Review
from reviewbot.report.remarks import ReportContext
from reviewbot.report.select import kernel_of, ordered, select, unread_beside, unread_of
from reviewbot.support.escape import printable

Json = str | int | None | list["Json"] | dict[str, "Json"]


def render(review: Review, frame: ReportContext) -> str:
    """One object, ASCII, with a newline at the end.

    Bytes of a mail that were no UTF-8 read \\xNN in its strings, so that every JSON parser takes them.
    """
    series = review.series
    whole: dict[str, Json] = {
        "schema": 1,
        "reviewbot": __version__,
        "rules": frame.digest,
        "kernel": frame.kernel,
        "series": {
            "subject": printable(series.subject),
            "version": series.version,
            "message_id": _text(series.message_id),
            "base": _text(series.base),
        },
        "patches": [_patch(reviewed, frame) for reviewed in review.patches],
        "unread": _unread(unread_beside(review)),
    }
    return json.dumps(whole, indent=2) + "\n"


def _patch(reviewed: PatchReview, frame: ReportContext) -> Json:
    patch = reviewed.patch
    kernel = kernel_of(reviewed, frame.kernel)
    return {
        "number": patch.number,
        "subject": printable(patch.subject),
        "message_id": _text(patch.mail.message_id if patch.mail else None),
        "commit": patch.commit,
        "depth": reviewed.depth,
        **({"kernel": kernel} if kernel != frame.kernel else {}),
        "findings": [_finding(found) for found in select(ordered(reviewed), frame.min_severity, frame.min_confidence)],
        "unread": _unread(unread_of(reviewed)),
    }


def _finding(found: Finding) -> Json:
    return {
        "rule": found.rule,
        "severity": found.severity,
        "confidence": found.confidence,
        "path": printable(found.path),
        "line": found.line,
        "line_text": printable(found.line_text),
        "function": printable(found.function),
        "message": printable(found.message),
        "evidence": [_evidence(shown) for shown in found.evidence],
        "resolved_by": _text(found.resolved_by),
        "fingerprint": found.fingerprint,
    }


def _evidence(shown: Evidence) -> Json:
    return {
        "path": printable(shown.path),
        "line": shown.line,
        "function": printable(shown.function),
        "text": printable(shown.text),
        "note": printable(shown.note),
    }


def _unread(parts: tuple[Unread, ...]) -> list[Json]:
    return [{"path": _text(part.path), "reason": printable(part.reason)} for part in parts]


def _text(text: str | None) -> str | None:
    return None if text is None else printable(text)
