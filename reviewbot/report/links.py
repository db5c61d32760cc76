"""Says where the page of a rule is published; `reviewbot pages` writes it there."""

from __future__ import annotations


def page_of(rule: str, pages: str) -> str:
    """The address of a rule's page. `pages`: that of the folder with all of them; "" gives ""."""
    return f"{pages.rstrip('/')}/rules/{rule}.html" if pages else ""
