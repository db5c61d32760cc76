"""One message of a check, and the repository it is run in, in; what is to be reviewed, and with how much of it, out.

What is needed for a series alone is imported for one.
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

_LARGEST = 64 << 20  # bytes of b4's file; it holds the mails' headers and what was said of them


class Source(NamedTuple):
    """A series, and which of its patches is asked about: its index, or all of them where that is None.

    `read` gives whole files, None where only hunks are known. `commit` is the one whose Makefile and headers say what
    kernel it is, "" where no commit does; `how`: what was read, for the user.
    """

    series: Series
    at: int | None
    read: ReadFile | None
    commit: str
    how: str


def of_patch(letter: MailMessage, tracking: Tracking | None, objects: Objects, why: str = "") -> Source:
    """The patch of a letter among those of its series, if b4 has checked that out, else as its blobs or hunks show it.

    `why`: what is wrong with the tracking data, where it could not be read.
    """
    patch = message.patch(letter)
    if tracking is not None:
        try:
            return _checked_out(patch, tracking, objects)
        except InputError as error:
            why = str(error)
    why = f"; {why}" if why else ""
    found = patched_files.by_blobs(patch, objects)
    if found is None:
        return Source(Series(patch.subject, 1, (patch,)), 0, None, _head(patch, objects), f"the hunks alone{why}")
    patch, read, applied = found
    if applied:  # what comes before it is in the tree
        patch = replace(patch, number=1, total=1)
    commit = "HEAD" if applied else _head(patch, objects)
    return Source(Series(patch.subject, 1, (patch,)), 0, read, commit, f"whole files{why}")


def of_series(tracking: Tracking, objects: Objects, tip: str = "") -> Source:
    """All patches of a series that b4 has checked out, on its branch or below `tip`. Raises InputError if it is not."""
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
    """The version that a commit's Makefile gives, and the names in its headers; None where nothing tells."""
    if not commit:
        return None, None
    texts = (objects.file(f"{commit}:{path}") for path in headers)
    names = header_names(text for text in texts if text is not None)
    return release(objects.file(f"{commit}:Makefile") or b""), names or None


def tracked(env: Mapping[str, str]) -> Tracking | None:
    """What B4_TRACKING_FILE names, None where it is not set. Raises InputError where it cannot be read."""
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
    """The series on its branch, with the mail's own diff where the commit holds it.

    What a maintainer has changed in a commit is not what was sent: then the mail is read by its hunks, and the rest of
    the series is still that of the branch.
    """
    known = [one.message_id for one in tracking.patches]
    if patch.mail is None or patch.mail.message_id not in known:
        raise InputError("the tracking data does not name this patch")
    found = of_series(tracking, objects)
    if len(found.series.patches) != len(known):
        raise InputError(f"its branch has {len(found.series.patches)} commits for {len(known)} patches")
    at = known.index(patch.mail.message_id)
    there = found.series.patches[at]
    mine = replace(patch, number=there.number, total=there.total)
    placed = replace(mine, commit=there.commit, before=there.before, after=there.after)
    same = found.read is not None and patched_files.fits(placed, found.read)
    patches = list(found.series.patches)
    patches[at] = placed if same else mine
    how = found.how if same else "the hunks alone; the commit on its branch is another"
    return found._replace(at=at, series=replace(found.series, patches=tuple(patches)), how=how)


def _how(patches: tuple[Patch, ...]) -> str:
    base = (patches[0].before or "")[:12]
    return f"whole files, in the {len(patches)} commit{'' if len(patches) == 1 else 's'} after {base}"


def _head(patch: Patch, objects: Objects) -> str:
    return "HEAD" if patched_files.at_head(patch, objects) else ""
