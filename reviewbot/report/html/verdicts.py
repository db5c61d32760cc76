"""Shows verdicts of the flag-scope matrix, and how bad and how sure something is: a sign, a word and a colour."""

from __future__ import annotations

from reviewbot.report.html.element import Html, element

# a sign of its own shape for each word: colour alone tells nothing to those who do not see it, nor on paper
SIGNS = {"safe": "✓", "unsafe": "✗", "context": "◐", "pointless": "○", "none": "–", "discouraged": "!"}
MEANINGS = {
    "safe": "Nested allocations still behave as their callers expect.",
    "unsafe": "Some nested allocation breaks.",
    "context": "It depends on what runs inside the scope.",
    "pointless": "Harmless but useless.",
    "none": "No scope applies.",
}
_SEVERITIES = {"error": "✗", "warning": "▲", "note": "●"}


def verdict(word: str, before: str = "") -> Html:
    """A word of the matrix with its sign. `before`: what is said only to those who hear the page."""
    said = element("span", before, class_="heard") if before else Html()
    return element("span", _sign(SIGNS[word]), said, word, class_=f"verdict {word}")


def severity(word: str) -> Html:
    """How bad a finding is, with its sign."""
    return element("span", _sign(_SEVERITIES[word]), word, class_=f"severity {word}")


def legend() -> Html:
    """What the words of the matrix mean."""
    rows = (element("div", element("dt", verdict(word)), element("dd", said)) for word, said in MEANINGS.items())
    return element("dl", *rows, class_="legend")


def _sign(sign: str) -> Html:
    return element("span", sign, class_="sign", aria_hidden="true")
