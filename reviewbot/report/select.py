"""Selects the findings of a patch at or above the bars, in reading order, and what was not read, for all renderers."""

from __future__ import annotations

from collections.abc import Iterable

from reviewbot.model.kernel import Version
from reviewbot.model.patch import Unread
from reviewbot.model.review import CONFIDENCES, SEVERITIES, Finding, PatchReview, Review


def select(findings: Iterable[Finding], min_severity: str, min_confidence: str) -> tuple[Finding, ...]:
    """The findings at or above both bars, words of SEVERITIES and CONFIDENCES, in the order given."""
    severities = SEVERITIES[SEVERITIES.index(min_severity) :]
    confidences = CONFIDENCES[CONFIDENCES.index(min_confidence) :]
    return tuple(
        finding for finding in findings if finding.severity in severities and finding.confidence in confidences
    )


def ordered(reviewed: PatchReview) -> tuple[Finding, ...]:
    """All findings of a patch in the order of its diff: by file, line and rule."""
    places: dict[str, int] = {}
    for place, change in enumerate(reviewed.files):
        places.setdefault(change.path, place)

    def key(finding: Finding) -> tuple[int, str, int, str, str]:
        return (places.get(finding.path, len(places)), finding.path, finding.line, finding.rule, finding.message)

    return tuple(sorted(reviewed.findings, key=key))


def unread_of(reviewed: PatchReview) -> tuple[Unread, ...]:
    """What of a patch was not read, each once: parts of its message first, then parts of its diff."""
    return tuple(dict.fromkeys((*reviewed.patch.unread, *reviewed.unread)))


def unread_beside(review: Review) -> tuple[Unread, ...]:
    """What was not read and concerns no single patch: messages of the thread left out, patches that are missing."""
    return tuple(dict.fromkeys((*review.series.unread, *review.unread)))


def kernel_of(reviewed: PatchReview, kernel: str) -> str:
    """The name of the kernel version whose facts applied to a patch; `kernel`: that of the review."""
    return kernel if reviewed.kernel is None else _spelled(reviewed.kernel)


def kernels(review: Review, kernel: str) -> str:
    """The same for all patches: "6.6 to 6.12" where commits are of several versions."""
    others = {reviewed.kernel for reviewed in review.patches if reviewed.kernel is not None}
    if not others:
        return kernel
    every = sorted({review.kernel, *others})
    return f"{_spelled(every[0])} to {_spelled(every[-1])}"


def _spelled(version: Version) -> str:
    return f"{version[0]}.{version[1]}"
