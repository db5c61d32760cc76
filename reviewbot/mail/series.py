"""Raw mails in; the newest whole version of the patch series among them out, through b4.

b4 reads subjects and puts the patches in order. What it would get wrong or say aloud is kept from
it: it never sees a mail that does not belong to the series, never asks the network, never reads a
configuration, and where it gives up on a mail (it may even exit), that mail alone is left out.
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

from reviewbot.kernel.projects import NO_PROJECTS, Projects
from reviewbot.mail import headers, quarantine, versions
from reviewbot.mail.message import MailMessage
from reviewbot.mail.versions import PatchMessage, SeriesHistory, SeriesVersion
from reviewbot.model.errors import InputError, NothingToReview
from reviewbot.model.patch import Patch, Series, Unread
from reviewbot.support.timeout import TooSlow, bounded, slow

# b4 ends the process where it is displeased and promises nothing about what it raises
_GIVES_UP = (SystemExit, Exception)
_TOTAL = 8  # times the seconds of one mail: what all of a thread may take
_BASE = re.compile(r"^base-commit:[ \t]*([0-9a-f]{7,64})[ \t]*$", re.M | re.I)
_BEFORE = re.compile(r"^prerequisite-patch-id:[ \t]*([0-9a-f]{7,64})[ \t]*$", re.M | re.I)
_PULL = re.compile(r"\[[^\[\]]*\bpull\b|^git pull\b", re.I)
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
    """The newest whole version, by number, of the series that mail `wanted` belongs to, else of the first one.

    What is left out or missing stands in `unread`, and so do patches to `projects`, which are not the kernel. Raises
    NothingToReview where no mail holds a patch to the kernel, InputError where no mail can be read or `wanted` is not
    among them. `seconds`: what one mail may take, and what finding the series among them may; None for any time.
    """
    letters, unread = _letters(messages, seconds)
    try:
        with bounded(seconds):
            return _newest(letters, unread, wanted, projects)
    except TooSlow:
        count = len(letters)
        raise InputError(f"finding the series among {count} mails was {slow(round(seconds or 0))}") from None


def _newest(letters: list[MailMessage], unread: tuple[Unread, ...], wanted: str | None, projects: Projects) -> Series:
    sent, refused = _sent(letters)
    unread += refused
    if not sent:
        raise InputError(unread[0].reason if unread else "there is no mail to read")
    by_id = {one.id: one for one in sent}
    asked = _asked(wanted, by_id)
    found = versions.histories(sent)
    if not found:
        raise NothingToReview(_nothing(sent))
    work = _chosen(found, by_id, asked, projects)
    made = versions.versions(work, by_id)
    best = versions.newest_version(made)
    patches, given_up = _ordered(best)
    unread += given_up + _version_notes(best, made, work, asked) + _missing(best)
    unread += _left_out(sent, best, work, found, projects)
    ours, strange = _of_the_kernel(best, patches, projects)
    return _series(best, ours, unread + strange)


# --- mails into Sent ---


def _letters(messages: Sequence[bytes], seconds: float | None) -> tuple[list[MailMessage], tuple[Unread, ...]]:
    """Each mail once: the same one comes through every list it was sent to."""
    letters: dict[str, MailMessage] = {}
    unread: list[Unread] = []
    until = None if seconds is None else time.monotonic() + _TOTAL * seconds
    for at, raw in enumerate(messages):
        left = seconds if seconds is None or until is None else min(seconds, until - time.monotonic())
        if left is not None and left <= 0:
            rest = f"{len(messages) - at} of {len(messages)} mails: the time for all of them was up"
            unread.append(Unread(None, f"{rest} (seconds under [limits] in config.toml)"))
            break
        try:
            letter = quarantine.read_quarantined(raw, left)
        except InputError as error:
            unread.append(Unread(None, str(error)))
            continue
        name = letter.mail.message_id
        other = letters.get(name)
        if other and other.diff and letter.diff and other.diff != letter.diff:
            unread.append(Unread(None, f"two mails with different patches have the id {name}: one was read"))
        letters[name] = min(other, letter, key=_changed) if other else letter
    return list(letters.values()), tuple(unread)


def _changed(letter: MailMessage) -> tuple[bool, int, int]:
    """How much a list has added to a copy: names in the subject, a footer; some take attachments away."""
    return (not letter.diff, len(letter.mail.subject), len(letter.text))


def _sent(letters: Sequence[MailMessage]) -> tuple[list[PatchMessage], tuple[Unread, ...]]:
    sent: list[PatchMessage] = []
    refused: list[Unread] = []
    for place, letter in enumerate(letters):
        try:
            sent.append(_read_by_b4(letter, place))
        except _GIVES_UP as error:
            refused.append(Unread(None, f"b4 could not read the mail {_quoted(letter)}: {type(error).__name__}"))
    return sent, tuple(refused)


def _read_by_b4(letter: MailMessage, place: int) -> PatchMessage:
    subject = headers.plain_subject(letter.mail.subject)
    told = _b4().LoreSubject(_kept(subject[:_READ]))
    title = _as_it_was(told.subject) + subject[_READ:]
    diffstat = _DIFFSTAT.search(letter.message if letter.diff else letter.text) is not None
    return PatchMessage(
        letter,
        title=title.removeprefix("Re: ") or "(no subject)",
        version=told.revision,
        number=told.counter,
        total=told.expected or told.counter,
        numbered=not told.counters_inferred,
        versioned=not told.revision_inferred,
        tagged=told.patch,
        resend=told.resend,
        reply=told.reply or (_gives(letter) and not (told.counter == 0 and diffstat)),
        diffstat=diffstat,
        place=place,
    )


def _gives(letter: MailMessage) -> bool:
    """Whether this answers with no more than a trailer, which some send without "Re:"."""
    return not letter.diff and letter.parent is not None and _GIVEN.search(letter.text) is not None


def _kept(subject: str) -> str:
    """A decoded subject as it has to be given to b4, which would decode it once more, and give up where it cannot."""
    return subject.replace("=?", "=\0?")


def _as_it_was(subject: str) -> str:
    return subject.replace("=\0?", "=?")


def _for_b4(name: str, subject: str, when: float) -> Message:
    """A patch mail with nothing in it that somebody else has written.

    b4's time for a text grows with the cube of a line's length, and it stumbles over odd dates, codings and addresses.
    """
    message = Message()
    message["Message-ID"] = f"<{name}>"
    message["Subject"] = subject
    message["From"] = "<nobody@invalid>"
    message["Date"] = formatdate(when)
    message.set_payload(_MARK)
    return message


def _b4() -> ModuleType:
    """b4, imported when first needed (a fifth of a second) and kept from speaking, asking and remembering."""
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


def _asked(wanted: str | None, by_id: dict[str, PatchMessage]) -> PatchMessage | None:
    if wanted is None:
        return None
    name = headers.clean(wanted).removeprefix("<").removesuffix(">")
    if name not in by_id:
        raise InputError(f"no mail with the id {name} is among the {len(by_id)} that were read")
    return by_id[name]


def _chosen(
    found: Sequence[SeriesHistory], by_id: dict[str, PatchMessage], asked: PatchMessage | None, projects: Projects
) -> SeriesHistory:
    """The series of the mail asked for, or of the nearest mail above it; else the first to the kernel, or at all."""
    seen: set[str] = set()
    while asked is not None and asked.id not in seen:
        seen.add(asked.id)
        for work in found:
            if any(asked.id == sent.id for posting in work for sent in posting.mails):
                return work
        asked = by_id.get(asked.letter.parent or "")
    return next((work for work in found if not all(_programs(work[-1], work[-1].patches, projects))), found[0])


def _programs(posting: SeriesVersion, patches: Sequence[PatchMessage], projects: Projects) -> tuple[str, ...]:
    """For each of some patches the program that it is for, "" for the kernel."""
    cover = posting.cover.letter.mail.subject if posting.cover else ""
    return projects.of_series(cover, [(one.letter.mail.subject, one.letter.diff) for one in patches])


def _of_the_kernel(
    best: SeriesVersion, patches: tuple[PatchMessage, ...], projects: Projects
) -> tuple[tuple[PatchMessage, ...], tuple[Unread, ...]]:
    """The patches to the kernel, and the others as not looked at. Raises NothingToReview where all are others."""
    found = list(zip(patches, _programs(best, patches, projects), strict=True))
    ours = tuple(one for one, program in found if not program)
    if not ours:
        what = "a series" if len(patches) > 1 else "a patch"
        subject = (best.cover or patches[0]).letter.mail.subject[:200]
        raise NothingToReview(f"{what} to {found[0][1]}, which is not the kernel: {subject}")
    strange = ((_quoted(one.letter), program) for one, program in found if program)
    notes = (f"{name} was left out: a patch to {program}, which is not the kernel" for name, program in strange)
    return ours, tuple(Unread(None, note) for note in notes)


def _version_notes(
    best: SeriesVersion, made: Sequence[SeriesVersion], work: SeriesHistory, asked: PatchMessage | None
) -> tuple[Unread, ...]:
    notes = [
        f"v{one.version} is not whole here ({len(one.patches)} of {one.total} patches): v{best.version} was reviewed"
        for one in made
        if one.version > best.version
    ]
    if best.rerolled:
        kept = sorted({sent.version for sent in best.patches} - {best.version})
        notes.append(
            f"v{best.version} brings patch {_ranges(best.rerolled)} of {best.total} alone: "
            f"the others are those of {', '.join(f'v{one}' for one in kept)}"
        )
    old = next((one for one in work if asked and any(asked.id == sent.id for sent in one.mails)), None)
    if asked and old and old.version < best.version:
        notes.append(f"{_quoted(asked.letter)} is of v{old.version}: the newer v{best.version} was reviewed")
    return tuple(Unread(None, note) for note in notes)


def _missing(best: SeriesVersion) -> tuple[Unread, ...]:
    gone = sorted(set(range(1, best.total + 1)) - {sent.number for sent in best.patches})
    if not gone:
        return ()
    what = f"patch {gone[0]}/{best.total} is" if len(gone) == 1 else f"patches {_ranges(gone)} of {best.total} are"
    return (Unread(None, f"{what} not in this thread"),)


def _ranges(numbers: Sequence[int]) -> str:
    """1, 2, 3, 7 as "1-3, 7"."""
    runs: list[list[int]] = []
    for number in numbers:
        if runs and number == runs[-1][1] + 1:
            runs[-1][1] = number
        else:
            runs.append([number, number])
    return ", ".join(str(low) if low == high else f"{low}-{high}" for low, high in runs)


def _quoted(letter: MailMessage) -> str:
    return f'"{letter.mail.subject[:200]}" <{letter.mail.message_id[:200]}>'


# --- a posting into a Series ---


def _ordered(best: SeriesVersion) -> tuple[tuple[PatchMessage, ...], tuple[Unread, ...]]:
    """The patches as b4 orders them, each given to it under a subject that leaves nothing to guess.

    The series is taken from the mailbox itself: get_series() would run git on every patch and search
    lore for what reviewers said.
    """
    box = _b4().LoreMailbox()
    ours = {f"{place}@patch.invalid": one for place, one in enumerate(best.patches)}
    try:
        for name, one in ours.items():
            subject = f"[PATCH v{best.version} {one.number}/{best.total}]"
            box.add_message(_for_b4(name, subject, one.letter.when))
        return tuple(ours[one.msgid] for one in box.series[best.version].patches if one), ()
    except _GIVES_UP as error:
        note = Unread(None, f"b4 gave up on this thread ({type(error).__name__}): it was put in order without b4")
        return best.patches, (note,)


def _series(best: SeriesVersion, patches: Sequence[PatchMessage], unread: tuple[Unread, ...]) -> Series:
    cover = best.cover
    tops = [one.letter for one in (cover, *patches[:1]) if one]
    base, before = trailers([letter.text for letter in tops])
    return Series(
        subject=(cover or patches[0]).title,
        version=best.version,
        patches=tuple(_patch(one, best.total) for one in patches),
        cover=cover.letter.mail if cover else None,
        cover_body=_unsigned(cover.letter.text) if cover else "",
        base=base,
        unread=unread + (cover.letter.notes if cover else ()),
        prerequisites=before,
    )


def trailers(texts: Sequence[str]) -> tuple[str | None, tuple[str, ...]]:
    """The commit that a series says it is made for, and the ids of patches to apply first, from its mails' texts."""
    base = next((match[1].lower() for match in map(_BASE.search, texts) if match), None)
    return base, tuple(dict.fromkeys(one.lower() for text in texts for one in _BEFORE.findall(text)))


def _unsigned(text: str) -> str:
    return (text.rpartition("\n-- \n")[0] or text).strip("\n")


def _patch(one: PatchMessage, total: int) -> Patch:
    letter = one.letter
    return Patch(one.number, total, one.title, letter.message, letter.diff, letter.mail, unread=letter.notes)


# --- what was not looked at ---


def _left_out(
    sent: Sequence[PatchMessage],
    best: SeriesVersion,
    work: SeriesHistory,
    found: Sequence[SeriesHistory],
    projects: Projects,
) -> tuple[Unread, ...]:
    """Every mail that could have been a patch and is none of the series reviewed or of an older version of it."""
    notes: list[str] = []
    used = {one.id for one in best.patches}
    diffs = {one.letter.diff for one in best.patches}
    for other in (one for one in found if one is not work):
        first = other[0].mails[0]
        count = len({one.id for posting in other for one in posting.patches})
        what = "another patch" if count == 1 else f"another series ({count} patches)"
        programs = _programs(other[-1], other[-1].patches, projects)
        where = f"to {programs[0]}, which is not the kernel" if all(programs) else "in the same place"
        notes.append(f"{_quoted(first.letter)} was left out: {what} {where}")
    rivals = (one for posting in work if posting.version == best.version for one in (*posting.patches, *posting.spare))
    for one in rivals:
        if one.id not in used and one.letter.diff not in diffs:
            notes.append(
                f"{_quoted(one.letter)} was left out: a second patch {one.number}/{one.total} of v{one.version}"
            )
    known = {one.id for other in found for posting in other for one in posting.mails}
    for one in (one for one in sent if one.id not in known):
        if one.letter.diff:
            notes.append(f"{_quoted(one.letter)} was left out: a diff in a {'reply' if one.reply else 'cover letter'}")
        elif one.tagged and one.number and not one.reply:
            why = "it is HTML only" if one.letter.html else "no diff was found in it"
            notes.append(f"{_quoted(one.letter)} says it is a patch and was not read: {why}")
    return tuple(Unread(None, note) for note in dict.fromkeys(notes))


def _nothing(sent: Sequence[PatchMessage]) -> str:
    """Why there is nothing to review, in one sentence."""
    pull = next((one for one in sent if _PULL.search(one.letter.mail.subject) and not one.reply), None)
    first = pull or sent[0]
    subject = first.letter.mail.subject[:200] or "(no subject)"
    if pull:
        reason = "a pull request: no patch in the mail, only a branch to fetch"
    elif first.letter.html:
        reason = "an HTML mail: no plain text in it, so no patch that could be read"
    elif first.reply or first.letter.parent:
        quoting = " (it quotes one)" if first.letter.quotes_diff else ""
        reason = f"a reply with no patch of its own{quoting}"
    elif first.is_cover:
        reason = "a cover letter with no patch"
    else:
        reason = "a mail with no patch"
    others = "" if len(sent) == 1 else f", and none in the {len(sent) - 1} mails with it"
    return f"{reason}{others}: {subject}"
