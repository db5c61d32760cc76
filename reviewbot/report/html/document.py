"""Puts a page together: one file that looks as it should by itself and asks nobody for anything.

A policy in its head (Content Security Policy, level 2) allows the style and the script of the page by their sums and
nothing else, so that markup which came in with a mail could not run, nor fetch, whatever else went wrong.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from functools import cache
from pathlib import Path

from reviewbot.report.html.element import Child, Html, element, together

MARK = '<meta name="generator" content="reviewbot">'  # within the first kilobyte of each page
_ASSETS = Path(__file__).with_name("assets")


def document(title: str, body: Sequence[Child], styles: Sequence[str], scripts: Sequence[str] = ()) -> str:
    """The text of a page. `styles`, `scripts`: names of files in assets/."""
    style, script = ("".join(map(asset, names)) for names in (styles, scripts))
    allowed = ["default-src 'none'", f"style-src {_sum(style)}", "base-uri 'none'", "form-action 'none'"]
    allowed += [f"script-src {_sum(script)}"] if script else []
    head = [
        element("meta", charset="utf-8"),
        element("meta", http_equiv="Content-Security-Policy", content="; ".join(allowed)),
        Html(MARK),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("meta", name="color-scheme", content="light dark"),
        element("meta", name="referrer", content="no-referrer"),
        element("title", title),
        element("style", Html(style)),
    ]
    last = [element("script", Html(script))] if script else []
    row = Html("\n")
    page = element("html", row, element("head", together(head, row)), row, element("body", *body, *last), lang="en")
    return f"<!doctype html>\n{page}\n"


def _sum(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


@cache
def asset(name: str) -> str:
    """The text of a file in assets/."""
    return (_ASSETS / name).read_text(encoding="utf-8")
