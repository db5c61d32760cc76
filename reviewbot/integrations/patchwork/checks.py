"""A Review in, the checks that Patchwork is to show beside its patches out: one a patch, posted by nobody here.

The states are those of Patchwork (patchwork/models.py, class Check). A remark that no later patch settles is a
`warning`, or a `fail` if it is bad enough; `success` says that all of the patch was read and nothing was found. A patch
without remarks of which something was not read is `pending`, the one state that neither praises nor blames it: any
other would say more than is known, and no check at all could not be told from one that never ran.
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
STATES = ("success", "pending", "warning", "fail")  # what says more, last
LONGEST = 255  # characters of a description, and of a context (models.SlugField)
LONGEST_URL = 200  # models.URLField; a longer one is left out
_NAMED = frozenset(("message_id",))  # what a target URL may name


class CheckTerms(Struct, frozen=True):
    """How a review becomes checks. `fail_on`: the severity from which on a remark is a `fail`, or "never".

    `context` is one of slug(), `target` one of target().
    """

    min_severity: str
    min_confidence: str
    fail_on: str
    context: str
    target: Template
    kernel: str


class PatchCheck(Struct, frozen=True):
    """What Patchwork is to say of a patch. `patch` names it to the person who runs this."""

    patch: str
    origin: MailOrigin
    state: str  # one of STATES
    context: str
    description: str
    target_url: str


def checks(review: Review, terms: CheckTerms) -> tuple[PatchCheck, ...]:
    """A check for each patch, in order; one for all commits that came by the same mail."""
    found: dict[object, PatchCheck] = {}
    for number, one in enumerate(_check(reviewed, terms) for reviewed in review.patches):
        mail = one.origin if one.origin.ids else number
        found[mail] = _joined(found[mail], one) if mail in found else one
    return tuple(found.values())


def _joined(one: PatchCheck, other: PatchCheck) -> PatchCheck:
    worse, better = sorted((one, other), key=lambda check: STATES.index(check.state), reverse=True)
    if worse.state == better.state == STATES[0]:
        return one
    both = worse.description if better.state == STATES[0] else f"{worse.description}; {better.description}"
    return replace(worse, patch=one.patch, description=clip(both, LONGEST))


def slug(context: str) -> str:
    """A context as Patchwork takes it: letters, digits, "-" and "_". Raises ConfigError where nothing is left."""
    made = re.sub(r"[^0-9A-Za-z_]+", "-", context).strip("-")[:LONGEST]
    if not made:
        raise ConfigError(f"[patchwork] context is {context!r}, but must have a letter or a digit")
    return made


def target(url: str) -> Template:
    """Where a check leads to; "$message_id" stands for that of the patch. Raises ConfigError for what is no URL."""
    made = Template(url)
    if not made.is_valid() or not _NAMED.issuperset(made.get_identifiers()):
        raise ConfigError(f"[patchwork] target_url is {url!r}, but may name $message_id alone")
    try:
        parts = urllib.parse.urlsplit(url)
        good = not url or (parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0)
    except ValueError:
        good = False
    if not good or not url.isprintable() or " " in url or len(url) > LONGEST_URL:
        raise ConfigError(f"[patchwork] target_url is {url!r}, but must be like https://ci.example.org/$message_id")
    return made


def _check(reviewed: PatchReview, terms: CheckTerms) -> PatchCheck:
    patch = reviewed.patch
    came = origin(patch)
    shown = select(ordered(reviewed), terms.min_severity, terms.min_confidence)
    still = [one for one in shown if one.resolved_by is None]
    missed = unread_of(reviewed)
    if not (reviewed.looked or missed):
        missed = (Unread(None, "nothing of it was read"),)
    url = terms.target.substitute(message_id=urllib.parse.quote(came.ids[0], safe="@") if came.ids else "")
    return PatchCheck(
        patch=f"{patch.number}/{patch.total} {patch.subject}",
        origin=came,
        state=_state(still, bool(missed), terms.fail_on),
        context=terms.context,
        description=_described(still, missed, kernel_of(reviewed, terms.kernel)),
        target_url=url if len(url) <= LONGEST_URL else "",
    )


def _state(still: list[Finding], missed: bool, fail_on: str) -> str:
    if still:
        bad = () if fail_on == NEVER else SEVERITIES[SEVERITIES.index(fail_on) :]
        return "fail" if any(one.severity in bad for one in still) else "warning"
    return "pending" if missed else "success"


def _described(still: list[Finding], missed: tuple[Unread, ...], kernel: str) -> str:
    """The same for the same remarks, whichever line they are on: what changes is posted again."""
    parts = [f"{_counted(still)}: {_named(still)}"] if still else []
    if missed:
        told = (f"{part.path}: {part.reason}" if part.path else part.reason for part in missed)
        parts.append(f"not looked at: {', '.join(told)}")
    text = "; ".join(parts) or f"no remarks (kernel {kernel})"
    return clip(visible(one_line(text)), LONGEST)


def _counted(still: list[Finding]) -> str:
    counts = Counter(one.severity for one in still)
    worst_first = [(counts[one], one) for one in reversed(SEVERITIES) if counts[one]]
    return ", ".join(f"{count} {name}{'' if count == 1 else 's'}" for count, name in worst_first)


def _named(still: list[Finding]) -> str:
    worst_first = sorted(still, key=lambda one: -SEVERITIES.index(one.severity))
    return ", ".join(
        dict.fromkeys(f"{one.rule} in {f'{one.function}()' if one.function else one.path}" for one in worst_first)
    )
