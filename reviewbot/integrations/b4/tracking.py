"""Parses b4's tracking data of a series, JSON, and checks what a review needs of it.

b4 0.16 keeps it in the message of the commit at the tip of b4/review/<change-id> (load_tracking()), and writes it to
the file that B4_TRACKING_FILE names. Most of it comes from messages: nothing in it is trusted, not even its types.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from msgspec import Struct

from reviewbot.model.errors import InputError

MARKER = "--- b4-review-tracking ---"
PREFIX = "b4/review/"
_ID = re.compile(r"[0-9a-f]{40,64}")
_REF = re.compile(r"(?!.*(?:\.\.|//|@\{))[^\x00-\x20\x7f~^:?*\[\\]+")


class Comment(Struct, frozen=True):
    """A review comment in b4: `text` below the diff line `content` ("" if that is not known). `line`: 1-based."""

    who: str
    path: str  # without the a/ or b/ in front of it
    line: int
    content: str
    text: str


class TrackedPatch(Struct, frozen=True):
    """One patch of the series. `message_id`: without brackets; `skipped`: its maintainer wants no review of it."""

    message_id: str
    title: str
    skipped: bool
    comments: tuple[Comment, ...] = ()


class Tracking(Struct, frozen=True):
    """The tracking data of a series. `base`: the base commit; `first`: the commit of patch 1; "" for an unknown one.

    `prior`: the maintainer's review of the version before; `blobs`: (key, blob id) of the discussions that b4 stored.
    """

    change_id: str
    subject: str
    base: str
    first: str
    patches: tuple[TrackedPatch, ...]
    skipped: bool
    prior: str
    blobs: tuple[tuple[str, str], ...]

    @property
    def branch(self) -> str:
        """The full ref name of the series' branch; "" if the change-id makes no valid one."""
        return f"refs/heads/{PREFIX}{self.change_id}" if _REF.fullmatch(self.change_id) else ""


def from_message(message: str) -> Tracking:
    """The tracking data in a commit message. Raises InputError if there is none."""
    _, marker, text = message.partition(MARKER)
    if not marker:
        raise InputError("its last commit is not the one that b4 keeps its tracking data in")
    return parse_tracking("\n".join(line for line in text.splitlines() if not line.startswith("#")))


def parse_tracking(text: str) -> Tracking:
    """Parse tracking data. A part of the wrong type counts as absent. Raises InputError for no JSON, and no series."""
    import json

    try:
        data = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InputError(f"b4's tracking data cannot be read: {error}") from error
    series = _table(data, "series")
    if not series:
        raise InputError("b4's tracking data says nothing of a series")
    patches = data.get("patches")
    rows = [row if isinstance(row, dict) else {} for row in patches] if isinstance(patches, list) else []
    blobs = ((key, _id(series, key)) for key in ("thread-context-blob", "prior-thread-context-blob"))
    return Tracking(
        change_id=_text(series, "change-id"),
        subject=_text(series, "subject"),
        base=_id(series, "base-commit"),
        first=_id(series, "first-patch-commit"),
        patches=tuple(map(_patch, rows)),
        skipped=_skipped(series),
        prior=_text(series, "prior-review-context"),
        blobs=tuple((key, one) for key, one in blobs if one),
    )


def _patch(row: dict[str, Any]) -> TrackedPatch:
    msgid = _text(_table(row, "header-info"), "msgid").strip("<> ")
    return TrackedPatch(msgid, _text(row, "title"), _skipped(row), tuple(_comments(row)))


def _reviews(row: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """The review of each reviewer, with its address."""
    for who, review in _table(row, "reviews").items():
        if isinstance(review, dict):
            yield who, review


def _skipped(row: dict[str, Any]) -> bool:
    return any(review.get("patch-state") == "skip" for _, review in _reviews(row))


def _comments(row: dict[str, Any]) -> Iterator[Comment]:
    for who, review in _reviews(row):
        comments = review.get("comments")
        for comment in comments if isinstance(comments, list) else ():
            if isinstance(comment, dict):
                line = comment.get("line")
                path = _text(comment, "path").rstrip("\t")  # git ends a name that has blanks with a tab
                yield Comment(
                    who,
                    path[2:] if path.startswith(("a/", "b/")) else path,
                    line if isinstance(line, int) else 0,
                    _text(comment, "content"),
                    _text(comment, "text"),
                )


def _table(data: Any, key: str) -> dict[str, Any]:
    value = data.get(key) if isinstance(data, dict) else None
    return value if isinstance(value, dict) else {}


def _text(data: dict[str, Any], key: str) -> str:
    value = data.get(key)
    return value if isinstance(value, str) else ""


def _id(data: dict[str, Any], key: str) -> str:
    value = _text(data, key)
    return value if _ID.fullmatch(value) else ""
