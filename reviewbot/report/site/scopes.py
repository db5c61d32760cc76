"""The page of the scopes: what each makes of a request below it, alone and within another scope."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from reviewbot.model.kernel import ScopeKind
from reviewbot.report.html import prose
from reviewbot.report.html.element import Html, element, together
from reviewbot.report.html.verdicts import verdict
from reviewbot.report.site.effects import FORBIDDEN, SAME, effects, sentence, usual_masks
from reviewbot.report.site.frame import Site, page
from reviewbot.report.site.history import History, Spell, marked, ranges, spells
from reviewbot.report.site.nesting import nested

NAME = "scopes.html"
_ABOUT = (
    "What a request means below each scope. A scope changes the mask of every allocation that is made below it, or "
    "forbids it to sleep; the mask in the code stays as it is written."
)
_FAMILIES = {
    "memalloc": "memalloc scopes",
    "expression": "Around an expression",
    "handle": "Handles that open such a scope",
    "memcg": "Charging",
}
_ATOMIC = {
    "lock": "Spinning locks",
    "rcu": "RCU read sides",
    "preempt": "Preemption off",
    "irq": "Interrupts off",
    "bh": "Bottom halves off",
}


def scopes_page(site: Site) -> str:
    """The page."""
    history = site.history
    parts = [element("p", _ABOUT), _key(), _table(history)]
    parts += [element("h2", "One scope within another", id="nested"), *nested(history)]
    parts += [element("h2", "What each scope is"), *_described(history)]
    return page(site, "The scopes", NAME, parts)


def _key() -> Html:
    signs = (
        (SAME, "the mask stays as it is written"),
        ("name", "it means this mask instead"),
        ("− bit", "it loses this bit, + it gets it"),
        (FORBIDDEN, "the request may sleep, which is not allowed there"),
    )
    rows = (element("div", element("dt", _cell(sign)), element("dd", said)) for sign, said in signs)
    return element("dl", *rows, class_="legend")


# --- the table ---


def _masks(history: History) -> tuple[str, ...]:
    return tuple(dict.fromkeys(flag.name for kernel in reversed(history.kernels) for flag in usual_masks(kernel)))


def _table(history: History) -> Html:
    masks = _masks(history)
    heads = element("tr", element("th", "Scope", scope="col"), *(_mask_head(name, history) for name in masks))
    bodies = []
    for family, title in _FAMILIES.items():
        names = [name for name in history.scopes() if _family(name, history) == family]
        rows = [_row(name, spell, masks, history) for name in names for spell in _spells(name, history)]
        bodies.append(_body(title, rows, len(masks)))
    bodies.append(_body("Atomic: nothing below may sleep", [*_atomic(masks, history)], len(masks)))
    table = element("table", element("thead", heads), *bodies, class_="plain grid")
    called = "What each scope makes of a mask"
    return element("div", table, class_="wide", tabindex="0", role="region", aria_label=called)


def _mask_head(name: str, history: History) -> Html:
    where = history.ranges(lambda kernel: name in kernel.flags)
    return element("th", element("code", name), history.life(where), scope="col")


def _body(title: str, rows: Sequence[Html], columns: int) -> Html:
    head = element("tr", element("th", title, colspan=str(columns + 1), scope="colgroup"), class_="group")
    return element("tbody", head, *rows, data_group=True)


def _family(name: str, history: History) -> str:
    return next(kernel.scopes[name].family for kernel in reversed(history.kernels) if name in kernel.scopes)


def _spells(name: str, history: History) -> list[Spell[ScopeKind]]:
    return spells([kernel.scopes.get(name) for kernel in history.kernels])


def _row(name: str, spell: Spell[ScopeKind], masks: Sequence[str], history: History) -> Html:
    sign = verdict(spell.value.verdict) if spell.value.flag else Html()
    head = element("th", element("a", name, href=f"#{name}"), " ", sign, history.life(spell.where), scope="row")
    found = [kernel.scopes.get(name) for kernel in history.kernels]
    return _cells(head, [one if one == spell.value else None for one in found], masks, history)


def _atomic(masks: Sequence[str], history: History) -> Iterator[Html]:
    """A row for each family of atomic regions: they are alike, whichever lock it is."""
    for family, title in _ATOMIC.items():
        found = [
            next((scope for scope in kernel.scopes.values() if scope.atomic and scope.family == family), None)
            for kernel in history.kernels
        ]
        yield _cells(element("th", title, scope="row"), found, masks, history)


def _cells(head: Html, found: Sequence[ScopeKind | None], masks: Sequence[str], history: History) -> Html:
    """A row. `found`: the scope at each version, None where the row does not hold."""
    said = [
        None if scope is None else effects(kernel, [scope], masks)
        for kernel, scope in zip(history.kernels, found, strict=True)
    ]
    cells = [_spelled([(one and one[at]) or None for one in said], history) for at in range(len(masks))]
    where = marked(ranges([scope is not None for scope in found]))
    return element("tr", head, *(element("td", cell) for cell in cells), data_v=where, data_row=True)


def _spelled(said: Sequence[str | None], history: History) -> Html:
    """What a scope makes of one mask: once where that is the same at all versions, else with the versions."""
    found = spells(said)
    if len(found) == 1:
        return _cell(found[0].value)
    return together(
        element("div", _cell(one.value), history.life(one.where), data_v=marked(one.where)) for one in found
    )


def _cell(said: str) -> Html:
    if said == SAME:
        return element("span", SAME, class_="same")
    if said == FORBIDDEN:
        return element("span", FORBIDDEN, class_="effect unsafe")
    return element("code", said, class_="effect changed")


# --- each scope in words ---


def _described(history: History) -> Iterator[Html]:
    for name in history.scopes():
        for at, spell in enumerate(reversed(_spells(name, history))):
            yield _scope(spell, f"{name}.{at}" if at else name, history)


def _scope(spell: Spell[ScopeKind], anchor: str, history: History) -> Html:
    scope = spell.value
    sign = verdict(scope.verdict) if scope.flag else element("span", scope.family, class_="faint")
    head = element("summary", element("code", scope.name), history.life(spell.where), " ", sign)
    entered = [*(f"{gate.call}({gate.has})" for gate in scope.enter), *(f"guard({name})" for name in scope.guards)]
    left = [f"{gate.call}()" for gate in scope.leave]
    parts = [element("p", prose.line(sentence(scope)))]
    parts += [element("p", prose.line(scope.why))] if scope.why else []
    parts += [_calls("Entered by", entered), _calls("Left by", left)]
    if scope.source:
        parts.append(element("p", prose.sourced(scope.source), class_="source"))
    return element(
        "details", head, element("div", *parts, class_="reasons"), id=anchor, data_v=marked(spell.where), class_="row"
    )


def _calls(title: str, calls: Sequence[str]) -> Html:
    names = together([element("code", call) for call in calls], ", ") if calls else "the end of its block"
    return element("div", element("b", title), element("div", names), class_="told")
