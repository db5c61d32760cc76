"""Renders a review as one JSON object of schema 1, the stable interface for other tools."""

from __future__ import annotations

from collections.abc import Mapping

from reviewbot.model.kernel import Rule
from reviewbot.model.patch import Unread
from reviewbot.model.review import Evidence, Finding, PatchReview, Review, ShownChain
from reviewbot.report.answers.head import Json, answer_head, answer_text
from reviewbot.report.answers.tables import rule_prose
from reviewbot.report.links import page_of
from reviewbot.report.remarks import ReportContext, suggestion
from reviewbot.report.reply.wrap import readable
from reviewbot.report.select import kernel_of, ordered, select, unread_beside, unread_of
from reviewbot.support.escape import printable


def render(review: Review, context: ReportContext) -> str:
    """The object in ASCII, with a newline at the end.

    Bytes of a message that are no UTF-8 are written as \\xNN in its strings, so that every JSON parser takes them.
    """
    series = review.series
    rules = {rule.id: rule for rule in context.rules}
    whole: dict[str, Json] = {
        **answer_head(context.kernel, context.digest),
        "series": {
            "subject": printable(series.subject),
            "version": series.version,
            "message_id": _text(series.message_id),
            "base": _text(series.base),
        },
        "patches": [_patch(reviewed, context, rules) for reviewed in review.patches],
        "unread": _unread(unread_beside(review)),
    }
    return answer_text(whole)


def _patch(reviewed: PatchReview, context: ReportContext, rules: Mapping[str, Rule]) -> Json:
    patch = reviewed.patch
    kernel = kernel_of(reviewed, context.kernel)
    return {
        "number": patch.number,
        "subject": printable(patch.subject),
        "message_id": _text(patch.mail.message_id if patch.mail else None),
        "commit": patch.commit,
        "depth": reviewed.depth,
        "calls_followed": reviewed.width or None,
        "calls_left": reviewed.calls_left,
        **({"kernel": kernel} if kernel != context.kernel else {}),
        "findings": [
            remark_json(finding, rules.get(finding.rule), context.pages)
            for finding in select(ordered(reviewed), context.min_severity, context.min_confidence)
        ],
        "unread": _unread(unread_of(reviewed)),
    }


def remark_json(finding: Finding, rule: Rule | None, pages: str = "") -> dict[str, Json]:
    """A finding as an object. `rule`: the one that it is of; without it nothing is said of why and what to do.

    `pages`: where the pages of the rules are published, "" for nowhere.
    """
    mended = suggestion(finding)
    return {
        "rule": finding.rule,
        "severity": finding.severity,
        "confidence": finding.confidence,
        "path": printable(finding.path),
        "line": finding.line,
        "line_text": printable(finding.line_text),
        "function": printable(finding.function),
        "message": printable(finding.message),
        "question": printable(finding.question),
        "why": rule_prose(rule.why) if rule is not None else "",
        "fix": rule_prose(rule.fix) if rule is not None else "",
        "sources": [*map(readable, rule.see)] if rule is not None else [],
        **({"page": page_of(finding.rule, pages)} if pages else {}),
        **({"suggestion": mended} if mended is not None else {}),
        "evidence": [_evidence(evidence) for evidence in finding.evidence],
        **({"chain": _chain(finding.chain)} if finding.chain is not None else {}),
        "resolved_by": _text(finding.resolved_by),
        "fingerprint": finding.fingerprint,
    }


def _chain(chain: ShownChain) -> Json:
    return {
        "functions": [printable(name) for name in chain.functions],
        "steps": [{**_evidence(step), "level": step.level} for step in chain.steps],
        "others": chain.others,
        "doubts": [printable(doubt) for doubt in chain.doubts],
    }


def _evidence(evidence: Evidence) -> dict[str, Json]:
    return {
        "path": printable(evidence.path),
        "line": evidence.line,
        "function": printable(evidence.function),
        "text": printable(evidence.text),
        "note": printable(evidence.note),
    }


def _unread(parts: tuple[Unread, ...]) -> list[Json]:
    return [{"path": _text(part.path), "reason": printable(part.reason)} for part in parts]


def _text(text: str | None) -> str | None:
    return None if text is None else printable(text)
