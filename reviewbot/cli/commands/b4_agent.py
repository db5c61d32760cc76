"""Runs `reviewbot agent`: reviews the b4 review branch that is checked out, and writes review files for b4."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from reviewbot import config
from reviewbot.cli.session import Session, SessionOptions, for_series, program, session_options
from reviewbot.drafts import write
from reviewbot.git.objects import Objects
from reviewbot.integrations.b4 import checkout, earlier_remarks, review_dir, review_files, source
from reviewbot.integrations.b4.checkout import Checkout
from reviewbot.integrations.b4.earlier_remarks import EarlierRemarks, ReplyPart
from reviewbot.integrations.b4.review_files import PatchRemarks
from reviewbot.integrations.b4.tracking import TrackedPatch
from reviewbot.kernel import rules
from reviewbot.model.errors import ConfigError, NothingToReview
from reviewbot.model.patch import Address
from reviewbot.model.review import PatchReview
from reviewbot.report.reply.headers import usable_address
from reviewbot.report.reply.texts import again
from reviewbot.report.select import ordered, select
from reviewbot.review import baseline
from reviewbot.review.neighbourhood.tree_source import TreeSource
from reviewbot.review.patient_engine import PatientEngine
from reviewbot.support.escape import one_line


def agent(options: argparse.Namespace) -> int:
    """Review the series and write the files. Gives 1 if there are questions, but 0 to b4, which takes 1 for a failure.

    Raises InputError if no review branch is checked out or its files cannot be written, NothingToReview if it is for
    another program than the kernel, ConfigError without a name to write under.
    """
    given = session_options(options)
    who = _identity(given)
    texts = write.load_texts(given.config.template_folder, config.data_path("templates"))
    with Objects(Path.cwd()) as objects:
        there = checkout.checked_out(objects)
        setup, reviews = _reviewed(there, objects, given)
        earlier = EarlierRemarks(setup.kernel, _earlier(there, objects, setup))
        severity = options.min_severity or given.config.report.min_severity
        confidence = options.min_confidence or given.config.surface.of(config.B4)
        bars = _Bars(severity, confidence, given.config.mail.most)
        asked = [_asked(reviewed, one, earlier, bars) for reviewed, one in _wanted(there, reviews, setup)]
    by = f"kernel {setup.kernel_name}, rules {rules.digest(setup.folders)}"
    content = review_files.files(asked, who, by, again(texts), whole=not there.tracking.skipped)
    _tell(there, asked, content, review_dir.put_review(there.folder, content), setup)
    return int(bool(content) and options.prompt is None)


class _Bars(NamedTuple):
    """The bars of severity and confidence, and the most questions about one patch."""

    severity: str
    confidence: str
    most: int


def _identity(given: SessionOptions) -> Address:
    """The user, under an address of its own: files under the maintainer's address b4 sends without asking."""
    who = config.identity(given.config)
    if not usable_address(who.email):
        raise ConfigError(f"invalid sender address {who.email!r}")
    return review_files.distinct_identity(who)


def _reviewed(there: Checkout, objects: Objects, given: SessionOptions) -> tuple[Session, Sequence[PatchReview]]:
    found = source.of_series(there.tracking, objects, there.tip.id)
    version, names = source.kernel_of_commit(found.commit, objects, given.config.tree.headers)
    if version is None and (other := program(given, found.series)):
        raise NothingToReview(f"a series to {other}, which is not the kernel: {one_line(found.series.subject)}")
    setup = for_series(given, found.series, version, names)
    setup.tell(f"read: {found.how}")
    with setup.counting(len(found.series.patches)) as done:
        seconds = given.config.limits.seconds
        tree = TreeSource(objects, setup.index())
        engine = PatientEngine(setup.kernel, setup.rules, seconds, found.read, tree, done=done)
        return setup, baseline.without_ignored(engine.review(found.series).patches, setup.config.ignore)


def _earlier(there: Checkout, objects: Objects, setup: Session) -> Iterator[ReplyPart]:
    """The replies: of the maintainer to the last version, and of others to this one and the last."""
    yield from earlier_remarks.replies(there.tracking.prior, "the review of the last version")
    for key, blob in there.tracking.blobs:
        text = objects.file(blob)
        if text is None:
            setup.say(f"{key} {blob[:12]} is not here any more: what was said there may be asked again")
        else:
            yield from earlier_remarks.replies(text.decode("utf-8", "replace"), f"somebody in {key}")


def _wanted(
    there: Checkout, reviews: Sequence[PatchReview], setup: Session
) -> Iterator[tuple[PatchReview, TrackedPatch]]:
    """The reviews of patches that are not marked as skipped, with b4's data; like b4, by their order."""
    if len(reviews) != len(there.tracking.patches):
        setup.say(f"the branch has {len(reviews)} commits for {len(there.tracking.patches)} patches: b4 counts commits")
    for reviewed, one in zip(reviews, there.tracking.patches, strict=False):
        if one.skipped:
            setup.tell(f"{_name(reviewed)}: left out, it is marked as skipped")
        else:
            yield reviewed, one


def _asked(reviewed: PatchReview, one: TrackedPatch, earlier: EarlierRemarks, bars: _Bars) -> PatchRemarks:
    keep, left = [], []
    for found in select(ordered(reviewed), bars.severity, bars.confidence):
        if found.resolved_by is not None:
            continue
        sayer = earlier.sayer(found, one.comments)
        if sayer:
            left.append(f"{found.rule} at {found.path}:{found.line}, which {sayer} has said")
        else:
            keep.append(found)
    if len(keep) > bars.most:
        left.append(f"{len(keep) - bars.most} more (most under [mail] in config.toml)")
    return PatchRemarks(reviewed, tuple(keep[: bars.most]), tuple(left))


def _tell(
    there: Checkout, asked: Sequence[PatchRemarks], content: Mapping[str, bytes], kept: Sequence[str], setup: Session
) -> None:
    for one in asked:
        for text in one.said:
            setup.tell(f"{_name(one.reviewed)}: left out: {text}")
        for part in one.reviewed.unread:
            setup.say(f"{_name(one.reviewed)}: not looked at: {f'{part.path}: ' if part.path else ''}{part.reason}")
    for name in kept:
        setup.say(f"{there.folder / name} is somebody else's, or was edited: it was left as it is")
    if not content:
        setup.say("nothing to ask about: no review files")
        return
    count = sum(len(one.findings) for one in asked)
    setup.say(f"{count} question{'' if count == 1 else 's'} in {there.folder}")
    where = f" in {there.elsewhere}: it does not look for these files in a linked work tree" if there.elsewhere else ""
    setup.say(f"b4 review tui takes them in when it opens the series{where}")


def _name(reviewed: PatchReview) -> str:
    return f"{reviewed.patch.number}/{reviewed.patch.total} {one_line(reviewed.patch.subject)}"
