"""A patch's findings in, those at or above a bar and in reading order out; what every renderer shares."""

from __future__ import annotations

from collections.abc import Iterable

from reviewbot.model.kernel import Version
from reviewbot.model.patch import Unread
from reviewbot.model.review import CONFIDENCES, SEVERITIES, Finding, PatchReview, Review


def select(findings: Iterable[Finding], min_severity: str, min_confidence: str) -> tuple[Finding, ...]:
    """The findings at or above both bars, in the order given."""
    severities = SEVERITIES[SEVERITIES.index(min_severity) :]
    confidences = CONFIDENCES[CONFIDENCES.index(min_confidence) :]
    return tuple(found for found in findings if found.severity in severities and found.confidence in confidences)


def ordered(reviewed: PatchReview) -> tuple[Finding, ...]:
    """All findings of a patch, as its files come in the diff, then by line and rule."""
    places: dict[str, int] = {}
    for place, change in enumerate(reviewed.files):
        places.setdefault(change.path, place)

    def key(found: Finding) -> tuple[int, str, int, str, str]:
        return (places.get(found.path, len(places)), found.path, found.line, found.rule, found.message)

    return tuple(sorted(reviewed.findings, key=key))


def unread_of(reviewed: PatchReview) -> tuple[Unread, ...]:
    """What of a patch was not looked at, each once: what its mail lost before what its diff lost."""
    return tuple(dict.fromkeys((*reviewed.patch.unread, *reviewed.unread)))


def unread_beside(review: Review) -> tuple[Unread, ...]:
    """What concerns no single patch: mails of the thread left out, patches that never came."""
    return tuple(dict.fromkeys((*review.series.unread, *review.unread)))


def kernel_of(reviewed: PatchReview, kernel: str) -> str:
    """The kernel that a patch was judged by, where that of the review is `kernel`."""
    return kernel if reviewed.kernel is None else _spelled(reviewed.kernel)


def kernels(review: Review, kernel: str) -> str:
    """The same of all patches: from the oldest to the newest, where commits are of several."""
    others = {reviewed.kernel for reviewed in review.patches if reviewed.kernel is not None}
    if not others:
        return kernel
    every = sorted({review.kernel, *others})
    return f"{_spelled(every[0])} to {_spelled(every[-1])}"


def _spelled(version: Version) -> str:
    return f"{version[0]}.{version[1]}"
