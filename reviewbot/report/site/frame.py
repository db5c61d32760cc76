"""Puts around each page of the site where one can go from it, and the choice of a kernel version."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from msgspec import Struct

from reviewbot import __version__
from reviewbot.report.html.document import document
from reviewbot.report.html.element import Child, Html, element
from reviewbot.report.site.history import History, version_name

_PAGES = (("index.html", "Rules"), ("matrix.html", "Matrix"), ("scopes.html", "Scopes"))


class Site(Struct, frozen=True):
    """What the pages are made of.

    `digest`: of the rules; `chosen`: the kernel version that is shown at first, "" for every version; `surfaces`: the
    lowest confidence that each place shows.
    """

    history: History
    digest: str
    chosen: str = ""
    surfaces: Mapping[str, str] = {}


def page(site: Site, title: str, name: str, body: Sequence[Child]) -> str:
    """The text of a page called `name`, a path within the site."""
    up = "../" * name.count("/")
    links = [element("a", said, href=up + path, aria_current="page" if path == name else "") for path, said in _PAGES]
    head = element("header", element("nav", element("b", "reviewbot"), *links, aria_label="Pages"), class_="top")
    foot = element("footer", element("p", f"reviewbot {__version__}, rules {site.digest}", class_="faint"))
    whole = [head, element("main", element("h1", title), *body), foot]
    if up:
        return document(f"{title} – reviewbot", whole, ("base.css", "site.css"))
    whole.insert(1, _choice(site.history, site.chosen))
    return document(f"{title} – reviewbot", whole, ("base.css", "site.css"), ("site.js",))


def _choice(history: History, chosen: str) -> Html:
    """What a script makes usable: without one a page shows every version, and says of each row where it holds."""
    names = [version_name(kernel.version) for kernel in history.kernels]
    every = element("option", "every version", value="all")
    options = [element("option", name, value=str(at), selected=name == chosen) for at, name in enumerate(names)]
    chooser = element("select", every, *reversed(options), id="kernel")
    label = element("label", "Linux ", chooser, for_="kernel")
    return element("div", label, element("span", id="shown", role="status"), class_="tools", id="tools", hidden=True)
