"""A Review in, a JUnit report out: a test suite a patch, a test case a rule: a green run shows what was checked.

The elements and attributes are those of the schema that Jenkins' xUnit plugin ships (junit-10.xsd), which has no file
and line: they stand in the text of a failure. A rule whose remarks a later patch settles has passed, with those
remarks in its output. What was not looked at is a skipped test, or where it fails the run one with an
error; of a patch of which nothing was read, each rule is skipped.
"""

from __future__ import annotations

from xml.etree import ElementTree

from reviewbot.model.patch import Unread
from reviewbot.model.review import SEVERITIES, Finding, PatchReview, Review
from reviewbot.report.remarks import ReportContext
from reviewbot.report.select import kernel_of, ordered, select, unread_beside, unread_of
from reviewbot.report.unread import FAIL
from reviewbot.support.escape import clip, xml

LONGEST = 200  # characters of a test's name


def render(review: Review, frame: ReportContext) -> str:
    """The document, with a newline at the end."""
    top = ElementTree.Element("testsuites", name="reviewbot")
    for reviewed in review.patches:
        _patch(top, reviewed, frame)
    beside = unread_beside(review)
    if beside:
        suite = ElementTree.SubElement(top, "testsuite", name="the series")
        _missed(suite, "reviewbot.series", beside, frame)
    for suite in top:
        _total(suite, suite)
    _total(top, top)
    ElementTree.indent(top)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ElementTree.tostring(top, encoding="unicode") + "\n"


def _patch(top: ElementTree.Element, reviewed: PatchReview, frame: ReportContext) -> None:
    patch, missed = reviewed.patch, unread_of(reviewed)
    suite = ElementTree.SubElement(top, "testsuite", name=xml(f"{patch.number}/{patch.total} {patch.subject}"))
    properties = ElementTree.SubElement(suite, "properties")
    known = {
        "kernel": kernel_of(reviewed, frame.kernel),
        "rules": frame.digest,
        "depth": reviewed.depth,
        "commit": patch.commit,
    }
    for name, value in {**known, "message_id": patch.mail.message_id if patch.mail else None}.items():
        if value:
            ElementTree.SubElement(properties, "property", name=name, value=xml(value))
    found: dict[str, list[Finding]] = {rule.id: [] for rule in frame.rules}
    for one in select(ordered(reviewed), frame.min_severity, frame.min_confidence):
        found.setdefault(one.rule, []).append(one)
    group = f"reviewbot.patch-{patch.number}"
    for rule, said in found.items():
        case = ElementTree.SubElement(suite, "testcase", classname=group, name=rule)
        if missed and not reviewed.files:
            ElementTree.SubElement(case, "skipped", message="nothing of this patch was read")
        else:
            _case(case, said)
    _missed(suite, group, missed, frame)


def _case(case: ElementTree.Element, said: list[Finding]) -> None:
    still = [one for one in said if one.resolved_by is None]
    settled = [f"settled by patch {xml(one.resolved_by)}: {_told(one)}" for one in said if one.resolved_by is not None]
    if still:
        worst = max(still, key=lambda one: SEVERITIES.index(one.severity))
        more = f" (and {len(still) - 1} more)" if len(still) > 1 else ""
        message = xml(worst.message) + more
        failure = ElementTree.SubElement(case, "failure", type=worst.severity, message=message)
        failure.text = "\n".join(map(_told, still))
    if settled:
        ElementTree.SubElement(case, "system-out").text = "\n".join(settled)


def _told(found: Finding) -> str:
    function = f" in {found.function}()" if found.function else ""
    place = f"{found.path}:{found.line}{function}"
    lines = [f"{place}: {found.severity} ({found.confidence}): {found.message}", f"    {found.line_text.strip()}"]
    lines += [f"  {shown.note}: {shown.path}:{shown.line}" for shown in found.evidence]
    return "\n".join(map(xml, lines))


def _missed(suite: ElementTree.Element, group: str, parts: tuple[Unread, ...], frame: ReportContext) -> None:
    for part in parts:
        name = clip(
            f"not looked at: {part.path}: {part.reason}" if part.path else f"not looked at: {part.reason}", LONGEST
        )
        case = ElementTree.SubElement(suite, "testcase", classname=group, name=xml(name))
        said = ElementTree.SubElement(case, "skipped", message=xml(part.reason))
        if frame.unread == FAIL:
            said.tag = "error"
            said.set("type", "not looked at")


def _total(element: ElementTree.Element, within: ElementTree.Element) -> None:
    """Put the counts of the tests below an element into its attributes."""
    cases = list(within.iter("testcase"))
    element.set("tests", str(len(cases)))
    element.set("failures", str(sum(case.find("failure") is not None for case in cases)))
    element.set("errors", str(sum(case.find("error") is not None for case in cases)))
    if element.tag == "testsuite":
        element.set("skipped", str(sum(case.find("skipped") is not None for case in cases)))
