"""Says what of a thread is not in the version that is reviewed, and why, in sentences."""

from __future__ import annotations

import re
from collections.abc import Sequence

from reviewbot.kernel.projects import Projects
from reviewbot.mail.message import MailMessage
from reviewbot.mail.versions import PatchMessage, SeriesHistory, SeriesVersion
from reviewbot.model.patch import Unread

_PULL = re.compile(r"\[[^\[\]]*\bpull\b|^git pull\b", re.I)


def version_notes(
    best: SeriesVersion, made: Sequence[SeriesVersion], history: SeriesHistory, target: PatchMessage | None
) -> tuple[Unread, ...]:
    notes = [
        f"v{one.version} is not whole here ({len(one.patches)} of {one.total} patches): v{best.version} was reviewed"
        for one in made
        if one.version > best.version
    ]
    if best.rerolled:
        kept = sorted({message.version for message in best.patches} - {best.version})
        notes.append(
            f"v{best.version} brings patch {ranges(best.rerolled)} of {best.total} alone: "
            f"the others are those of {', '.join(f'v{one}' for one in kept)}"
        )
    old = next((one for one in history if target and target.id in {message.id for message in one.messages}), None)
    if target and old and old.version < best.version:
        notes.append(f"{quoted(target.content)} is of v{old.version}: the newer v{best.version} was reviewed")
    return tuple(Unread(None, note) for note in notes)


def missing(best: SeriesVersion) -> tuple[Unread, ...]:
    gone = sorted(set(range(1, best.total + 1)) - {message.number for message in best.patches})
    if not gone:
        return ()
    what = f"patch {gone[0]}/{best.total} is" if len(gone) == 1 else f"patches {ranges(gone)} of {best.total} are"
    return (Unread(None, f"{what} not in this thread"),)


def ranges(numbers: Sequence[int]) -> str:
    """The text "1-3, 7" for the sorted numbers 1, 2, 3, 7."""
    runs: list[list[int]] = []
    for number in numbers:
        if runs and number == runs[-1][1] + 1:
            runs[-1][1] = number
        else:
            runs.append([number, number])
    return ", ".join(str(low) if low == high else f"{low}-{high}" for low, high in runs)


def quoted(message: MailMessage) -> str:
    return f'"{message.mail.subject[:200]}" <{message.mail.message_id[:200]}>'


def left_out(
    messages: Sequence[PatchMessage],
    best: SeriesVersion,
    history: SeriesHistory,
    histories: Sequence[SeriesHistory],
    projects: Projects,
) -> tuple[Unread, ...]:
    """Every message that could be a patch and is neither in the version reviewed nor in an older one of its series."""
    notes: list[str] = []
    used = {patch.id for patch in best.patches}
    diffs = {patch.content.diff for patch in best.patches}
    for other in (one for one in histories if one is not history):
        first = other[0].messages[0]
        count = len({patch.id for version in other for patch in version.patches})
        what = "another patch" if count == 1 else f"another series ({count} patches)"
        found = programs(other[-1], other[-1].patches, projects)
        where = f"to {found[0]}, which is not the kernel" if all(found) else "in the same place"
        notes.append(f"{quoted(first.content)} was left out: {what} {where}")
    same = (version for version in history if version.version == best.version)
    for message in (message for version in same for message in (*version.patches, *version.spare)):
        if message.id not in used and message.content.diff not in diffs:
            what = f"a second patch {message.number}/{message.total} of v{message.version}"
            notes.append(f"{quoted(message.content)} was left out: {what}")
    known = {message.id for other in histories for version in other for message in version.messages}
    for message in (one for one in messages if one.id not in known):
        if message.content.diff:
            notes.append(
                f"{quoted(message.content)} was left out: a diff in a {'reply' if message.reply else 'cover letter'}"
            )
        elif message.tagged and message.number and not message.reply:
            why = "it is HTML only" if message.content.html else "no diff was found in it"
            notes.append(f"{quoted(message.content)} says it is a patch and was not read: {why}")
    return tuple(Unread(None, note) for note in dict.fromkeys(notes))


def nothing(messages: Sequence[PatchMessage]) -> str:
    """Why there is nothing to review, in one sentence."""
    pulls = (message for message in messages if _PULL.search(message.content.mail.subject) and not message.reply)
    pull = next(pulls, None)
    first = pull or messages[0]
    subject = first.content.mail.subject[:200] or "(no subject)"
    if pull:
        reason = "a pull request: no patch in the mail, only a branch to fetch"
    elif first.content.html:
        reason = "an HTML mail: no plain text in it, so no patch that could be read"
    elif first.reply or first.content.parent:
        quoting = " (it quotes one)" if first.content.quotes_diff else ""
        reason = f"a reply with no patch of its own{quoting}"
    elif first.is_cover:
        reason = "a cover letter with no patch"
    else:
        reason = "a mail with no patch"
    others = "" if len(messages) == 1 else f", and none in the {len(messages) - 1} mails with it"
    return f"{reason}{others}: {subject}"


def programs(version: SeriesVersion, patches: Sequence[PatchMessage], projects: Projects) -> tuple[str, ...]:
    """The program that each of the patches is for, "" for the kernel."""
    cover = version.cover.content.mail.subject if version.cover else ""
    return projects.of_series(cover, [(patch.content.mail.subject, patch.content.diff) for patch in patches])
