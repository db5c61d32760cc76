"""The forms with which somebody decides about a draft. Each is a form by itself, which needs no script."""

from __future__ import annotations

from reviewbot.drafts.page.body_text import editable_text
from reviewbot.drafts.page.place import PagePlace
from reviewbot.memory.drafts import APPROVED, DROPPED, KNOWN, OPEN, TOO_LATE, WAITING, WRONG, KeptDraft
from reviewbot.model.errors import UsageError
from reviewbot.report.html.element import Child, Html, element, escaped

APPROVE, HOLD, EDIT, DROP, RESTORE = "approve", "hold", "edit", "drop", "restore"  # what can be done, as a form says it
SECRET, SEEN, ACT, WHY, TEXT = "secret", "seen", "act", "why", "text"  # the fields of a form
LONGEST_TEXT = 500_000  # characters
_REASONS = (
    (WRONG, "w", "the question is wrong: never ask it again about this code"),
    (KNOWN, "k", "somebody has said it already"),
    (TOO_LATE, "l", "it comes too late"),
)
_ROWS = (12, 40)  # of the field for the text, at least and at most


def decisions(draft: KeptDraft, place: PagePlace, before: int, after: int) -> Html:
    """The bar with what can be done. `before`, `after`: numbers of the drafts beside it, 0 for none."""
    parts = []
    if draft.state == WAITING:
        parts.append(_button(draft, place, APPROVE, "Approve", "a", "first"))
    elif draft.state == APPROVED:
        parts.append(_button(draft, place, HOLD, "Hold back", "h"))
    if draft.state in OPEN:
        parts.append(
            element("a", "Edit ", _key("e"), href="#edit", id="to-edit", class_="button", aria_keyshortcuts="e")
        )
        parts.append(_drop(draft, place))
    elif draft.state == DROPPED:
        parts.append(_button(draft, place, RESTORE, "Take up again", "u"))
    ways = [
        _way(place, before, "k", "Previous", "prev"),
        _way(place, after, "j", "Next", "next"),
    ]
    return element(
        "div", *parts, element("span", *ways, class_="ways"), class_="decide", role="group", aria_label="Decide"
    )


def edit_form(draft: KeptDraft, place: PagePlace, typed: str | None = None) -> Html:
    """The form for the text. `typed`: what somebody wrote that could not be kept; then the form is open."""
    if draft.state not in OPEN:
        return Html()
    try:
        text = editable_text(draft.mail) if typed is None else typed
        if len(text) > LONGEST_TEXT and typed is None:
            raise UsageError(f"it has more than {LONGEST_TEXT} characters")
    except UsageError as error:
        said = [f"The text cannot be edited here: {error}. ", element("code", f"reviewbot drafts edit {draft.number}")]
        return element("div", element("p", *said, " opens it in your editor."), id="edit", tabindex="-1")
    rows = min(max(text.count("\n") + 2, _ROWS[0]), _ROWS[1])
    # a browser drops the first line break behind the tag
    lines = Html("\n" + "\n".join(map(escaped, text.split("\n"))))
    label = element("label", "Text of the mail; the header stays as it is.", for_="text")
    field = element(
        *("textarea", lines),
        id="text",
        name=TEXT,
        rows=str(rows),
        cols="80",
        maxlength=str(LONGEST_TEXT),
        spellcheck="false",
        autocomplete="off",
        required=True,
    )
    keep = element("button", "Keep ", _key("Ctrl+Enter"), **_act(EDIT))
    leave = element("a", "Leave it ", _key("Esc"), href=place.draft(draft.number), id="leave", class_="button")
    form = _form(draft, place, label, field, element("div", keep, leave, class_="decide"))
    kind = "typed" if typed is not None else ""
    below = element("p", "The text as it is now:") if kind else Html()
    return element("details", element("summary", "Edit the text"), form, below, id="edit", open=bool(kind), class_=kind)


def _drop(draft: KeptDraft, place: PagePlace) -> Html:
    buttons = (
        element(
            "button", element("b", why), " ", _key(key), " ", element("span", said), name=WHY, value=why, data_key=key
        )
        for why, key, said in _REASONS
    )
    act = element("input", type="hidden", name=ACT, value=DROP)
    form = _form(draft, place, act, element("p", "Why?", id="why"), *buttons)
    return element(
        "details", element("summary", "Drop ", _key("d"), class_="button", aria_keyshortcuts="d"), form, id="drop"
    )


def _button(draft: KeptDraft, place: PagePlace, act: str, said: str, key: str, kind: str = "") -> Html:
    button = element("button", f"{said} ", _key(key), **_act(act), id=act, class_=kind, aria_keyshortcuts=key)
    return _form(draft, place, button)


def _act(act: str) -> dict[str, str]:
    return {"name": ACT, "value": act}


def _form(draft: KeptDraft, place: PagePlace, *inside: Child) -> Html:
    """A form that brings what it was made for: it is refused where the draft has changed since."""
    hidden = (
        element("input", type="hidden", name=SECRET, value=place.secret),
        element("input", type="hidden", name=SEEN, value=repr(draft.changed)),
    )
    return element("form", *hidden, *inside, method="post", action=place.draft(draft.number), autocomplete="off")


def _way(place: PagePlace, number: int, key: str, said: str, relation: str) -> Html:
    if not number:
        return element("span", f"{said} ", _key(key), class_="button off")
    link = {"href": place.draft(number), "id": relation, "rel": relation}
    return element("a", f"{said} ", _key(key), **link, class_="button", aria_keyshortcuts=key)


def _key(name: str) -> Html:
    return element("kbd", name, aria_hidden="true")
