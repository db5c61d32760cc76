"""Reviews made by hand for the tests of the reports: a diff and the lines somebody asks about in, a Review out."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from reviewbot.drafts import write
from reviewbot.model.kernel import Rule
from reviewbot.model.patch import Address, Mail, Patch, Series
from reviewbot.model.review import Evidence, Finding, PatchReview, Review
from reviewbot.patch import parse
from reviewbot.report.kcidb.options import KcidbOptions
from reviewbot.report.remarks import ReportContext
from reviewbot.report.reply.message import Draft, DraftSet, Options, compose
from reviewbot.report.reply.sender import Sender
from reviewbot.report.reply.texts import Texts

TEMPLATES = Path(__file__).parents[2] / "templates"
SENDER = Sender("Ida Reviewer", "ida@review.example")
AUTHOR = Address("Ada Author", "ada@author.example")
NOW = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)

QUESTION = (
    "This scope takes direct reclaim from every allocation below it, also from those that must not fail. "
    "Is it certain that none of them is reached from here?\n\n"
    "See the matrix."
)

DIFF = Path(__file__).with_name("report_toy.diff").read_text(encoding="utf-8")
SCOPE = "unsigned int flags = toy_save"
ALLOC = "t->buf = toy_alloc"
DRAIN = "t->other = toy_alloc"
DIR = "int b = toy_save"


def mail(number: int = 1, total: int = 1, **other: object) -> Mail:
    values: dict[str, object] = {
        "message_id": f"20260304.{number}@author.example",
        "subject": "[PATCH] toy: fill" if total == 1 else f"[PATCH v2 {number}/{total}] toy: fill {number}",
        "author": AUTHOR,
        "date": "Tue, 3 Mar 2026 09:00:00 +0100",
        "to": (Address("", "toy-devel@lists.example"),),
        "cc": (Address("Max Maintainer", "max@maint.example"),),
        "references": ("cover@author.example",) if total > 1 else (),
    }
    return Mail(**{**values, **other})  # type: ignore[arg-type]


def finding(files, needle: str, **other: object) -> Finding:
    """A finding on the line of the new side that holds `needle`; one beside the diff where none does."""
    path, line, text = next(
        (
            (change.path, line.new, line.text)
            for change in files
            for hunk in change.hunks
            for line in hunk.lines
            if line.mark != "-" and needle in line.text
        ),
        ("fs/toy/elsewhere.c", 7, needle),
    )
    values: dict[str, object] = {
        "rule": "toy-scope",
        "severity": "error",
        "confidence": "high",
        "path": path,
        "line": line,
        "line_text": text,
        "function": "toy_fill",
        "message": "a scope that takes reclaim away",
        "question": QUESTION,
        "fingerprint": needle.encode().hex()[:16],
    }
    return Finding(**{**values, **other})  # type: ignore[arg-type]


def evidence(files, needle: str, note: str = "scope entered") -> Evidence:
    there = finding(files, needle)
    return Evidence(there.path, there.line, "toy_fill", there.line_text.strip(), note)


def reviewed(asks=(), *, diff: str = DIFF, number: int = 1, total: int = 1, given: Mail | None = None, **other):
    """One patch; `asks` are needles, or (needle, changed values) pairs."""
    files, unread = parse.parse_diff(diff)
    pairs = [(ask, {}) if isinstance(ask, str) else ask for ask in asks]
    findings = tuple(finding(files, needle, **values) for needle, values in pairs)
    patch = Patch(number, total, f"toy: fill {number}", "Fill it.\n", diff, given or mail(number, total))
    values = {"unread": unread, "depth": "diff", "files": files, **other}
    return PatchReview(patch, findings, **values)  # type: ignore[arg-type]


def review(*patches: PatchReview, cover: Mail | None = None, **other) -> Review:
    series = Series("toy: fill", 2, tuple(patch.patch for patch in patches), cover)
    return Review(series, patches, (6, 12), **other)


def texts() -> Texts:
    return write.load_texts(TEMPLATES, TEMPLATES)


def composed(given: Review, sender: Sender = SENDER, **options) -> DraftSet:
    return compose(given, sender, texts(), Options(**{"now": NOW, "digest": "d1", **options}))


def only(given: Review, **options) -> Draft:
    (draft,) = composed(given, **options).drafts
    return draft


KCIDB = KcidbOptions("toys", "reviewbot", "error", "", "", "", "https://lore.example/$message_id/raw")
RULES = (
    Rule(
        *("toy-scope", "error", "high", "diff", "toys:scope"),
        summary="the scope of $call() takes reclaim away",
        question="Is it?",
        why="It does.\n\nAlways [so](1): $$5 *each*.",
        fix="Leave it out.",
        see=("mm/toy.c: toy_save()",),
    ),
    Rule(*("toy-other", "note", "medium", "diff", "toys:other"), summary="$what", question="?", why="Yes.", fix="No."),
)


def frame(**other: object) -> ReportContext:
    given = {"kernel": "6.12", "digest": "d1", "rules": RULES, "kcidb": KCIDB, **other}
    return ReportContext(**given)  # type: ignore[arg-type]
