"""Renders a review as a submission to KCIDB, by version 5.3 of its schema: a checkout, and a test for each patch.

What is not known is left out, as the schema wants it: no value has a default there. A test belongs to a build, and a
review builds nothing; without `build_id` under [kcidb] the tests name a build that is called a dummy, as KernelCI's own
tests without a build do, and that says so. An object with the same id as an earlier one adds to it: so the id of a test
changes with whatever may change its result.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from string import Template
from urllib.parse import quote

from reviewbot import __version__
from reviewbot.model.patch import Patch, Unread
from reviewbot.model.review import SEVERITIES, PatchReview, Review
from reviewbot.report.answers.head import Json, answer_text
from reviewbot.report.formats.json_v1 import remark_json
from reviewbot.report.kcidb.options import KcidbOptions
from reviewbot.report.remarks import Remark, ReportContext, remarks_of
from reviewbot.report.select import kernel_of, unread_beside, unread_of
from reviewbot.support.escape import clip, visible

VERSION: dict[str, Json] = {"major": 5, "minor": 3}
_COMMIT = re.compile(r"[0-9a-f]{40}")
_EXCERPT = 16_000  # characters; KCIDB refuses much longer ones
_NEVER = "never"
Submitted = dict[str, Json]


def render(review: Review, context: ReportContext) -> str:
    """The submission in ASCII, with a newline at the end; of a review that read nothing it holds no test.

    Raises ValueError without the settings of [kcidb].
    """
    options = context.kcidb
    if options is None:
        raise ValueError("no settings for KCIDB")
    whole: Submitted = {"version": VERSION}
    if review.patches:
        key = _key(_names(review))
        build = options.build_id or f"{options.origin}:dummy_{key}"
        remarks = remarks_of(review, context)
        whole["checkouts"] = [_checkout(review, f"{options.origin}:{key}", options)]
        if not options.build_id:
            whole["builds"] = [_build(build, f"{options.origin}:{key}", options)]
        whole["tests"] = [
            _test(reviewed, build, [one for one in remarks if one.patch is reviewed.patch], context, options)
            for reviewed in review.patches
        ]
    return answer_text(whole)


def _checkout(review: Review, name: str, options: KcidbOptions) -> Submitted:
    series = review.series
    found: Submitted = {"id": name, "origin": options.origin, **_known(comment=visible(series.subject))}
    found |= _known(tree_name=options.tree_name, git_repository_url=options.git_repository_url)
    commits = [reviewed.patch.commit for reviewed in review.patches]
    tip = commits[-1]
    if tip is not None and _COMMIT.fullmatch(tip):
        found |= {"git_commit_hash": tip, "patchset_hash": "", "valid": True}
    elif None in commits:
        if series.base is not None and _COMMIT.fullmatch(series.base):
            found["git_commit_hash"] = series.base
        if series.message_id is not None and "@" in series.message_id:
            found["message_id"] = visible(series.message_id)
        files = [_file(reviewed.patch, options.patch_url) for reviewed in review.patches]
        if all(files):
            found["patchset_files"] = [*files]
    beside = unread_beside(review)
    misc: Submitted = {"version": series.version, **({"unread": _unread(beside)} if beside else {})}
    return {**found, "misc": {"reviewbot": misc}}


def _file(patch: Patch, url: str) -> Json:
    """Where the mail of a patch can be had, None where that is not known."""
    if not url or patch.mail is None or not patch.mail.message_id:
        return None
    where = Template(url).safe_substitute(message_id=quote(visible(patch.mail.message_id), safe="@"))
    return {"name": f"{patch.number:04}.patch", "url": where}


def _build(name: str, checkout: str, options: KcidbOptions) -> Submitted:
    comment = "Nothing was built: the source was read."
    return {"id": name, "origin": options.origin, "checkout_id": checkout, "comment": comment}


def _test(
    reviewed: PatchReview, build: str, remarks: Sequence[Remark], context: ReportContext, options: KcidbOptions
) -> Submitted:
    patch = reviewed.patch
    kernel = kernel_of(reviewed, context.kernel)
    judged = (__version__, context.digest, kernel, context.min_severity, context.min_confidence, options.fail_on)
    missed = tuple(part for part in unread_of(reviewed) if part not in context.reply_only)
    status = _status(reviewed, remarks, missed, options.fail_on)
    rules = {rule.id: rule for rule in context.rules}
    misc: Submitted = {
        "version": __version__,
        "rules": context.digest,
        "kernel": kernel,
        "patch": patch.number,
        **_known(commit=patch.commit or "", message_id=visible(patch.mail.message_id) if patch.mail else ""),
        "depth": reviewed.depth,
        **_known(calls_followed=reviewed.width),
        "remarks": [remark_json(one.finding, rules.get(one.finding.rule), context.pages) for one in remarks],
        "unread": _unread(unread_of(reviewed)),
    }
    lines = [f"{one.finding.path}:{one.finding.line}: {one.finding.severity}: {one.finding.message}" for one in remarks]
    lines += [f"not looked at: {f'{part.path}: ' if part.path else ''}{part.reason}" for part in missed]
    name = patch.commit[:12] if patch.commit else f"patch {patch.number}/{patch.total}"
    return {
        "id": f"{options.origin}:{_key((build, str(patch.number), _name(patch), *judged))}",
        "origin": options.origin,
        "build_id": build,
        "path": options.path,
        "status": status,
        "comment": visible(f"{name}: {patch.subject}"),
        **_known(log_excerpt=clip("\n".join(map(visible, lines)), _EXCERPT)),
        "misc": {"reviewbot": misc},
    }


def _status(reviewed: PatchReview, remarks: Iterable[Remark], missed: Sequence[Unread], fail_on: str) -> str:
    """A word of the schema.

    FAIL: a remark is bad enough to call the code faulty. ERROR: something was not read, so that nobody knows. SKIP:
    there was nothing to read. DONE: there are remarks, and a person has to judge. PASS: there is none.
    """
    found = [SEVERITIES.index(one.finding.severity) for one in remarks]
    if fail_on != _NEVER and max(found, default=-1) >= SEVERITIES.index(fail_on):
        return "FAIL"
    if missed:
        return "ERROR"
    if not reviewed.looked or not reviewed.files:
        return "SKIP"
    return "DONE" if found else "PASS"


def _unread(parts: Sequence[Unread]) -> list[Json]:
    return [{"path": part.path and visible(part.path), "reason": visible(part.reason)} for part in parts]


def _known(**values: str) -> Mapping[str, Json]:
    return {key: value for key, value in values.items() if value}


def _names(review: Review) -> Iterable[str]:
    """What identifies the reviewed code, whatever is said of it."""
    yield review.series.base or ""
    for reviewed in review.patches:
        yield _name(reviewed.patch)


def _name(patch: Patch) -> str:
    return patch.commit or (patch.mail.message_id if patch.mail else "") or f"{patch.subject}\0{patch.diff}"


def _key(parts: Iterable[str]) -> str:
    """A name for an object that is the same in every run."""
    return hashlib.sha256("\0".join(parts).encode("utf-8", "surrogatepass")).hexdigest()[:32]
