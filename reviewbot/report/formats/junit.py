"""Renders a review as a JUnit report: a test suite for each patch, a test case for each rule.

So a green run shows what was checked. Elements and attributes are those of the schema that Jenkins' xUnit plugin ships
(junit-10.xsd), which has no file and line: they stand in the text of a failure. A rule whose findings a later patch
resolves has passed, with those findings in its output. What was not read is a skipped test, or one with an error where
it fails the run; of a patch of which nothing was read, each rule is skipped.
"""

from __future__ import annotations

from xml.etree import ElementTree

from reviewbot.model.patch import Unread
from reviewbot.model.review import SEVERITIES, Finding, PatchReview, Review
from reviewbot.report.chain import shown_by
from reviewbot.report.remarks import ReportContext
from reviewbot.report.select import kernel_of, ordered, select, unread_beside, unread_of
from reviewbot.report.unread import FAIL
from reviewbot.support.escape import clip, xml

LONGEST = 200  # characters of a test's name


def render(review: Review, context: ReportContext) -> str:
    """The document, with a newline at the end."""
    top = ElementTree.Element("testsuites", name="reviewbot")
    for reviewed in review.patches:
        _patch(top, reviewed, context)
    beside = unread_beside(review)
    if beside:
        suite = ElementTree.SubElement(top, "testsuite", name="the series")
        _add_unread(suite, "reviewbot.series", beside, context)
    for suite in top:
        _total(suite, suite)
    _total(top, top)
    ElementTree.indent(top)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ElementTree.tostring(top, encoding="unicode") + "\n"


def _patch(top: ElementTree.Element, reviewed: PatchReview, context: ReportContext) -> None:
    patch, missed = reviewed.patch, unread_of(reviewed)
    suite = ElementTree.SubElement(top, "testsuite", name=xml(f"{patch.number}/{patch.total} {patch.subject}"))
    properties = ElementTree.SubElement(suite, "properties")
    known = {
        "kernel": kernel_of(reviewed, context.kernel),
        "rules": context.digest,
        "depth": reviewed.depth,
        "commit": patch.commit,
    }
    for name, value in {**known, "message_id": patch.mail.message_id if patch.mail else None}.items():
        if value:
            ElementTree.SubElement(properties, "property", name=name, value=xml(value))
    by_rule: dict[str, list[Finding]] = {rule.id: [] for rule in context.rules}
    for finding in select(ordered(reviewed), context.min_severity, context.min_confidence):
        by_rule.setdefault(finding.rule, []).append(finding)
    group = f"reviewbot.patch-{patch.number}"
    for rule, findings in by_rule.items():
        case = ElementTree.SubElement(suite, "testcase", classname=group, name=rule)
        if missed and not reviewed.files:
            ElementTree.SubElement(case, "skipped", message="nothing of this patch was read")
        else:
            _case(case, findings)
    _add_unread(suite, group, missed, context)


def _case(case: ElementTree.Element, findings: list[Finding]) -> None:
    open_findings = [finding for finding in findings if finding.resolved_by is None]
    resolved = [
        f"settled by patch {xml(finding.resolved_by)}: {_text(finding)}"
        for finding in findings
        if finding.resolved_by is not None
    ]
    if open_findings:
        worst = max(open_findings, key=lambda finding: SEVERITIES.index(finding.severity))
        more = f" (and {len(open_findings) - 1} more)" if len(open_findings) > 1 else ""
        message = xml(worst.message) + more
        failure = ElementTree.SubElement(case, "failure", type=worst.severity, message=message)
        failure.text = "\n".join(map(_text, open_findings))
    if resolved:
        ElementTree.SubElement(case, "system-out").text = "\n".join(resolved)


def _text(finding: Finding) -> str:
    function = f" in {finding.function}()" if finding.function else ""
    place = f"{finding.path}:{finding.line}{function}"
    lines = [
        f"{place}: {finding.severity} ({finding.confidence}): {finding.message}",
        f"    {finding.line_text.strip()}",
    ]
    lines += [f"  {evidence.note}: {evidence.path}:{evidence.line}" for evidence in shown_by(finding)]
    return "\n".join(map(xml, lines))


def _add_unread(suite: ElementTree.Element, group: str, parts: tuple[Unread, ...], context: ReportContext) -> None:
    for part in parts:
        name = clip(
            f"not looked at: {part.path}: {part.reason}" if part.path else f"not looked at: {part.reason}", LONGEST
        )
        case = ElementTree.SubElement(suite, "testcase", classname=group, name=xml(name))
        result = ElementTree.SubElement(case, "skipped", message=xml(part.reason))
        if context.unread == FAIL:
            result.tag = "error"
            result.set("type", "not looked at")


def _total(element: ElementTree.Element, within: ElementTree.Element) -> None:
    """Put the counts of the tests below an element into its attributes."""
    cases = list(within.iter("testcase"))
    element.set("tests", str(len(cases)))
    element.set("failures", str(sum(case.find("failure") is not None for case in cases)))
    element.set("errors", str(sum(case.find("error") is not None for case in cases)))
    if element.tag == "testsuite":
        element.set("skipped", str(sum(case.find("skipped") is not None for case in cases)))
