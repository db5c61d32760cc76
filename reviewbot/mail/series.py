"""Finds the newest whole version of the patch series in a thread, with the help of b4.

Takes raw messages, gives a Series and says what of the thread is not in it. b4 reads subjects and puts the patches in
order. It never sees a message that does not belong to the series, never asks the network and never reads a
configuration; where it gives up on a message (it may even exit), that message alone is left out.
"""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Sequence
from email import charset
from email.message import Message
from email.utils import formatdate
from types import ModuleType

from msgspec import Struct

from reviewbot.kernel.projects import NO_PROJECTS, Projects
from reviewbot.mail import headers, not_read, quarantine, versions
from reviewbot.mail.message import MailMessage
from reviewbot.mail.versions import PatchMessage, SeriesHistory, SeriesVersion
from reviewbot.model.errors import InputError, NothingToReview
from reviewbot.model.patch import Patch, Series, Unread
from reviewbot.patch.base_trailers import base_trailers
from reviewbot.support.timeout import TooSlow, bounded, slow

# b4 ends the process where it is displeased and promises nothing about what it raises
_GIVES_UP = (SystemExit, Exception)
_TOTAL = 8  # times the seconds of one message: the time for all of a thread
_DIFFSTAT = re.compile(r"^[ \t]*+\d++ file[^\n]*?\d (?:insertion|deletion)", re.M | re.I)
_GIVEN = re.compile(r"^[ \t]*+\w[\w-]{0,40}-by:[^\n@]*+@", re.M | re.I)  # a trailer that names a person
_MARK = "\n---\n\ndiff --git a/x b/x\n"  # tells b4 that there is a diff
_READ = 300  # characters of a subject that b4 reads; its time grows with the cube of their number


def newest(
    messages: Sequence[bytes],
    wanted: str | None = None,
    projects: Projects = NO_PROJECTS,
    seconds: float | None = None,
) -> Series:
    """The newest whole version, by number, of the series that the message `wanted` belongs to, else of the first one.

    `wanted`: a message id, with or without angle brackets. `unread` of the result says what is left out or missing;
    patches to `projects`, which are not the kernel, are left out. `seconds`: the time for one message, and for finding
    the series among all of them; None for no limit.

    Raises NothingToReview where no message holds a patch to the kernel, InputError where no message can be read or
    `wanted` is not among them.
    """
    parsed, unread = _parsed(messages, seconds)
    try:
        with bounded(seconds):
            return _newest(parsed, unread, wanted, projects)
    except TooSlow:
        count = len(parsed)
        raise InputError(f"finding the series among {count} mails was {slow(round(seconds or 0))}") from None


def _newest(parsed: list[MailMessage], unread: tuple[Unread, ...], wanted: str | None, projects: Projects) -> Series:
    messages, refused = _patch_messages(parsed)
    unread += refused
    if not messages:
        raise InputError(unread[0].reason if unread else "there is no mail to read")
    by_id = {message.id: message for message in messages}
    target = _wanted_message(wanted, by_id)
    histories = versions.histories(messages)
    if not histories:
        raise NothingToReview(not_read.nothing(messages))
    history = _history_of(histories, by_id, target, projects)
    sent = versions.versions(history, by_id)
    best = versions.newest_version(sent)
    unread += not_read.version_notes(best, sent, history, target)
    unread += not_read.left_out(messages, best, history, histories, projects)
    return _reviewable(best, unread, projects)


def _reviewable(best: SeriesVersion, unread: tuple[Unread, ...], projects: Projects) -> Series:
    patches, given_up = _ordered(best)
    ours, strange = _of_the_kernel(best, patches, projects)
    return _series(best, ours, unread + given_up + not_read.missing(best) + strange)


class GatheredSeries(Struct, frozen=True):
    """One of the series among some mails, in its newest whole version; `series` is None where that is not for us.

    `missing`: how many patches of its newest version are not here; `patches`: the ids of the mails with the patches of
    `series`; `mails`: those of all its versions; `reason`: why it is not for us.
    """

    series: Series | None
    missing: int
    patches: tuple[str, ...]
    mails: frozenset[str]
    reason: str = ""


def gathered(messages: Sequence[bytes], projects: Projects, seconds: float | None = None) -> Sequence[GatheredSeries]:
    """All series among some mails, as newest() finds one. Raises InputError where it takes too long."""
    parsed, unread = _parsed(messages, seconds)
    try:
        with bounded(seconds):
            found, refused = _patch_messages(parsed)
            by_id = {message.id: message for message in found}
            return [_gathered(one, by_id, unread + refused, projects) for one in versions.histories(found)]
    except TooSlow:
        raise InputError(f"finding the series among {len(parsed)} mails was {slow(round(seconds or 0))}") from None


def _gathered(
    history: SeriesHistory, by_id: dict[str, PatchMessage], unread: tuple[Unread, ...], projects: Projects
) -> GatheredSeries:
    sent = versions.versions(history, by_id)
    best, newest = versions.newest_version(sent), sent[-1]
    ids = tuple(message.id for message in best.patches)
    missing = max(newest.total - len(newest.patches), 0)
    every = frozenset(message.id for version in history for message in version.messages)
    notes = unread + not_read.version_notes(best, sent, history, None)
    try:
        return GatheredSeries(_reviewable(best, notes, projects), missing, ids, every)
    except NothingToReview as error:
        return GatheredSeries(None, missing, ids, every, str(error))


# --- raw messages into PatchMessages ---


def _parsed(messages: Sequence[bytes], seconds: float | None) -> tuple[list[MailMessage], tuple[Unread, ...]]:
    """Each message once, and what could not be read: the same one comes through every list that it was sent to."""
    by_id: dict[str, MailMessage] = {}
    unread: list[Unread] = []
    until = None if seconds is None else time.monotonic() + _TOTAL * seconds
    for at, raw in enumerate(messages):
        left = seconds if seconds is None or until is None else min(seconds, until - time.monotonic())
        if left is not None and left <= 0:
            rest = f"{len(messages) - at} of {len(messages)} mails: the time for all of them was up"
            unread.append(Unread(None, f"{rest} (seconds under [limits] in config.toml)"))
            break
        try:
            message = quarantine.read_quarantined(raw, left)
        except InputError as error:
            unread.append(Unread(None, str(error)))
            continue
        name = message.mail.message_id
        copy = by_id.get(name)
        if copy and copy.diff and message.diff and copy.diff != message.diff:
            unread.append(Unread(None, f"two mails with different patches have the id {name}: one was read"))
        by_id[name] = min(copy, message, key=_changed) if copy else message
    return list(by_id.values()), tuple(unread)


def _changed(message: MailMessage) -> tuple[bool, int, int]:
    """A sort key for copies of a message, the least changed first: lists add to subject and text, or take the diff."""
    return (not message.diff, len(message.mail.subject), len(message.text))


def _patch_messages(parsed: Sequence[MailMessage]) -> tuple[list[PatchMessage], tuple[Unread, ...]]:
    messages: list[PatchMessage] = []
    refused: list[Unread] = []
    for place, message in enumerate(parsed):
        try:
            messages.append(_read_by_b4(message, place))
        except _GIVES_UP as error:
            name = not_read.quoted_name(message)
            refused.append(Unread(None, f"b4 could not read the mail {name}: {type(error).__name__}"))
    return messages, tuple(refused)


def _read_by_b4(message: MailMessage, place: int) -> PatchMessage:
    subject = headers.plain_subject(message.mail.subject)
    parts = _b4().LoreSubject(_escaped(subject[:_READ]))
    title = _unescaped(parts.subject) + subject[_READ:]
    diffstat = _DIFFSTAT.search(message.message if message.diff else message.text) is not None
    return PatchMessage(
        message,
        title=title.removeprefix("Re: ") or "(no subject)",
        version=parts.revision,
        number=parts.counter,
        total=parts.expected or parts.counter,
        numbered=not parts.counters_inferred,
        versioned=not parts.revision_inferred,
        tagged=parts.patch,
        resend=parts.resend,
        reply=parts.reply or (_gives_trailer(message) and not (parts.counter == 0 and diffstat)),
        diffstat=diffstat,
        place=place,
    )


def _gives_trailer(message: MailMessage) -> bool:
    """Whether a message only answers with a trailer (Reviewed-by: ...), which some send without "Re:"."""
    return not message.diff and message.parent is not None and _GIVEN.search(message.text) is not None


def _escaped(subject: str) -> str:
    """A decoded subject for b4, which must not decode it once more: it gives up where it cannot."""
    return subject.replace("=?", "=\0?")


def _unescaped(subject: str) -> str:
    return subject.replace("=\0?", "=?")


def _for_b4(name: str, subject: str, when: float) -> Message:
    """A message for b4 that stands for a patch, without any text that a stranger wrote.

    b4's time for a text grows with the cube of a line's length, and it fails on odd dates, encodings and addresses.
    """
    message = Message()
    message["Message-ID"] = f"<{name}>"
    message["Subject"] = subject
    message["From"] = "<nobody@invalid>"
    message["Date"] = formatdate(when)
    message.set_payload(_MARK)
    return message


def _b4() -> ModuleType:
    """The module b4, imported on first use (a fifth of a second), with its log, network and configuration off."""
    import b4

    if not b4.MAIN_CONFIG:
        # setup_config() would run git and take the settings of whatever repository this is
        b4.MAIN_CONFIG = {**b4.DEFAULT_CONFIG, "attestation-policy": "off"}
        b4.can_network = False
        log = logging.getLogger("b4")
        log.addHandler(logging.NullHandler())
        log.propagate = False
        # importing b4 changes for the whole process how mails are written; this is Python's own again
        charset.add_charset("utf-8", charset.SHORTEST, charset.BASE64, "utf-8")
    module: ModuleType = b4
    return module


# --- which series, which version ---


def _wanted_message(wanted: str | None, by_id: dict[str, PatchMessage]) -> PatchMessage | None:
    if wanted is None:
        return None
    name = headers.clean(wanted).removeprefix("<").removesuffix(">")
    if name not in by_id:
        raise InputError(f"no mail with the id {name} is among the {len(by_id)} that were read")
    return by_id[name]


def _history_of(
    histories: Sequence[SeriesHistory], by_id: dict[str, PatchMessage], message: PatchMessage | None, projects: Projects
) -> SeriesHistory:
    """The series of a message, or of the nearest one above it; without it, the first to the kernel, else the first."""
    seen: set[str] = set()
    while message is not None and message.id not in seen:
        seen.add(message.id)
        for history in histories:
            if any(message.id == one.id for version in history for one in version.messages):
                return history
        message = by_id.get(message.content.parent or "")
    to_kernel = (one for one in histories if not all(not_read.programs(one[-1], one[-1].patches, projects)))
    return next(to_kernel, histories[0])


def _of_the_kernel(
    best: SeriesVersion, patches: tuple[PatchMessage, ...], projects: Projects
) -> tuple[tuple[PatchMessage, ...], tuple[Unread, ...]]:
    """The patches to the kernel, and the others as unread. Raises NothingToReview where no patch is to the kernel."""
    found = list(zip(patches, not_read.programs(best, patches, projects), strict=True))
    ours = tuple(patch for patch, program in found if not program)
    if not ours:
        what = "a series" if len(patches) > 1 else "a patch"
        subject = (best.cover or patches[0]).content.mail.subject[:200]
        raise NothingToReview(f"{what} to {found[0][1]}, which is not the kernel: {subject}")
    strange = ((not_read.quoted_name(patch.content), program) for patch, program in found if program)
    notes = (f"{name} was left out: a patch to {program}, which is not the kernel" for name, program in strange)
    return ours, tuple(Unread(None, note) for note in notes)


# --- a version into a Series ---


def _ordered(best: SeriesVersion) -> tuple[tuple[PatchMessage, ...], tuple[Unread, ...]]:
    """The patches as b4 orders them, given to it under subjects that leave nothing to guess; and why it could not.

    The series is taken from b4's mailbox object itself: get_series() would run git on every patch and search lore for
    trailers.
    """
    box = _b4().LoreMailbox()
    ours = {f"{place}@patch.invalid": patch for place, patch in enumerate(best.patches)}
    try:
        for name, patch in ours.items():
            subject = f"[PATCH v{best.version} {patch.number}/{best.total}]"
            box.add_message(_for_b4(name, subject, patch.content.when))
        return tuple(ours[patch.msgid] for patch in box.series[best.version].patches if patch), ()
    except _GIVES_UP as error:
        note = Unread(None, f"b4 gave up on this thread ({type(error).__name__}): it was put in order without b4")
        return best.patches, (note,)


def _series(best: SeriesVersion, patches: Sequence[PatchMessage], unread: tuple[Unread, ...]) -> Series:
    cover = best.cover
    tops = [patch.content for patch in (cover, *patches[:1]) if patch]
    asked = base_trailers([message.text for message in tops])
    return Series(
        subject=(cover or patches[0]).title,
        version=best.version,
        patches=tuple(_patch(patch, best.total) for patch in patches),
        cover=cover.content.mail if cover else None,
        cover_body=_unsigned(cover.content.text) if cover else "",
        base=asked.base,
        unread=unread + (cover.content.notes if cover else ()),
        prerequisites=asked.patches,
        needed_series=asked.series,
    )


def _unsigned(text: str) -> str:
    return (text.rpartition("\n-- \n")[0] or text).strip("\n")


def _patch(message: PatchMessage, total: int) -> Patch:
    content = message.content
    return Patch(
        message.number, total, message.title, content.message, content.diff, content.mail, unread=content.notes
    )
