"""Looks at the mails of a series: which versions are new, and the review of each. Any process may do it."""

from __future__ import annotations

from collections.abc import Callable

from msgspec import Struct
from msgspec.structs import replace

from reviewbot.kernel.projects import Projects
from reviewbot.mail.series import GatheredSeries, gathered
from reviewbot.memory.findings import parts_of
from reviewbot.model.errors import ReviewbotError
from reviewbot.model.patch import Series
from reviewbot.model.review import Review

Reviewing = Callable[[Series], Review]


class ReviewWork(Struct, frozen=True):
    """A series to look at, with all its mails. `list`: whose settings count; `done`: the parts that were reviewed."""

    number: int
    list: str
    mails: tuple[bytes, ...]
    done: frozenset[str] = frozenset()
    patience: bool = False  # patches that are not here yet are waited for
    arrived: float = 0.0  # when the last of its patches did


class LookedVersion(Struct, frozen=True):
    """The newest version of a series. `review`: None where there is none, and `reason` says why.

    `missing`: how many of its patches are not here.
    """

    version: int
    parts: str
    subject: str
    missing: int
    mails: frozenset[str] = frozenset()  # the ids of all mails of this series, of all its versions
    review: Review | None = None
    reason: str = ""
    known: bool = False  # it was reviewed before


class Looked(Struct, frozen=True):
    """What a look at the mails of a series has shown; `wrong`: why there is nothing, "" where there is.

    `arrived`: that of the work.
    """

    number: int
    arrived: float
    versions: tuple[LookedVersion, ...] = ()
    wrong: str = ""


def look(work: ReviewWork, review: Reviewing, projects: Projects, seconds: float) -> Looked:
    """Find the versions among the mails and review those that are new. Raises nothing that a mail can cause.

    `seconds`: for finding them. Of a version that is waited for only `missing` is said.
    """
    try:
        found = gathered(work.mails, projects, seconds)
    except ReviewbotError as error:
        return Looked(work.number, work.arrived, wrong=str(error))
    return Looked(work.number, work.arrived, tuple(_version(one, work, review) for one in found))


def _version(found: GatheredSeries, work: ReviewWork, review: Reviewing) -> LookedVersion:
    parts = parts_of(found.patches)
    if found.series is None:
        return LookedVersion(0, parts, "", found.missing, reason=found.reason, known=parts in work.done)
    made = LookedVersion(found.series.version, parts, _subject(found.series), found.missing, found.mails)
    if parts in work.done:
        return replace(made, known=True)
    if found.missing and work.patience:
        return made
    try:
        reviewed = review(found.series)
    except ReviewbotError as error:
        return replace(made, reason=str(error))
    why = "" if reviewed.looked else "nothing of it could be read"
    return replace(made, review=reviewed, reason=why)


def _subject(series: Series) -> str:
    """The subject of the mail that begins a series, as it was sent."""
    mails = (series.cover, *(patch.mail for patch in series.patches))
    return next((mail.subject for mail in mails if mail is not None), series.subject)
