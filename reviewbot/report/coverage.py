"""Says what "clean" covers: how far calls were followed, and how many leave that."""

from __future__ import annotations

from reviewbot.model.review import WIDTHS, Review


def width_of(review: Review) -> str:
    """How far calls were followed in all patches, one of WIDTHS; "" where nothing was read."""
    return min((one.width for one in review.patches if one.width), key=WIDTHS.index, default="")


def clean_words(review: Review) -> str:
    """The verdict on a review without remarks of which all was read."""
    width = width_of(review)
    return "clean" if width in ("", WIDTHS[0]) else f"clean (calls followed through the {width})"


def left_calls(review: Review) -> str:
    """How many calls nobody has followed that may matter, on one line; "" for none."""
    count = sum(one.calls_left or 0 for one in review.patches)
    if not count:
        return ""
    calls, leave = ("call", "leaves") if count == 1 else ("calls", "leave")
    return f"{count} new {calls} under a lock or in a scope {leave} what was read"
