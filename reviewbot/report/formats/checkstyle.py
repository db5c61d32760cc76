"""Renders a review as a Checkstyle report, which most CI systems can show.

Checkstyle itself says in an <exception> why a file could not be checked; so does this for what was not read (under
NO_FILE where that concerns no single file). Findings that a later patch resolves are left out.
"""

from __future__ import annotations

from xml.etree import ElementTree

from reviewbot.model.review import Finding, Review
from reviewbot.report.remarks import ReportContext, columns, remarks_of, unread
from reviewbot.support.escape import xml

VERSION = "4.3"  # of the format: the Checkstyle that wrote it first in this shape
SEVERITY = {"note": "info", "warning": "warning", "error": "error"}
NO_FILE = "(the whole patch)"


def render(review: Review, context: ReportContext) -> str:
    """The document, with a newline at the end."""
    top = ElementTree.Element("checkstyle", version=VERSION)
    files: dict[str, ElementTree.Element] = {}
    for remark in remarks_of(review, context):
        _add(_file(top, files, remark.finding.path), remark.finding)
    for part in unread(review):
        ElementTree.SubElement(_file(top, files, part.path or NO_FILE), "exception").text = xml(part.reason)
    ElementTree.indent(top)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ElementTree.tostring(top, encoding="unicode") + "\n"


def _file(top: ElementTree.Element, files: dict[str, ElementTree.Element], path: str) -> ElementTree.Element:
    if path not in files:
        files[path] = ElementTree.SubElement(top, "file", name=xml(path))
    return files[path]


def _add(file: ElementTree.Element, finding: Finding) -> None:
    ElementTree.SubElement(
        file,
        "error",
        line=str(finding.line),
        column=str(len(columns(finding.line_text)[0]) + 1),
        severity=SEVERITY[finding.severity],
        message=xml(finding.message),
        source=f"reviewbot.{finding.rule}",
    )
