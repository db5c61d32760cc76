"""b4's tracking data of a series, as JSON, in; what a review needs of it, checked, out.

b4 0.16 keeps it in the message of the commit at the tip of b4/review/<change-id> (load_tracking()), and writes it to
the file that B4_TRACKING_FILE names. Most of it comes from mails: nothing in it can be relied on, not even its shape.
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
    """What somebody has already remarked in b4: `text` below the diff line `content` ("" where that is not known)."""

    who: str
    path: str  # without the a/ or b/ in front of it
    line: int
    content: str
    text: str


class TrackedPatch(Struct, frozen=True):
    """One patch of the series; `skipped`: its maintainer wants no review of it."""

    message_id: str
    title: str
    skipped: bool
    comments: tuple[Comment, ...] = ()


class Tracking(Struct, frozen=True):
    """`first`: the commit of the first patch, `base`: the one the series is applied to; "" where it is not said.

    `prior`: what the maintainer said of the version before; `blobs`: what others said, as ids of git blobs by the key
    that names them.
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
        """The full name of the branch that b4 keeps the series on; "" where none can be meant."""
        return f"refs/heads/{PREFIX}{self.change_id}" if _REF.fullmatch(self.change_id) else ""


def from_message(message: str) -> Tracking:
    """The data in a commit's message. Raises InputError where there is none."""
    _, marker, text = message.partition(MARKER)
    if not marker:
        raise InputError("its last commit is not the one that b4 keeps its tracking data in")
    return parse_tracking("\n".join(line for line in text.splitlines() if not line.startswith("#")))


def parse_tracking(text: str) -> Tracking:
    """Raises InputError for what is no such data; a part that has the wrong shape counts as absent."""
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
    """What each reviewer has said, by address."""
    for who, said in _table(row, "reviews").items():
        if isinstance(said, dict):
            yield who, said


def _skipped(row: dict[str, Any]) -> bool:
    return any(said.get("patch-state") == "skip" for _, said in _reviews(row))


def _comments(row: dict[str, Any]) -> Iterator[Comment]:
    for who, said in _reviews(row):
        found = said.get("comments")
        for one in found if isinstance(found, list) else ():
            if isinstance(one, dict):
                line = one.get("line")
                path = _text(one, "path").rstrip("\t")  # git ends a name that has blanks with a tab
                yield Comment(
                    who,
                    path[2:] if path.startswith(("a/", "b/")) else path,
                    line if isinstance(line, int) else 0,
                    _text(one, "content"),
                    _text(one, "text"),
                )


def _table(data: Any, key: str) -> dict[str, Any]:
    found = data.get(key) if isinstance(data, dict) else None
    return found if isinstance(found, dict) else {}


def _text(data: dict[str, Any], key: str) -> str:
    found = data.get(key)
    return found if isinstance(found, str) else ""


def _id(data: dict[str, Any], key: str) -> str:
    found = _text(data, key)
    return found if _ID.fullmatch(found) else ""
