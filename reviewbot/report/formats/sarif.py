"""Renders a review as a SARIF 2.1.0 log, as GitHub's code scanning and editors read it.

GitHub recognises an alert by its fingerprint, whatever line it has moved to, and closes it when a later log lacks it:
so a review without remarks has an empty list of results, and one that read nothing has no list. Findings that a later
patch resolves are left out, since scanning would show them as open. Columns count characters from 1, and the end of a
region is exclusive. No string is empty: GitHub would drop the object that has it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from urllib.parse import quote

from reviewbot import __version__
from reviewbot.model.kernel import Rule
from reviewbot.model.patch import Unread
from reviewbot.model.review import Evidence, Finding, Review, ShownChain
from reviewbot.report.chain import doubts_of, functions_of, others_of
from reviewbot.report.formats.markdown import paragraph
from reviewbot.report.links import page_of
from reviewbot.report.remarks import Remark, ReportContext, columns, remarks_of, suggestion, unread
from reviewbot.report.reply.wrap import paragraphs, readable
from reviewbot.report.unread import FAIL
from reviewbot.support.escape import clip, raw, visible

SarifValue = str | int | bool | list["SarifValue"] | dict[str, "SarifValue"]
Object = dict[str, SarifValue]

SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
LONGEST = 1024  # characters of a description that GitHub shows
TAGS = ("linux-kernel", "memory-allocation")
# what GitHub sorts alerts by; the level of a result is our word for it as it is
PROBLEM = {"note": "recommendation", "warning": "warning", "error": "error"}


def render(review: Review, context: ReportContext) -> str:
    """The log in ASCII, with a newline at the end."""
    log: Object = {"$schema": SCHEMA, "version": "2.1.0", "runs": [_run(review, context)]}
    return json.dumps(log, indent=2) + "\n"


def _run(review: Review, context: ReportContext) -> Object:
    looked = review.looked
    missed = [_notification(part, context.unread) for part in unread(review)]
    places = {rule.id: at for at, rule in enumerate(context.rules)}
    successful = looked and not (missed and context.unread == FAIL)
    invocation: Object = {"executionSuccessful": successful, "toolExecutionNotifications": [*missed]}
    run: Object = {
        "tool": {"driver": _driver(context)},
        "automationDetails": {"id": "reviewbot/"},
        "invocations": [invocation],
        "columnKind": "unicodeCodePoints",
        "properties": {"kernel": context.kernel, "rules": context.digest},
    }
    commits = [reviewed.patch.commit for reviewed in review.patches if reviewed.patch.commit]
    if commits and context.repository:
        run["versionControlProvenance"] = [{"repositoryUri": context.repository, "revisionId": commits[-1]}]
    if looked:
        run["results"] = [_result(remark, places) for remark in remarks_of(review, context)]
    return run


def _driver(context: ReportContext) -> Object:
    return {
        "name": "reviewbot",
        "semanticVersion": __version__,
        "rules": [_rule(rule, context.pages) for rule in context.rules],
    }


def _notification(part: Unread, unread: str) -> Object:
    """A notification on what was not read: SARIF 2.1.0, 3.58.6, of level "error" where it fails the run."""
    reason = f"{part.path}: {part.reason}" if part.path else part.reason
    text = visible(f"not looked at: {reason}")
    notification: Object = {"level": "error" if unread == FAIL else "warning", "message": {"text": _unlinked(text)}}
    if part.path:
        notification["locations"] = [{"physicalLocation": {"artifactLocation": {"uri": uri(part.path)}}}]
    return notification


# --- rules ---


def _rule(rule: Rule, pages: str) -> Object:
    why = [readable(part) for part in paragraphs(rule.why)]
    return {
        "id": rule.id,
        "name": _pascal(rule.id),
        "shortDescription": {"text": rule.id.replace("-", " ")},
        "fullDescription": {"text": clip(f"{readable(rule.summary)}. {' '.join(why)}", LONGEST)},
        **({"helpUri": page_of(rule.id, pages)} if pages else {}),
        "help": {"text": _help(rule, why), "markdown": _help_markdown(rule, why)},
        "defaultConfiguration": {"level": rule.severity},
        "properties": {
            "precision": rule.confidence,
            "problem.severity": PROBLEM[rule.severity],
            "tags": [*TAGS],
        },
    }


def _help(rule: Rule, why: list[str]) -> str:
    see = ["See:\n" + "\n".join(f"- {readable(each)}" for each in rule.see)] if rule.see else []
    return "\n\n".join((readable(rule.summary), *why, f"What to do: {readable(rule.fix)}", *see))


def _help_markdown(rule: Rule, why: list[str]) -> str:
    parts = [f"**{paragraph(readable(rule.summary))}**", *map(paragraph, why)]
    parts += ["### What to do", paragraph(readable(rule.fix))]
    if rule.see:
        parts += ["### See", "\n".join(f"- {paragraph(readable(each))}" for each in rule.see)]
    return "\n\n".join(parts)


def _pascal(name: str) -> str:
    return "".join(word.capitalize() for word in name.split("-"))


# --- results ---


def _result(remark: Remark, places: Mapping[str, int]) -> Object:
    finding, mail = remark.finding, remark.patch.mail
    place = _location(finding.path, finding.line, finding.line_text)
    if finding.function:
        place["logicalLocations"] = [{"name": visible(finding.function), "kind": "function"}]
    properties: Object = {"confidence": finding.confidence, "patch": remark.patch.number}
    if remark.patch.commit:
        properties["commit"] = visible(remark.patch.commit)
    if remark.kernel is not None:
        properties["kernel"] = f"{remark.kernel[0]}.{remark.kernel[1]}"
    if mail is not None and mail.message_id:
        properties["messageId"] = visible(mail.message_id)
    result: Object = {
        "ruleId": finding.rule,
        "level": finding.severity,
        "message": {"text": _message(finding)},
        "locations": [place],
        "partialFingerprints": {"primaryLocationLineHash": f"{finding.fingerprint}:{remark.nth}"},
        "properties": properties,
    }
    if finding.rule in places:
        result["ruleIndex"] = places[finding.rule]
    if finding.evidence:
        result["relatedLocations"] = [_related(number, evidence) for number, evidence in enumerate(finding.evidence, 1)]
    if finding.chain is not None and finding.chain.steps:
        result["codeFlows"] = [_chain_flow(finding.chain)]
    elif finding.evidence:
        result["codeFlows"] = [_evidence_flow(finding)]
    fix = suggestion(finding)
    if fix is not None:
        result["fixes"] = [_fix(finding, fix)]
    return result


def _message(finding: Finding) -> str:
    """The text of a result, with a link to each related location: GitHub shows only those that are linked."""
    links = ", ".join(f"[{_label(evidence)}]({number})" for number, evidence in enumerate(finding.evidence, 1))
    return _unlinked(visible(finding.message)) + (f" ({links})" if links else "")


def _label(evidence: Evidence) -> str:
    """The text of a link to evidence, its square brackets escaped (SARIF 2.1.0, 3.11.6)."""
    return visible(evidence.note).replace("\\", "\\\\").replace("[", "\\[").replace("]", "\\]") or "see"


def _unlinked(text: str) -> str:
    """Text in which `ops[i](p)` is no link: C does not mind the blank."""
    return text.replace("](", "] (")


def _related(number: int, evidence: Evidence) -> Object:
    related: Object = {"id": number, **_location(evidence.path, evidence.line, evidence.text)}
    if evidence.note:
        related["message"] = {"text": _unlinked(visible(evidence.note))}
    return related


def _chain_flow(chain: ShownChain) -> Object:
    """A chain as a code flow of one thread (SARIF 2.1.0, 3.36), which viewers show as a path to step through."""
    steps: list[SarifValue] = [{"location": _step(step), "nestingLevel": step.level} for step in chain.steps]
    told = " ".join(filter(None, [functions_of(chain), others_of(chain), doubts_of(chain)]))
    return {"message": {"text": _unlinked(visible(told))}, "threadFlows": [{"locations": steps}]}


def _evidence_flow(finding: Finding) -> Object:
    """The evidence as a code flow that leads to the line of the finding, or by it.

    Lines of the same function are in the order in which they stand; what other functions do comes before them.
    """
    here = Evidence(finding.path, finding.line, finding.function, finding.line_text, finding.message)

    def key(one: Evidence) -> int:
        return one.line if (one.path, one.function) == (finding.path, finding.function) else 0

    ordered = sorted((*finding.evidence, here), key=key)
    return {"threadFlows": [{"locations": [{"location": _step(one)} for one in ordered]}]}


def _step(step: Evidence) -> Object:
    place = _location(step.path, step.line, step.text)
    if step.function:
        place["logicalLocations"] = [{"name": visible(step.function), "kind": "function"}]
    if step.note:
        place["message"] = {"text": _unlinked(visible(step.note))}
    return place


def _location(path: str, line: int, text: str) -> Object:
    indent, code = columns(text)
    start = len(indent) + 1
    region: Object = {"startLine": line, "startColumn": start, "endLine": line, "endColumn": start + len(code)}
    return {"physicalLocation": {"artifactLocation": {"uri": uri(path)}, "region": region}}


def _fix(finding: Finding, fix: str) -> Object:
    line, end = finding.line, len(finding.line_text) + 1
    region: Object = {"startLine": line, "startColumn": 1, "endLine": line, "endColumn": end}
    replacement: Object = {"deletedRegion": region, "insertedContent": {"text": fix}}
    return {"artifactChanges": [{"artifactLocation": {"uri": uri(finding.path)}, "replacements": [replacement]}]}


def uri(path: str) -> str:
    """A path as a reference relative to the root of the repository; its bytes are percent-encoded as they are."""
    return quote(raw(path.lstrip("/")), safe="/") or "."
