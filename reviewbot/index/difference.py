"""Compares two trees of a repository: only folders whose ids differ are listed."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

Listing = Callable[[str], Mapping[str, str]]  # see Folders


def difference(listing: Listing, old: str, new: str, start: str = "") -> Iterator[tuple[str, str]]:
    """The paths whose content is another one in `new`, or is only in one of both; with its id there, "" for none.

    `old` and `new` name trees; "" is an empty one.
    """
    before = listing(old) if old else {}
    after = listing(new) if new else {}
    for name in sorted(before.keys() | after.keys()):
        here, there = before.get(name, ""), after.get(name, "")
        if here != there and name.endswith("/"):
            yield from difference(listing, here, there, start + name)
        elif here != there:
            yield start + name, there
