"""The first page of the site: what this is, and all rules in a table."""

from __future__ import annotations

from reviewbot.model.kernel import Rule
from reviewbot.model.review import SEVERITIES
from reviewbot.report.html import prose
from reviewbot.report.html.element import Html, element
from reviewbot.report.html.verdicts import severity
from reviewbot.report.site.frame import Site, page
from reviewbot.report.site.history import History, marked

NAME = "index.html"
_ABOUT = (
    "reviewbot reads a patch and says what a memory allocation may not do where it stands: its GFP flags, the "
    "memalloc scopes around it, the locks it is under. Each rule has a page with the reason, code that it finds and "
    "code that it leaves alone. What is set in italics here is filled in with the names of the code."
)


def index_page(site: Site) -> str:
    """The page."""
    heads = ("Rule", "Severity", "Confidence", "What the patch has")
    head = element("tr", *(element("th", one, scope="col") for one in heads))
    rows = [_row(rule, site.history) for rule in every_rule(site.history)]
    table = element("table", element("thead", head), element("tbody", *rows), class_="plain rules")
    where = element(
        "p",
        "What a scope may do with a flag: ",
        element("a", "the flag-scope matrix", href="matrix.html"),
        ". What a scope makes of a request: ",
        element("a", "the scopes", href="scopes.html"),
        ".",
    )
    wide = element("div", table, class_="wide", tabindex="0", role="region", aria_label="Rules")
    return page(site, "Rules", NAME, [element("p", prose.line(_ABOUT)), where, wide])


def every_rule(history: History) -> list[Rule]:
    """All rules of any version, each as the newest version has it; the worst first, then by id."""
    rules = {rule.id: rule for listed in history.rules for rule in listed}
    return sorted(rules.values(), key=lambda rule: (-SEVERITIES.index(rule.severity), rule.id))


def _row(rule: Rule, history: History) -> Html:
    where = history.rule_ranges(rule.id)
    name = element("a", rule.id, href=f"rules/{rule.id}.html")
    cells = [
        element("th", name, history.life(where), scope="row"),
        element("td", severity(rule.severity)),
        element("td", rule.confidence),
        element("td", prose.line(" ".join(rule.summary.split()), filled=False)),
    ]
    return element("tr", *cells, data_v=marked(where), data_row=True)
