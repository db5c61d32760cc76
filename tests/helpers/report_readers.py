"""What a format's own reader makes of a report in, rows that can be compared out: one reader a format.

The readers are as strict as those they stand for: they know the fields there are, and take nothing else.
"""

from __future__ import annotations

import json
import re
from typing import NamedTuple
from urllib.parse import unquote_to_bytes
from xml.etree import ElementTree


class Row(NamedTuple):
    """A remark as a reader shows it; "" where the format does not carry it."""

    rule: str
    severity: str
    path: str
    line: int
    message: str
    fingerprint: str = ""
    told: str = ""


# --- workflow commands: actions/runner, src/Runner.Common/ActionCommand.cs ---


class Command(NamedTuple):
    name: str
    properties: dict[str, str]
    message: str


_DATA = (("%0D", "\r"), ("%0A", "\n"), ("%25", "%"))
_PROPERTY = (("%0D", "\r"), ("%0A", "\n"), ("%3A", ":"), ("%2C", ","), ("%25", "%"))


def commands(text: str) -> list[Command]:
    """One command a line; a line that is none would be a line of the log, and fails."""
    lines = text.split("\n")
    assert lines.pop() == ""
    return [_command(line) for line in lines]


def _command(line: str) -> Command:
    assert line.startswith("::"), line
    head, found, data = line[2:].partition("::")
    assert found, line
    name, _, told = head.partition(" ")
    assert name in ("error", "warning", "notice")
    pairs = (pair.partition("=") for pair in told.strip().split(",") if pair)
    return Command(name, {key: _unescaped(value, _PROPERTY) for key, _, value in pairs}, _unescaped(data, _DATA))


def _unescaped(text: str, table: tuple[tuple[str, str], ...]) -> str:
    for escaped, plain in table:
        text = text.replace(escaped, plain)
    return text


def github(text: str) -> list[Row]:
    said = [one for one in commands(text) if "file" in one.properties]
    return [
        Row(one.properties["title"], one.name, one.properties["file"], int(one.properties["line"]), _first(one.message))
        for one in said
    ]


def _first(message: str) -> str:
    return message.split("\n")[0]


# --- JSON ---


def sarif(text: str) -> list[Row]:
    (run,) = json.loads(text)["runs"]
    rows = []
    for result in run["results"]:
        place = result["locations"][0]["physicalLocation"]
        path = unquote_to_bytes(place["artifactLocation"]["uri"]).decode("utf-8", "surrogateescape")
        message = re.split(r" \(\[", result["message"]["text"])[0]
        fingerprint = result["partialFingerprints"]["primaryLocationLineHash"].removesuffix(":1")
        rows.append(Row(result["ruleId"], result["level"], path, place["region"]["startLine"], message, fingerprint))
    return rows


def gitlab(text: str) -> list[Row]:
    rows = []
    for issue in json.loads(text):
        assert set(issue) == {"description", "check_name", "fingerprint", "severity", "location"}
        assert issue["severity"] in ("info", "minor", "major", "critical", "blocker")
        place = issue["location"]
        assert set(place) == {"path", "lines"}
        row = issue["check_name"], issue["severity"], place["path"], place["lines"]["begin"], issue["description"]
        rows.append(Row(*row, issue["fingerprint"]))
    return rows


# proto/rdf/reviewdog.proto as protojson reads it: an unknown field or a wrong type refuses the whole report
_RDF: dict[str, dict[str, object]] = {
    "DiagnosticResult": {"diagnostics": ["Diagnostic"], "source": "Source", "severity": "Severity"},
    "Diagnostic": {
        "message": str,
        "location": "Location",
        "severity": "Severity",
        "source": "Source",
        "code": "Code",
        "suggestions": ["Suggestion"],
        "original_output": str,
        "related_locations": ["RelatedLocation"],
    },
    "RelatedLocation": {"message": str, "location": "Location"},
    "Location": {"path": str, "range": "Range"},
    "Range": {"start": "Position", "end": "Position"},
    "Position": {"line": int, "column": int},
    "Suggestion": {"range": "Range", "text": str},
    "Source": {"name": str, "url": str},
    "Code": {"value": str, "url": str},
}


def rdf(name: object, value: object) -> None:
    """Fail where a value is no message of that name."""
    if isinstance(name, list):
        assert isinstance(value, list)
        for one in value:
            rdf(name[0], one)
    elif name == "Severity":
        assert value in ("UNKNOWN_SEVERITY", "ERROR", "WARNING", "INFO")
    elif name in (str, int):
        assert type(value) is name
        assert name is str or 0 < value < 1 << 31  # type: ignore[operator]
        assert name is int or str(value).encode("utf-8") is not None
    else:
        assert isinstance(value, dict)
        for key, inner in value.items():
            rdf(_RDF[str(name)][key], inner)


def rdjson(text: str) -> list[Row]:
    whole = json.loads(text)
    rdf("DiagnosticResult", whole)
    return [_diagnostic(one) for one in whole["diagnostics"]]


def rdjsonl(text: str) -> list[Row]:
    found = [json.loads(line) for line in text.splitlines()]
    rdf(["Diagnostic"], found)
    return [_diagnostic(one) for one in found]


def _diagnostic(one: dict) -> Row:
    place = one["location"]
    return Row(one["code"]["value"], one["severity"], place["path"], place["range"]["start"]["line"], one["message"])


def kcidb(text: str) -> list[Row]:
    """A row for each remark of a test, as misc has it: the schema leaves it to those who submit what is there."""
    found = [one for test in json.loads(text).get("tests", []) for one in test["misc"]["reviewbot"]["remarks"]]
    keys = ("rule", "severity", "path", "line", "message", "fingerprint")
    return [Row(*(one[key] for key in keys)) for one in found]


# --- XML ---


_CHECKSTYLE = {
    "checkstyle": ({"version"}, {"file"}),
    "file": ({"name"}, {"error", "exception"}),
    "error": ({"line", "column", "severity", "message", "source"}, set()),
    "exception": (set(), set()),
}
# Jenkins' junit-10.xsd, as far as it is used: attributes that must be there, others that may, elements below
_JUNIT = {
    "testsuites": (set(), {"name", "tests", "failures", "errors"}, {"testsuite"}),
    "testsuite": ({"name", "tests", "failures", "errors"}, {"skipped"}, {"properties", "testcase"}),
    "properties": (set(), set(), {"property"}),
    "property": ({"name", "value"}, set(), set()),
    "testcase": ({"name"}, {"classname"}, {"failure", "skipped", "system-out"}),
    "failure": (set(), {"type", "message"}, set()),
    "skipped": (set(), {"type", "message"}, set()),
    "system-out": (set(), set(), set()),
}


def junit_tree(text: str) -> ElementTree.Element:
    top = ElementTree.fromstring(text.encode())
    assert top.tag == "testsuites"
    for element in top.iter():
        must, may, below = _JUNIT[element.tag]
        assert must <= set(element.attrib) <= must | may
        assert {child.tag for child in element} <= below
    return top


def junit(text: str) -> list[Row]:
    """A row for each failed test; of its remarks, the first."""
    rows = []
    for case in junit_tree(text).iter("testcase"):
        failure = case.find("failure")
        if failure is not None:
            path, line = re.match(r"(.*?):(\d+)", failure.text, re.DOTALL).groups()
            told = case.get("name"), failure.get("type"), path, int(line), failure.get("message")
            rows.append(Row(*told, told=failure.text))
    return rows


def checkstyle_tree(text: str) -> ElementTree.Element:
    top = ElementTree.fromstring(text.encode())
    assert top.tag == "checkstyle"
    for element in top.iter():
        attributes, below = _CHECKSTYLE[element.tag]
        assert set(element.attrib) == attributes
        assert {child.tag for child in element} <= below
    return top


def checkstyle(text: str) -> list[Row]:
    return [
        Row(
            error.get("source").removeprefix("reviewbot."),
            error.get("severity"),
            file.get("name"),
            int(error.get("line")),
            error.get("message"),
        )
        for file in checkstyle_tree(text)
        for error in file.iter("error")
    ]


READERS = {
    "sarif": sarif,
    "github": github,
    "gitlab": gitlab,
    "junit": junit,
    "checkstyle": checkstyle,
    "rdjson": rdjson,
    "rdjsonl": rdjsonl,
    "kcidb": kcidb,
}
