"""Chooses what a check reviews: the series of its message, with whole files from the repository or hunks alone.

Modules that only a series needs are imported on demand.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from msgspec.structs import replace

from reviewbot.filesystem import pipes
from reviewbot.git.objects import Objects
from reviewbot.integrations.b4 import message, patched_files
from reviewbot.kernel.backports import header_names, release
from reviewbot.mail.message import MailMessage
from reviewbot.model.errors import InputError
from reviewbot.model.kernel import Version
from reviewbot.model.patch import Patch, ReadFile, Series

if TYPE_CHECKING:
    from reviewbot.integrations.b4.tracking import Tracking

_LARGEST = 64 << 20  # bytes of b4's file; it holds the messages' headers and their reviews


class Source(NamedTuple):
    """A series, and the 0-based index of the patch to review, None for all.

    `read`: reads whole files, None if only hunks are known; `commit`: whose Makefile and headers tell the kernel
    version, "" for none; `how`: what is read, in words for the user.
    """

    series: Series
    at: int | None
    read: ReadFile | None
    commit: str
    how: str


def of_patch(mail: MailMessage, tracking: Tracking | None, objects: Objects, why: str = "") -> Source:
    """The patch of a message in its series, if b4 has a branch of that; else alone, with whole files or by its hunks.

    `why`: why there is no tracking data, "" if nothing went wrong.
    """
    patch = message.patch(mail)
    if tracking is not None:
        try:
            return _checked_out(patch, tracking, objects)
        except InputError as error:
            why = str(error)
    why = f"; {why}" if why else ""
    files = patched_files.by_blobs(patch, objects)
    if files is None:
        return Source(Series(patch.subject, 1, (patch,)), 0, None, _head(patch, objects), f"the hunks alone{why}")
    patch, read, applied = files
    if applied:  # what comes before it is in the tree
        patch = replace(patch, number=1, total=1)
    commit = "HEAD" if applied else _head(patch, objects)
    return Source(Series(patch.subject, 1, (patch,)), 0, read, commit, f"whole files{why}")


def of_series(tracking: Tracking, objects: Objects, tip: str = "") -> Source:
    """All patches of a series from its b4 branch, or below `tip`. Raises InputError if there is none."""
    from reviewbot.integrations.b4 import branch

    if not (tip or tracking.branch):
        raise InputError("its change-id names no branch")
    patches = branch.patches(objects, branch.commits(objects, tracking, tip or tracking.branch))
    subject = message.title(tracking.subject)
    base = patches[0].before or ""
    return Source(Series(subject, 1, patches, base=base), None, patched_files.by_commits(objects), base, _how(patches))


def kernel_of_commit(
    commit: str, objects: Objects, headers: Sequence[str]
) -> tuple[Version | None, frozenset[str] | None]:
    """The kernel version in a commit's Makefile, and the names in its headers; None for what is not known."""
    if not commit:
        return None, None
    texts = (objects.file(f"{commit}:{path}") for path in headers)
    names = header_names(text for text in texts if text is not None)
    return release(objects.file(f"{commit}:Makefile") or b""), names or None


def tracked(env: Mapping[str, str]) -> Tracking | None:
    """The tracking data in the file B4_TRACKING_FILE, None if it is not set. Raises InputError if it is unreadable."""
    name = env.get("B4_TRACKING_FILE", "")
    if not name:
        return None
    try:
        with pipes.open_reading(Path(name)) as file:
            data = file.read(_LARGEST + 1)
    except (OSError, ValueError) as error:
        raise InputError(f"B4_TRACKING_FILE: {error}") from error
    if len(data) > _LARGEST:
        raise InputError(f"B4_TRACKING_FILE is larger than {_LARGEST} bytes")
    from reviewbot.integrations.b4.tracking import parse_tracking

    return parse_tracking(data.decode("utf-8", "replace"))


def _checked_out(patch: Patch, tracking: Tracking, objects: Objects) -> Source:
    """The series on its branch, with the diff of the message in place of its commit's.

    If the maintainer has changed the commit, it is not what was sent: then the message is read by its hunks, and the
    rest of the series is still that of the branch. Raises InputError if branch and tracking data do not match.
    """
    known = [tracked_patch.message_id for tracked_patch in tracking.patches]
    if patch.mail is None or patch.mail.message_id not in known:
        raise InputError("the tracking data does not name this patch")
    source = of_series(tracking, objects)
    if len(source.series.patches) != len(known):
        raise InputError(f"its branch has {len(source.series.patches)} commits for {len(known)} patches")
    at = known.index(patch.mail.message_id)
    there = source.series.patches[at]
    mine = replace(patch, number=there.number, total=there.total)
    placed = replace(mine, commit=there.commit, before=there.before, after=there.after)
    same = source.read is not None and patched_files.fits(placed, source.read)
    patches = list(source.series.patches)
    patches[at] = placed if same else mine
    how = source.how if same else "the hunks alone; the commit on its branch is another"
    return source._replace(at=at, series=replace(source.series, patches=tuple(patches)), how=how)


def _how(patches: tuple[Patch, ...]) -> str:
    base = (patches[0].before or "")[:12]
    return f"whole files, in the {len(patches)} commit{'' if len(patches) == 1 else 's'} after {base}"


def _head(patch: Patch, objects: Objects) -> str:
    return "HEAD" if patched_files.at_head(patch, objects) else ""
