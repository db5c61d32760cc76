"""Shows one finding: what is wrong, the path that shows it, the question, and what its rule and the matrix say."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from reviewbot.model.kernel import Flag, Kernel, Rule, ScopeKind
from reviewbot.model.review import Finding
from reviewbot.report.chain import without_chain
from reviewbot.report.facts import facts_of
from reviewbot.report.html import prose
from reviewbot.report.html.element import Html, element, together
from reviewbot.report.html.steps import path_of
from reviewbot.report.html.verdicts import severity, verdict
from reviewbot.report.links import page_of
from reviewbot.report.remarks import ReportContext, suggestion
from reviewbot.support.escape import clip

_LONGEST = 400  # characters of a line of code


def remark(finding: Finding, number: int, context: ReportContext) -> Html:
    """The remark on a finding, the `number`th of its page."""
    rule = next((rule for rule in context.rules if rule.id == finding.rule), None)
    parts = [_head(finding, number, context)]
    if finding.resolved_by:
        parts.append(element("p", f"Resolved by {finding.resolved_by}.", class_="later"))
    parts += prose.blocks(without_chain(finding.message, finding))
    parts.append(path_of(finding))
    if finding.question and finding.question != finding.message:
        parts.append(element("blockquote", *prose.blocks(without_chain(finding.question, finding))))
    fix = suggestion(finding)
    if fix is not None:
        parts.append(element("pre", element("ins", clip(fix.expandtabs(), _LONGEST)), tabindex="0", class_="fix"))
    if context.facts is not None:
        parts.append(_facts(finding, context.facts))
    if rule is not None:
        parts.append(_rule(rule))
    closed = " resolved" if finding.resolved_by else ""
    return element(
        *("article", *parts),
        class_=f"remark {finding.severity}{closed}",
        id=f"r{number}",
        tabindex="-1",
        aria_label=f"Remark {number}: {finding.rule}",
    )


def _head(finding: Finding, number: int, context: ReportContext) -> Html:
    page = page_of(finding.rule, context.pages)
    name = element("a", finding.rule, href=page, rel="noreferrer") if page else element("b", finding.rule)
    within = [" in ", element("code", f"{finding.function}()")] if finding.function else []
    sure = element("span", f"{finding.confidence} confidence", class_="faint")
    itself = element("a", f"#{number}", href=f"#r{number}", class_="number", aria_label=f"Link to remark {number}")
    return element("div", severity(finding.severity), " ", name, *within, " ", sure, " ", itself, class_="headline")


def _rule(rule: Rule) -> Html:
    why = element("details", element("summary", "Why"), *prose.blocks(rule.why, filled=False), class_="why")
    return together([why, element("p", element("b", "Fix: "), prose.line(" ".join(rule.fix.split()), filled=False))])


# --- what the matrix says ---


def _facts(finding: Finding, kernel: Kernel) -> Html:
    """The rows of the matrix that matter: of the flags and scopes that the remark names."""
    found = facts_of(finding, kernel)
    rows = [*_flag_rows(found.flags), *(row for one in found.scopes for row in _scope_row(one))]
    if not rows:
        return Html()
    title = f"The flag-scope matrix at Linux {kernel.version[0]}.{kernel.version[1]}"
    return element("dl", *rows, class_="facts", aria_label=title)


def _flag_rows(flags: Sequence[Flag]) -> Iterator[Html]:
    for flag in flags:
        yield element("dt", element("code", flag.name))
        yield element("dd", prose.line(flag.meaning))
        yield element("dd", *_sides(flag))


def _sides(flag: Flag) -> Iterator[Html]:
    for does, said in (("set by a scope: ", flag.on), ("cleared by a scope: ", flag.off)):
        yield element("div", does, verdict(said.word), " ", prose.line(said.why))


def _scope_row(scope: ScopeKind) -> Iterator[Html]:
    yield element("dt", element("code", scope.flag))
    yield element("dd", "scope: ", verdict(scope.verdict), " ", prose.line(scope.why))
