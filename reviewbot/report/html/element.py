"""Builds HTML out of elements. Text is escaped unless it is Html, so that what is forgotten is escaped as well.

Characters that a reader would not see, or that would turn the text around, are shown as a terminal shows them; see
support.escape.visible().
"""

from __future__ import annotations

import html
from collections.abc import Iterable

from reviewbot.support.escape import visible

# elements that have no end
_VOID = frozenset(("input", "link", "meta"))


class Html(str):
    """Markup that may go into a page as it is."""

    __slots__ = ()


Child = Html | str


def escaped(text: str) -> Html:
    """A text as markup that shows it, for between tags and within an attribute."""
    return text if isinstance(text, Html) else Html(html.escape(visible(text)))


def element(name: str, /, *children: Child, **attributes: str | bool) -> Html:
    """An element: its children one after the other, a text among them escaped.

    Of the attributes `class_` is class, `data_v` data-v; one that is False or "" is left out, and True has no value.
    """
    head = "".join(
        f" {key.strip('_').replace('_', '-')}" + ("" if value is True else f'="{escaped(str(value))}"')
        for key, value in attributes.items()
        if value is not False and value != ""
    )
    if name in _VOID:
        return Html(f"<{name}{head}>")
    return Html(f"<{name}{head}>{together(children)}</{name}>")


def together(children: Iterable[Child], between: Child = "") -> Html:
    """Children one after the other, each escaped unless it is markup."""
    return Html(escaped(between).join(map(escaped, children)))
