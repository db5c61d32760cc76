"""Answers with the pages of the drafts, and does what their forms ask for.

Each request opens the memory anew: what another tab, or a command, has done meanwhile is seen. All pages are below a
path that nobody can guess, so there is no cookie: those of 127.0.0.1 go to every port of it, also to other users'.
"""

from __future__ import annotations

import hmac
import re
import secrets
import threading
from collections.abc import Callable, Mapping, Sequence
from http import HTTPStatus
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from reviewbot.cli.loopback.server import HTML, PageAnswer, PageRequest
from reviewbot.drafts.page import decide, page
from reviewbot.drafts.page.body_text import editable_text, with_text
from reviewbot.drafts.page.page import DraftView
from reviewbot.drafts.page.place import SCRIPT, STYLE, PagePlace
from reviewbot.drafts.page.queue import DraftQueue
from reviewbot.kernel import rules
from reviewbot.memory import drafts
from reviewbot.memory.drafts import KeptDraft
from reviewbot.memory.evidence import unpacked
from reviewbot.memory.memory import Memory
from reviewbot.model.errors import DamagedDatabase, ReviewbotError, UsageError
from reviewbot.model.kernel import Version
from reviewbot.report.html.element import Html
from reviewbot.report.remarks import ReportContext

_FIELDS = 8  # of a form
_DRAFT = re.compile(r"drafts/([0-9]{1,15})", re.ASCII)
_DONE = re.compile(r"done=([a-z]{1,20})\.([0-9]{1,15})", re.ASCII)


class DraftPages:
    """The pages of one memory. `folders`: of rules; `published`: where their pages are, "" for nowhere."""

    def __init__(
        self, memory: Path, folders: Sequence[Path], now: Callable[[], float], archive: str = "", published: str = ""
    ) -> None:
        self._memory, self._folders, self._now, self._published = memory, tuple(folders), now, published
        self._token = secrets.token_urlsafe(32)
        self._once = ""
        self._lock = threading.Lock()
        self._contexts: dict[Version, ReportContext] = {}
        self._place = PagePlace(f"/{self._token}/", secrets.token_urlsafe(32), archive)

    @property
    def start(self) -> str:
        """The path where it begins."""
        return self._place.top

    def start_once(self) -> str:
        """A path that leads there once: other users may see the command line by which a browser is told of it."""
        with self._lock:
            self._once = secrets.token_urlsafe(32)
            return f"/{self._once}/"

    def answer(self, request: PageRequest) -> PageAnswer:
        """Answer a request. Raises nothing but what is a mistake of ours."""
        asked = urlsplit(request.path)
        token, _, rest = asked.path.removeprefix("/").partition("/")
        if self._used(token):
            return _on(self.start)
        if not _same(token, self._token):
            return PageAnswer(403, "use the address that reviewbot has printed; a new start makes a new one")
        try:
            if rest in (STYLE, SCRIPT) and request.form is None:
                return _asset(rest)
            with Memory.open(self._memory) as memory:
                return self._page(memory, rest, asked.query, request.form)
        except (ReviewbotError, DamagedDatabase) as error:
            return PageAnswer(500, str(error))

    def _used(self, token: str) -> bool:
        with self._lock:
            good = bool(self._once) and _same(token, self._once)
            self._once = "" if good else self._once
        return good

    def _page(self, memory: Memory, rest: str, query: str, form: bytes | None) -> PageAnswer:
        found = _DRAFT.fullmatch(rest)
        if found is None and (rest or form is not None):
            return PageAnswer(404, "there is no such page")
        said = self._said(query)
        if found is None:
            queue = DraftQueue.read(memory)
            first = queue.after(0)
            if first:
                return _on(self._place.draft(first) + (f"?{query}" if said else ""))
            return _html(200, page.empty_page(queue, self._place, self._now(), said))
        number = int(found[1])
        if form is not None:
            return self._decided(memory, number, form)
        return self._shown(memory, number, said=said)

    def _said(self, query: str) -> Html | str:
        found = _DONE.fullmatch(query)
        return page.done_line(int(found[2]), found[1], self._place) if found and found[1] in page.DONE else ""

    def _shown(
        self,
        memory: Memory,
        number: int,
        status: int = HTTPStatus.OK,
        said: Html | str = "",
        refused: str = "",
        typed: str | None = None,
    ) -> PageAnswer:
        queue = DraftQueue.read(memory)
        draft = drafts.draft(memory, number)
        if draft is None:
            told = refused or f"there is no draft {number}"
            return _html(404, page.empty_page(queue, self._place, self._now(), refused=told))
        review = unpacked(drafts.draft_evidence(memory, number))
        context = self._context(review.kernel) if review is not None else None
        shown = DraftView(draft, drafts.points(memory, number), review, context, refused, typed)
        return _html(status, page.draft_page(shown, queue, self._place, self._now(), said))

    def _context(self, version: Version) -> ReportContext:
        """What the rules and the matrix say at a kernel version; rules are read once."""
        with self._lock:
            if version not in self._contexts:
                kernel, listed = rules.load(self._folders, version)
                name = f"{version[0]}.{version[1]}"
                self._contexts[version] = ReportContext(name, "", listed, pages=self._published, facts=kernel)
            return self._contexts[version]

    # --- forms ---

    def _decided(self, memory: Memory, number: int, form: bytes) -> PageAnswer:
        fields = _fields(form)
        if not _same(fields.get(decide.SECRET, ""), self._place.secret):
            return PageAnswer(403, "this form is of another start of reviewbot: load the page anew")
        typed = fields.get(decide.TEXT)
        typed = None if typed is None else typed.replace("\r\n", "\n")
        before = DraftQueue.read(memory)
        try:
            done = self._do(memory, number, fields, typed)
        except UsageError as error:
            return self._shown(memory, number, HTTPStatus.CONFLICT, refused=str(error), typed=typed)
        following = before.after(number) if done in ("approved", "dropped") else number
        place = self._place.draft(following) if following else self.start
        return _on(f"{place}?done={done}.{number}")

    def _do(self, memory: Memory, number: int, fields: Mapping[str, str], typed: str | None) -> str:
        """Do what a form asks for; gives the word for what was done. Raises UsageError where it cannot be done."""
        act, why, now = fields.get(decide.ACT, ""), fields.get(decide.WHY, ""), self._now()
        try:
            seen = float(fields.get(decide.SEEN, ""))
        except ValueError:
            raise UsageError("the form does not say which draft it was made for") from None
        if act == decide.APPROVE:
            drafts.approve(memory, number, now, seen)
            return "approved"
        if act == decide.HOLD:
            drafts.hold(memory, number, now, seen)
            return "held"
        if act == decide.RESTORE:
            drafts.restore(memory, [number], now, seen)
            return "restored"
        if act == decide.DROP and why in drafts.WHY:
            drafts.drop(memory, number, why, now, seen)
            return "dropped"
        draft = drafts.draft(memory, number)
        if act == decide.EDIT and typed is not None and draft is not None:
            drafts.edit(memory, number, _edited(draft, typed), now, seen)
            return "kept"
        raise UsageError("the form does not say what is to be done")


def _edited(draft: KeptDraft, typed: str) -> bytes:
    """The mail with the text that somebody wrote. Raises UsageError where the page could not have shown it whole."""
    if len(typed) > decide.LONGEST_TEXT:
        raise UsageError(f"the text has more than {decide.LONGEST_TEXT} characters")
    editable_text(draft.mail)
    return with_text(draft.mail, typed)


def _fields(form: bytes) -> Mapping[str, str]:
    """The fields of a form, each once; none where it is no form."""
    try:
        found = parse_qs(form.decode("ascii"), keep_blank_values=True, max_num_fields=_FIELDS, errors="replace")
    except ValueError:
        return {}
    return {name: values[0] for name, values in found.items() if len(values) == 1}


def _same(given: str, secret: str) -> bool:
    """Whether a text is a secret, in a time that does not tell how much of it is."""
    return hmac.compare_digest(given.encode("utf-8", "replace"), secret.encode())


def _asset(name: str) -> PageAnswer:
    if name == STYLE:
        return PageAnswer(200, page.style(), "text/css")
    return PageAnswer(200, page.script(), "text/javascript")


def _html(status: int, text: str) -> PageAnswer:
    return PageAnswer(status, text, HTML)


def _on(location: str) -> PageAnswer:
    return PageAnswer(303, "", location=location)
