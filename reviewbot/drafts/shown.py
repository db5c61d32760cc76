"""Shows a draft: the mail as it will go out, and all that it rests on."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from msgspec import Struct
from msgspec.structs import replace

from reviewbot.drafts.listing import fate, time_span
from reviewbot.drafts.mail_text import plain_text
from reviewbot.memory import findings
from reviewbot.memory.drafts import KeptDraft, Point
from reviewbot.memory.findings import SeenVersion
from reviewbot.memory.memory import Memory
from reviewbot.model.kernel import Flag, Kernel, ScopeKind
from reviewbot.model.review import Finding, PatchReview, Review
from reviewbot.report.facts import facts_of
from reviewbot.report.reply.wrap import readable
from reviewbot.report.terminal.text import Line, View, prose, report_lines
from reviewbot.support.escape import visible

_INDENT = "  "


class ShownDraft(Struct, frozen=True):
    """A draft with what the memory has beside it; `review`: what it was made of, None where that is not kept."""

    draft: KeptDraft
    points: Sequence[Point]
    review: Review | None = None
    before: SeenVersion | None = None


def version_of(memory: Memory, one: KeptDraft) -> SeenVersion | None:
    """What is known of the version that a draft is about, None where nothing is."""
    seen = findings.seen_versions(memory, one.series) if one.series is not None else ()
    return next((each for each in reversed(seen) if each.version == one.version), None)


def asked_about(shown: ShownDraft) -> Review | None:
    """The review with those findings alone that the draft asks about, of the patch that it answers if it is one."""
    if shown.review is None:
        return None
    wanted = {one.fingerprint for one in shown.points}
    answered = [one for one in shown.review.patches if _is_answer(shown.draft, one)]
    patches = (_only(one, wanted) for one in answered or shown.review.patches)
    return replace(shown.review, patches=tuple(one for one in patches if one.findings))


def draft_lines(shown: ShownDraft, kernel: Kernel | None, now: float, width: int) -> Iterator[Line]:
    """All of it for a terminal of some columns. `kernel`: whose matrix applies, None where that is not known."""
    yield from _head(shown, now, width)
    yield ()
    yield (("MAIL", "head"),)
    for line in plain_text(shown.draft.mail).decode("utf-8", "surrogateescape").rstrip("\n").split("\n"):
        yield ((visible(line), _style(line)),)
    yield ()
    yield (("EVIDENCE", "head"),)
    review = asked_about(shown)
    if review is None or not review.patches:
        yield from _points(shown.points)
        return
    view = View(f"{review.kernel[0]}.{review.kernel[1]}", width=width)
    yield from list(report_lines(review, view))[:-1]  # without the line that counts: this is one draft
    if kernel is not None:
        yield from _matrix([one for patch in review.patches for one in patch.findings], kernel, width)


def _is_answer(draft: KeptDraft, reviewed: PatchReview) -> bool:
    return reviewed.patch.mail is not None and reviewed.patch.mail.message_id == draft.in_reply_to


def _only(reviewed: PatchReview, wanted: set[str]) -> PatchReview:
    return replace(reviewed, findings=tuple(one for one in reviewed.findings if one.fingerprint in wanted), unread=())


def _head(shown: ShownDraft, now: float, width: int) -> Iterator[Line]:
    one = shown.draft
    edited = ", edited" if one.edited is not None else ""
    sure = f", {one.confidence} confidence" if one.confidence else ""
    yield ((f"draft {one.number}: {one.state}{sure}, {time_span(now - one.made)} old{edited}", "head"),)
    if one.state not in ("waiting", "approved", "sent"):
        yield from prose(fate(one, now), _INDENT, width)
    if one.list:
        yield from prose(f"list: {one.list}", _INDENT, width)
    if one.reason:
        yield from prose(f"why: {one.reason}", _INDENT, width)
    before = shown.before
    if before is not None and before.points and before.version > 1:
        which = "point" if before.points == 1 else "points"
        are = "is" if before.gone == 1 else "are"
        told = f"{before.gone} of the {before.points} {which} of v{before.version - 1} {are} gone"
        yield from prose(told, _INDENT, width)


def _points(points: Sequence[Point]) -> Iterator[Line]:
    if not points:
        yield (("  nothing is kept", "faint"),)
    for one in points:
        where = f" in {one.function}()" if one.function else ""
        yield ((f"  {visible(one.rule)} ({one.confidence}){visible(where)}", "rule"),)
        yield ((f"    {visible(one.path)}", "faint"),)
        yield ((f"    > {visible(one.line).expandtabs()}", "+"),)


def _style(line: str) -> str:
    """The quoted lines of a patch as a mail program shows them."""
    return {">": "faint"}.get(line[:1], "")


def _matrix(findings: Sequence[Finding], kernel: Kernel, width: int) -> Iterator[Line]:
    rows = [facts_of(one, kernel) for one in findings]
    flags = {flag.name: flag for row in rows for flag in row.flags}
    scopes = {scope.name: scope for row in rows for scope in row.scopes}
    if not flags and not scopes:
        return
    yield ((f"MATRIX (Linux {kernel.version[0]}.{kernel.version[1]})", "head"),)
    for flag in flags.values():
        yield from _flag_rows(flag, width)
    for scope in scopes.values():
        yield from _scope_rows(scope, width)


def _flag_rows(flag: Flag, width: int) -> Iterator[Line]:
    yield ((f"  {flag.name}", "rule"),)
    for does, said in (("set by a scope", flag.on), ("cleared by a scope", flag.off)):
        yield (f"    {does}: ", ""), (said.word, said.word)
        yield from prose(readable(said.why), "      ", width)


def _scope_rows(scope: ScopeKind, width: int) -> Iterator[Line]:
    yield ((f"  {scope.flag}", "rule"), (" as a scope: ", ""), (scope.verdict, scope.verdict))
    yield from prose(readable(scope.why), "      ", width)
