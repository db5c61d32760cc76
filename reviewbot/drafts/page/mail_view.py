"""Shows a drafted mail as it will go out: the fields that people read, the text, and on demand the whole header."""

from __future__ import annotations

import email
import re
from collections.abc import Iterator, Sequence
from itertools import groupby

from reviewbot.drafts.page.body_text import body_text, header_bytes
from reviewbot.drafts.page.place import PagePlace
from reviewbot.mail.body import Policy
from reviewbot.mail.headers import decoded_words, header
from reviewbot.memory.drafts import KeptDraft
from reviewbot.model.errors import UsageError
from reviewbot.report.html.element import Html, element, escaped, together
from reviewbot.support.escape import clip

_FIELDS = ("From", "To", "Cc", "Subject", "Date")
_MOST_ROWS = 5_000  # rows of a text that are shown; its form has all
_LONGEST = 2_000  # characters of a row, and of a field


def mail_view(draft: KeptDraft, place: PagePlace, form: Html) -> Html:
    """The section with the mail of a draft. `form`: the one for its text, which stands between header and text."""
    changed = " The text was edited." if draft.edited is not None else ""
    parts = [
        element("h2", "The mail", element("span", changed, class_="faint"), id="mail-title"),
        element("div", _fields(draft.mail), _whole_header(draft.mail), class_="head-of-mail"),
        form,
        _text(draft.mail, place, "Text of the mail"),
    ]
    if draft.edited is not None:
        before = _text(draft.content, place, "Text as reviewbot wrote it")
        parts.append(element("details", element("summary", "As reviewbot wrote it"), before))
    return element("section", *parts, class_="mail", aria_labelledby="mail-title")


def _fields(mail: bytes) -> Html:
    message = email.message_from_bytes(header_bytes(mail) + b"\n\n", policy=Policy())
    told = ((name, clip(decoded_words(header(message, name.lower())), _LONGEST)) for name in _FIELDS)
    rows = (element("div", element("dt", name), element("dd", value)) for name, value in told if value)
    return element("dl", *rows, class_="fields")


def _whole_header(mail: bytes) -> Html:
    rows = header_bytes(mail).decode("utf-8", "surrogateescape").split("\n")
    shown = together([clip(row.rstrip("\r"), _LONGEST) for row in rows[:_MOST_ROWS]], Html("\n"))
    return element("details", element("summary", "Whole header"), element("pre", shown, tabindex="0"))


def _text(mail: bytes, place: PagePlace, called: str) -> Html:
    try:
        rows = body_text(mail).rstrip("\n").split("\n")
    except UsageError as error:
        rows = mail.decode("utf-8", "surrogateescape").split("\n")
        called = f"The mail as it is, for {error}"
    shown = [*_runs(rows[:_MOST_ROWS], place)]
    if len(rows) > _MOST_ROWS:
        shown.append(element("b", f"{len(rows) - _MOST_ROWS} more lines are not shown."))
    return element("pre", *shown, tabindex="0", role="region", aria_label=called)


def _runs(rows: Sequence[str], place: PagePlace) -> Iterator[Html]:
    """Lines that are quoted set apart from those that are written."""
    for quoted, found in groupby(rows, lambda row: row.startswith(">")):
        text = together([_row(row, place) for row in found], Html("\n"))
        yield element("span", text, Html("\n"), class_="quoted" if quoted else "")


def _row(row: str, place: PagePlace) -> Html:
    """A line; only what leads to the archive of the lists is a link."""
    row = f"{row[:_LONGEST]} [{len(row) - _LONGEST} more characters]" if len(row) > _LONGEST else row
    if not place.archive or place.archive not in row:
        return escaped(row)
    parts: list[Html] = []
    at = 0
    for found in re.finditer(re.escape(place.archive.rstrip("/")) + r"/[\w.@%/+=~-]*", row, re.ASCII):
        parts += [escaped(row[at : found.start()]), element("a", found[0], href=found[0], rel="noreferrer")]
        at = found.end()
    return together([*parts, row[at:]])
