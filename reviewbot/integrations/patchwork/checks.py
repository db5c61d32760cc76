"""Turns a review into checks for Patchwork, one for each patch. Posts nothing.

The states are those of Patchwork (patchwork/models.py, class Check). A finding that no later patch resolves is a
`warning`, or a `fail` from a severity on; `success` says that all of the patch was read and nothing was found. A patch
without findings of which something was not read is `pending`, the one state that neither praises nor blames it: any
other would say more than is known, and without a check nobody could tell that reviewbot ran.
"""

from __future__ import annotations

import re
import urllib.parse
from collections import Counter
from string import Template

from msgspec import Struct
from msgspec.structs import replace

from reviewbot.model.errors import ConfigError
from reviewbot.model.patch import Unread
from reviewbot.model.review import SEVERITIES, Finding, PatchReview, Review
from reviewbot.report.origin import MailOrigin, origin
from reviewbot.report.select import kernel_of, ordered, select, unread_of
from reviewbot.support.escape import clip, one_line, visible

NEVER = "never"
STATES = ("success", "pending", "warning", "fail")  # of two checks of one patch, the later state counts
LONGEST = 255  # characters of a description, and of a context (models.SlugField)
LONGEST_URL = 200  # models.URLField; a longer one is left out
_NAMED = frozenset(("message_id",))  # placeholders of a target URL


class CheckTerms(Struct, frozen=True):
    """How a review becomes checks. `fail_on`: the severity from which on a finding is a `fail`, or "never".

    `context`: from slug(); `target`: from target(); `kernel`: the kernel version, in words.
    """

    min_severity: str
    min_confidence: str
    fail_on: str
    context: str
    target: Template
    kernel: str


class PatchCheck(Struct, frozen=True):
    """A check to post. `patch`: the name of the patch, in words; `origin`: how to find it on the server."""

    patch: str
    origin: MailOrigin
    state: str  # one of STATES
    context: str
    description: str
    target_url: str


def checks(review: Review, terms: CheckTerms) -> tuple[PatchCheck, ...]:
    """A check for each patch, in order; one for all commits of the same message."""
    by_origin: dict[object, PatchCheck] = {}
    for number, check in enumerate(_check(reviewed, terms) for reviewed in review.patches):
        mail = check.origin if check.origin.ids else number
        by_origin[mail] = _merged(by_origin[mail], check) if mail in by_origin else check
    return tuple(by_origin.values())


def _merged(one: PatchCheck, other: PatchCheck) -> PatchCheck:
    worse, better = sorted((one, other), key=lambda check: STATES.index(check.state), reverse=True)
    if worse.state == better.state == STATES[0]:
        return one
    both = worse.description if better.state == STATES[0] else f"{worse.description}; {better.description}"
    return replace(worse, patch=one.patch, description=clip(both, LONGEST))


def slug(context: str) -> str:
    """A context as Patchwork takes it: letters, digits, "-" and "_". Raises ConfigError if nothing is left of it."""
    name = re.sub(r"[^0-9A-Za-z_]+", "-", context).strip("-")[:LONGEST]
    if not name:
        raise ConfigError(f"[patchwork] context is {context!r}, but must have a letter or a digit")
    return name


def target(url: str) -> Template:
    """The URL of a check, as a template with "$message_id". Raises ConfigError for an invalid URL."""
    template = Template(url)
    if not template.is_valid() or not _NAMED.issuperset(template.get_identifiers()):
        raise ConfigError(f"[patchwork] target_url is {url!r}, but may name $message_id alone")
    try:
        parts = urllib.parse.urlsplit(url)
        good = not url or (parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0)
    except ValueError:
        good = False
    if not good or not url.isprintable() or " " in url or len(url) > LONGEST_URL:
        raise ConfigError(f"[patchwork] target_url is {url!r}, but must be like https://ci.example.org/$message_id")
    return template


def _check(reviewed: PatchReview, terms: CheckTerms) -> PatchCheck:
    patch = reviewed.patch
    sent_as = origin(patch)
    shown = select(ordered(reviewed), terms.min_severity, terms.min_confidence)
    open_findings = [finding for finding in shown if finding.resolved_by is None]
    missed = unread_of(reviewed)
    if not (reviewed.looked or missed):
        missed = (Unread(None, "nothing of it was read"),)
    url = terms.target.substitute(message_id=urllib.parse.quote(sent_as.ids[0], safe="@") if sent_as.ids else "")
    return PatchCheck(
        patch=f"{patch.number}/{patch.total} {patch.subject}",
        origin=sent_as,
        state=_state(open_findings, bool(missed), terms.fail_on),
        context=terms.context,
        description=_described(open_findings, missed, kernel_of(reviewed, terms.kernel)),
        target_url=url if len(url) <= LONGEST_URL else "",
    )


def _state(open_findings: list[Finding], missed: bool, fail_on: str) -> str:
    if open_findings:
        bad = () if fail_on == NEVER else SEVERITIES[SEVERITIES.index(fail_on) :]
        return "fail" if any(finding.severity in bad for finding in open_findings) else "warning"
    return "pending" if missed else "success"


def _described(open_findings: list[Finding], missed: tuple[Unread, ...], kernel: str) -> str:
    """A description that is the same for the same findings on other lines: a check that changes is posted again."""
    parts = [f"{_counted(open_findings)}: {_named(open_findings)}"] if open_findings else []
    if missed:
        reasons = (f"{part.path}: {part.reason}" if part.path else part.reason for part in missed)
        parts.append(f"not looked at: {', '.join(reasons)}")
    text = "; ".join(parts) or f"no remarks (kernel {kernel})"
    return clip(visible(one_line(text)), LONGEST)


def _counted(open_findings: list[Finding]) -> str:
    counts = Counter(severity.severity for severity in open_findings)
    worst_first = [(counts[severity], severity) for severity in reversed(SEVERITIES) if counts[severity]]
    return ", ".join(f"{count} {name}{'' if count == 1 else 's'}" for count, name in worst_first)


def _named(open_findings: list[Finding]) -> str:
    worst_first = sorted(open_findings, key=lambda finding: -SEVERITIES.index(finding.severity))
    return ", ".join(
        dict.fromkeys(
            f"{finding.rule} in {f'{finding.function}()' if finding.function else finding.path}"
            for finding in worst_first
        )
    )
