"""The page of a rule: what it finds, why, code that it finds and code that it leaves alone, what to do, and where."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from reviewbot.model.kernel import Flag, Rule
from reviewbot.model.review import CONFIDENCES
from reviewbot.report.html import prose
from reviewbot.report.html.element import Html, element, escaped, together
from reviewbot.report.html.verdicts import severity, verdict
from reviewbot.report.site.frame import Site, page
from reviewbot.report.site.history import History, spells, version_name
from reviewbot.report.terminal.explain import named_flags

_DEPTHS = {
    "diff": "the lines that a patch shows",
    "file": "the function, and those that it calls or is called by, as far as they can be read",
    "tree": "whole files, and those around them",
}
_MOST_FLAGS = 6


def rule_page(rule: Rule, site: Site) -> str:
    """The page."""
    sure = element("span", f"{rule.confidence} confidence", class_="faint")
    head = element("p", severity(rule.severity), " ", sure, class_="headline")
    parts: list[Html] = [head, element("p", prose.line(" ".join(rule.summary.split()), filled=False), class_="asked")]
    parts += [element("h2", "Why"), *prose.blocks(rule.why, filled=False)]
    parts += [*_examples("Found", "bad", rule.bad), *_examples("Left alone", "good", rule.good)]
    parts += [element("h2", "What to do"), *prose.blocks(rule.fix, filled=False)]
    parts += [element("h2", "As a reply puts it"), *_replies(rule)]
    parts += [element("h2", "Where it holds"), _where(rule, site.history)]
    if flags := named_flags(rule, site.history.kernels[-1])[:_MOST_FLAGS]:
        parts += [element("h2", "What the matrix says"), _flags(flags)]
    parts += [element("h2", "Options"), _options(rule, site.surfaces)]
    if rule.see:
        rows = (element("li", prose.sourced(" ".join(one.split()))) for one in rule.see)
        parts += [element("h2", "Sources"), element("ul", *rows, class_="prose")]
    return page(site, rule.id, f"rules/{rule.id}.html", [element("div", *parts, class_="rule")])


def _examples(title: str, kind: str, examples: Sequence[str]) -> Iterator[Html]:
    for at, example in enumerate(examples):
        text = example.strip("\n").expandtabs(8).split("\n")
        lines = together(map(_code_line, text), Html("\n"))
        head = [element("h2", title)] if at == 0 else []
        yield together([*head, element("pre", element("code", lines), class_=kind, tabindex="0")])


def _code_line(text: str) -> Html:
    """A line of code; what a diff adds or removes is marked."""
    mark = {"+": "ins", "-": "del"}.get(text[:1])
    return element(mark, text) if mark else escaped(text)


def _replies(rule: Rule) -> Iterator[Html]:
    yield element("blockquote", *prose.blocks(rule.question, filled=False))
    if rule.ask:
        yield element("p", "Where it is less sure:", class_="faint")
        yield element("blockquote", *prose.blocks(rule.ask, filled=False))


# --- where ---


def _where(rule: Rule, history: History) -> Html:
    where = history.rule_ranges(rule.id)
    held = history.words(where) or "every version that is known"
    rows = [("Kernels", f"{held}"), ("Reads", _DEPTHS[rule.depth])]
    found = [next((one for one in listed if one.id == rule.id), None) for listed in history.rules]
    facts = spells([None if one is None else tuple(tuple(sorted(row.items())) for row in one.rows) for one in found])
    begins = sorted(first for spell in facts for first, _ in spell.where if first and found[first - 1] is not None)
    if begins:
        changed = ", ".join(version_name(history.kernels[at].version) for at in begins)
        rows.append(("What it looks for changes with", changed))
    if rule.yields_to:
        rows.append(("Says nothing where one of these speaks", ", ".join(rule.yields_to)))
    return _table(rows)


def _table(rows: Sequence[tuple[str, Html | str]]) -> Html:
    cells = (element("tr", element("th", key, scope="row"), element("td", value)) for key, value in rows)
    return element("table", element("tbody", *cells), class_="plain facts")


def _flags(flags: Sequence[Flag]) -> Html:
    heads = element("tr", *(element("th", one, scope="col") for one in ("Flag", "Set", "Clear", "It means")))
    rows = (
        element(
            "tr",
            element("th", element("a", element("code", flag.name), href=f"../matrix.html#{flag.name}"), scope="row"),
            element("td", verdict(flag.on.word)),
            element("td", verdict(flag.off.word)),
            element("td", prose.line(flag.meaning)),
        )
        for flag in flags
    )
    table = element("table", element("thead", heads), element("tbody", *rows), class_="plain")
    return element("div", table, class_="wide", tabindex="0", role="region", aria_label="Rows of the matrix")


# --- options ---


def _options(rule: Rule, surfaces: Mapping[str, str]) -> Html:
    shown = [name for name, bar in surfaces.items() if CONFIDENCES.index(rule.confidence) >= CONFIDENCES.index(bar)]
    hidden = [name for name in surfaces if name not in shown]
    disable, ignored = (element("code", text) for text in (f'disable = ["{rule.id}"]', f'rule = "{rule.id}"'))
    rows: list[tuple[str, Html | str]] = [("Shown by default in", ", ".join(shown) or "no format")]
    if hidden:
        rows.append(("Left out by default of", ", ".join(hidden)))
        rows.append(("To see it there", element("code", f"--min-confidence {rule.confidence}")))
    rows.append(("To switch it off", together([disable, " under ", element("code", "[rules]"), " in config.toml"])))
    ignore = [element("code", "[[ignore]]"), " with ", ignored, ", a path or a function, and a reason"]
    rows.append(("To leave remarks out", together(["a table ", *ignore])))
    return _table(rows)
