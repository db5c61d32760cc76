"""A Review in, a report as Checkstyle writes it out, which most CI systems can show.

Checkstyle itself names in an <exception> why a file could not be checked; so does this, for what was not looked at
(of no single file: under a name that is none). What a later patch settles is left out.
"""

from __future__ import annotations

from xml.etree import ElementTree

from reviewbot.model.review import Finding, Review
from reviewbot.report.remarks import ReportContext, columns, remarks_of, unread
from reviewbot.support.escape import xml

VERSION = "4.3"  # of the format: the Checkstyle that wrote it first in this shape
SEVERITY = {"note": "info", "warning": "warning", "error": "error"}
NO_FILE = "(the whole patch)"


def render(review: Review, frame: ReportContext) -> str:
    """The document, with a newline at the end."""
    top = ElementTree.Element("checkstyle", version=VERSION)
    files: dict[str, ElementTree.Element] = {}
    for remark in remarks_of(review, frame):
        _add(_file(top, files, remark.finding.path), remark.finding)
    for part in unread(review):
        ElementTree.SubElement(_file(top, files, part.path or NO_FILE), "exception").text = xml(part.reason)
    ElementTree.indent(top)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ElementTree.tostring(top, encoding="unicode") + "\n"


def _file(top: ElementTree.Element, files: dict[str, ElementTree.Element], path: str) -> ElementTree.Element:
    if path not in files:
        files[path] = ElementTree.SubElement(top, "file", name=xml(path))
    return files[path]


def _add(file: ElementTree.Element, found: Finding) -> None:
    ElementTree.SubElement(
        file,
        "error",
        line=str(found.line),
        column=str(len(columns(found.line_text)[0]) + 1),
        severity=SEVERITY[found.severity],
        message=xml(found.message),
        source=f"reviewbot.{found.rule}",
    )
