"""Makes all pages of the site out of the facts of every version. Pure: the same facts make the same bytes."""

from __future__ import annotations

from collections.abc import Iterator

from reviewbot.report.site import index, matrix, scopes
from reviewbot.report.site.frame import Site
from reviewbot.report.site.rule_page import rule_page


def site_pages(site: Site) -> Iterator[tuple[str, bytes]]:
    """Each page as its path in the folder of the site, and its content."""
    yield index.NAME, index.index_page(site).encode()
    yield matrix.NAME, matrix.matrix_page(site).encode()
    yield scopes.NAME, scopes.scopes_page(site).encode()
    for rule in index.every_rule(site.history):
        yield f"rules/{rule.id}.html", rule_page(rule, site).encode()
