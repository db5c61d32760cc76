"""The page of the flag-scope matrix: may a scope set or clear a flag for every allocation made below it?

A row is a flag, and opens to the reasons. Every version is on the page; each part says at which ones it holds.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from reviewbot.model.kernel import Flag, Kernel, Lifetime, Verdict
from reviewbot.report.html import prose
from reviewbot.report.html.element import Html, element, together
from reviewbot.report.html.verdicts import legend, verdict
from reviewbot.report.site.frame import Site, page
from reviewbot.report.site.history import History, Ranges, Spell, marked, ranges, spells

NAME = "matrix.html"
_ASKED = "May a scope set or clear a flag for every allocation made below it?"
_HEADS = ("Flag", "A scope sets it", "A scope clears it", "Scope call today")
_GROUPS = {
    "zone": "Zones",
    "placement": "Mobility and placement",
    "watermark": "Watermarks and reserves",
    "reclaim": "Reclaim",
    "retry": "Retries",
    "action": "Actions",
    "request": "Compounds that requests start from",
    "test": "Compounds that masks are tested against",
}


def matrix_page(site: Site) -> str:
    """The page."""
    parts = [element("p", _ASKED, class_="asked"), legend()]
    groups: dict[str, list[Html]] = {}
    for name in site.history.flags():
        found = spells([_shown(kernel.flags.get(name)) for kernel in site.history.kernels])
        for at, spell in enumerate(reversed(found)):
            anchor = f"{name}.{at}" if at else name
            groups.setdefault(spell.value.group, []).append(_row(name, anchor, spell, site.history))
    for group in sorted(groups, key=lambda name: [*_GROUPS, name].index(name)):
        parts.append(_group(_GROUPS.get(group, group), groups[group]))
    return page(site, "The flag-scope matrix", NAME, [*parts, *_names(site.history)])


def _shown(flag: Flag | None) -> Flag | None:
    """A flag without what its row says of each version apart."""
    if flag is None:
        return None
    bits = flag.bits if flag.kind == "bit" else frozenset[str]()
    return Flag(
        flag.name,
        flag.kind,
        flag.group,
        bits,
        flag.meaning,
        _bare(flag, flag.on),
        _bare(flag, flag.off),
        (),
        flag.requested,
        flag.internal,
        flag.base,
    )


def _bare(flag: Flag, said: Verdict) -> Verdict:
    """What is said of a compound follows from its bits, which are listed."""
    return said if flag.kind == "bit" else Verdict(said.word, "", "")


def _group(title: str, rows: list[Html]) -> Html:
    heads = element("div", *(element("span", head) for head in _HEADS), class_="heads", aria_hidden="true")
    return element("section", element("h2", title), heads, *rows, class_="matrix", data_group=True)


# --- a row ---


def _row(name: str, anchor: str, spell: Spell[Flag], history: History) -> Html:
    flag = spell.value
    api = [*_dated(history, lambda kernel: _api(kernel, name))]
    cells = [
        element("span", element("code", name), history.life(spell.where), class_="name"),
        verdict(flag.on.word, "set: "),
        verdict(flag.off.word, "clear: "),
        element("span", *api, class_="api") if api else Html(),
    ]
    head = element("summary", *cells)
    return element(
        "details", head, _reasons(flag, history), id=anchor, data_v=marked(spell.where), data_row=True, class_="row"
    )


def _api(kernel: Kernel, name: str) -> tuple[str, ...]:
    flag = kernel.flags.get(name)
    return flag.api if flag is not None else ()


def _dated(history: History, listed: Callable[[Kernel], tuple[str, ...]]) -> Iterator[Html]:
    """The items of a list that is not the same at every version, each with where it is in it."""
    every = dict.fromkeys(item for kernel in history.kernels for item in listed(kernel))
    for item in every:
        where = ranges([item in listed(kernel) for kernel in history.kernels])
        yield element("span", element("code", item), history.life(where), data_v=marked(where), class_="item")


def _reasons(flag: Flag, history: History) -> Html:
    notes = ["For mm/ alone."] if flag.internal else []
    parts = [element("p", prose.line(" ".join((flag.meaning, *notes))))]
    if flag.kind == "bit":
        parts += [_side("Set", flag.on), _side("Clear", flag.off)]
        if flag.requested:
            parts.append(_told("Requested", prose.line(flag.requested)))
        parts.append(_told("Part of", together(_dated(history, lambda kernel: _holders(kernel, flag.name)))))
    else:
        parts.append(_told("Bits", together(_dated(history, lambda kernel: _bits(kernel, flag.name)))))
        parts.append(
            element("p", "A scope may do with it what it may do with the strictest of its bits.", class_="faint")
        )
    return element("div", *parts, class_="reasons")


def _side(does: str, said: Verdict) -> Html:
    source = element("span", prose.sourced(said.source), class_="source")
    return _told(does, together([verdict(said.word), " ", prose.line(said.why), " ", source]))


def _told(key: str, value: Html) -> Html:
    return element("div", element("b", key), element("div", value or "none"), class_="told")


def _holders(kernel: Kernel, name: str) -> tuple[str, ...]:
    return tuple(flag.name for flag in kernel.flags.values() if flag.kind != "bit" and name in flag.bits)


def _bits(kernel: Kernel, name: str) -> tuple[str, ...]:
    flag = kernel.flags.get(name)
    return tuple(sorted(flag.bits)) if flag is not None else ()


# --- names that are not in every version ---


def _names(history: History) -> Iterator[Html]:
    spans = [span for span in history.kernels[-1].spans.values() if span.since or span.until]
    heads = element("tr", *(element("th", head, scope="col") for head in ("Name", "Kernels", "Instead", "Note")))
    rows = [_name(span, history) for span in spans]
    table = element("table", element("thead", heads), element("tbody", *rows), class_="plain")
    yield element("h2", "Names that a kernel may lack")
    said = "With a version chosen, the names that it lacks. Code that is moved between versions breaks here."
    yield element("p", said, class_="faint")
    yield element("div", table, class_="wide", tabindex="0", role="region", aria_label="Names that a kernel may lack")


def _name(span: Lifetime, history: History) -> Html:
    lacked: Ranges = history.ranges(lambda kernel: not span.holds(kernel.version))
    begin = f"{span.since[0]}.{span.since[1]}" if span.since else ""
    end = f"{span.until[0]}.{span.until[1]}" if span.until else ""
    words = (
        "none"
        if span.never
        else " ".join(filter(None, [f"since {begin}" if begin else "", f"before {end}" if end else ""]))
    )
    cells = [
        element("th", element("code", span.name), scope="row"),
        element("td", words),
        element("td", element("code", span.instead) if span.instead else ""),
        element("td", prose.line(span.note)),
    ]
    return element("tr", *cells, data_v=marked(lacked) or "never")
