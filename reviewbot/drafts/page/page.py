"""Puts the page of a draft together: the list of all at the left, and the one that is decided about."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct

from reviewbot.drafts.page.basis import basis
from reviewbot.drafts.page.decide import decisions, edit_form
from reviewbot.drafts.page.mail_view import mail_view
from reviewbot.drafts.page.place import SCRIPT, STYLE, PagePlace
from reviewbot.drafts.page.queue import SEND, DraftQueue, queue_nav, short_age
from reviewbot.memory.drafts import APPROVED, DROPPED, OPEN, PLACED, WAITING, KeptDraft, Point
from reviewbot.model.review import Review
from reviewbot.report.html.document import asset
from reviewbot.report.html.element import Child, Html, element, together
from reviewbot.report.remarks import ReportContext
from reviewbot.support.escape import clip

_LONGEST = 400  # characters of a subject, a name or a reason
_KEYS = (
    ("j k", "next draft, the one before"),
    ("a", "approve, and go to the next one that waits"),
    ("h", "hold back what is approved"),
    ("e", "edit the text; Ctrl+Enter keeps it, Esc leaves it"),
    ("d", "drop, then w, k or l for the reason, or Esc"),
    ("u", "take a dropped one up again"),
    ("n p", "next remark, the one before"),
    ("?", "these keys"),
)


class DraftView(Struct, frozen=True):
    """A draft with what is known of it; `review` and `context` are None where it is not kept.

    `refused`: why something was not done; `typed`: the text that somebody wrote then.
    """

    draft: KeptDraft
    points: Sequence[Point] = ()
    review: Review | None = None
    context: ReportContext | None = None
    refused: str = ""
    typed: str | None = None


def draft_page(shown: DraftView, queue: DraftQueue, place: PagePlace, now: float, said: Html | str = "") -> str:
    """The page of a draft. `said`: what was done just now."""
    draft = shown.draft
    before, after = queue.beside(draft.number)
    parts = [
        *_said(said, shown.refused),
        _head(draft, place, now),
        decisions(draft, place, before, after),
        mail_view(draft, place, edit_form(draft, place, shown.typed)),
        *basis(shown.points, shown.review, shown.context),
    ]
    waits = f"({queue.waiting}) " if queue.waiting else ""
    title = f"{waits}{clip(draft.subject, _LONGEST)}"
    return _document(title, queue_nav(queue, draft.number, place, now), parts, place)


def empty_page(queue: DraftQueue, place: PagePlace, now: float, said: Html | str = "", refused: str = "") -> str:
    """The page where there is nothing to decide about, or not what was asked for."""
    there = sum(queue.counts.values())
    told = "No draft waits." if there else "There are no drafts yet. "
    more = [] if there else [element("code", "reviewbot watch"), " makes them."]
    parts = [*_said(said, refused), element("h1", "Drafts"), element("p", told, *more)]
    return _document("Drafts", queue_nav(queue, 0, place, now), parts, place)


def done_line(number: int, done: str, place: PagePlace) -> Html:
    """What was done, in words: `done` is one of the words of DONE."""
    told: list[Child] = [element("a", f"Draft {number}", href=place.draft(number)), f" {DONE[done]}"]
    return together([*told, " ", element("code", SEND), " sends it."] if done == "approved" else told)


DONE = {
    "approved": "is approved;",
    "held": "waits again.",
    "kept": "has the text that you wrote.",
    "dropped": "is dropped.",
    "restored": "waits again.",
}


def _said(said: Html | str, refused: str) -> list[Html]:
    wrong = element("p", f"Not done: {refused}.", role="alert", class_="refused") if refused else Html()
    return [element("p", said, role="status", id="said"), wrong]


def _head(draft: KeptDraft, place: PagePlace, now: float) -> Html:
    archive = place.message(draft.in_reply_to)
    told: list[Child] = [
        f"{short_age(now - draft.made)} old" if now - draft.made >= 60 else "new",
        f"{draft.confidence} confidence",
        clip(draft.list, _LONGEST),
        f"to {clip(draft.author, _LONGEST)}",
        element("a", "thread in the archive", href=archive, rel="noreferrer") if archive else "",
    ]
    state = element("span", draft.state, class_=f"state {draft.state}")
    meta = together([one for one in told if one], Html(" · "))
    return element(
        "header",
        element("h1", clip(draft.subject, _LONGEST)),
        element("p", state, " ", meta, class_="meta"),
        element("p", clip(draft.reason, _LONGEST), class_="reason") if draft.reason else Html(),
        *_state(draft),
    )


def _state(draft: KeptDraft) -> list[Html]:
    """What a state means for what can be done."""
    if draft.state == WAITING:
        return []
    if draft.state == APPROVED:
        return [element("p", "This page sends nothing: ", element("code", SEND), " does.", class_="next")]
    why = f": {clip(draft.note, _LONGEST)}" if draft.note else ""
    if draft.state == PLACED:
        said = f"It lies in {draft.folder}, where your mail program has it."
    else:
        said = f"It is {draft.state}{why}. Nothing is left to decide."
        if draft.state == DROPPED:
            said = f"It is dropped{why}."
    return [element("p", said, class_="next")] if draft.state not in OPEN else []


def _document(title: str, left: Html, parts: Sequence[Child], place: PagePlace) -> str:
    row = Html("\n")
    head = [
        element("meta", charset="utf-8"),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("meta", name="color-scheme", content="light dark"),
        element("title", f"{title} – drafts"),
        element("link", rel="stylesheet", href=place.top + STYLE),
        element("script", src=place.top + SCRIPT, defer=True),
    ]
    body = [
        element("a", "Skip to the draft", href="#draft", class_="skip"),
        left,
        element("main", *parts, id="draft", tabindex="-1"),
        _help(),
    ]
    page = element(
        "html", row, element("head", together(head, row)), row, element("body", *body, class_="desk"), lang="en"
    )
    return f"<!doctype html>\n{page}\n"


def _help() -> Html:
    rows = (
        element("div", element("dt", together([element("kbd", one) for one in keys.split()], " ")), element("dd", said))
        for keys, said in _KEYS
    )
    close = element("form", element("button", "Close"), method="dialog")
    title = element("h2", "Keys", id="keys-title")
    shown = element("dialog", title, element("dl", *rows), close, id="keys", aria_labelledby="keys-title")
    hint = element("p", element("kbd", "?"), " shows keys", id="hint", hidden=True)
    return element("footer", hint, shown)


def style() -> str:
    """The style of the pages."""
    return "".join(map(asset, ("base.css", "review.css", STYLE)))


def script() -> str:
    """The script of the pages, without which they work as well."""
    return asset(SCRIPT)
