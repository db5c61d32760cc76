"""The ways that foreign bytes take through the program, a function each: any bytes in, nothing out, or what went wrong.

What the program has a word for (InputError and its like) is right. Everything else that is raised is a finding, as is
an output that the strict readers of the tests cannot read.
"""

from __future__ import annotations

import contextlib
import io
import os
import tempfile
import unittest.mock
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path

from msgspec.structs import replace

import fixtures
import letters
import report_cases
from report_readers import READERS
from reviewbot.archive import heads
from reviewbot.archive.local.mbox import MboxArchive
from reviewbot.archive.port import ArchiveOptions
from reviewbot.config import data_path
from reviewbot.kernel.rules import load
from reviewbot.mail import mailbox, series
from reviewbot.model.errors import InputError
from reviewbot.model.kernel import Version
from reviewbot.model.patch import Patch, Series
from reviewbot.model.review import Finding
from reviewbot.patch import parse
from reviewbot.patch.function_hunks import text_of
from reviewbot.report.registry import FORMATS, LOCAL
from reviewbot.review.engine import Engine

TESTS = Path(__file__).parent.parent
VERSION: Version = (6, 12)
_LARGEST = 1 << 20  # bytes of a mailbox
_SEEDS = 6000  # bytes; longer ones teach nothing more and take their time


@cache
def engine() -> Engine:
    return Engine(*load((data_path("rules"),), VERSION))


@cache
def examples() -> Sequence[str]:
    """The diffs of all fixtures of the rules, which are small."""
    every = (one.diff for path in sorted((TESTS / "rules").glob("*.md")) for one in fixtures.cases(path))
    return tuple(one for one in every if len(one) <= _SEEDS)


# --- what each way begins with ---


def mails() -> Iterator[bytes]:
    for path in sorted((TESTS / "threads").glob("*.mbox")):
        yield path.read_bytes()
    for made in (letters.series(1, 2), letters.series(3, 1, cover=False), [letters.mail("Re: it", "> no\n")]):
        yield b"".join(b"From mboxrd@z Thu Jan  1 00:00:00 1970\n" + one + b"\n" for one in made)
    yield from letters.series(1, 1, cover=False)


def diffs() -> Iterator[bytes]:
    yield from (one.encode() for one in examples())


def sources() -> Iterator[bytes]:
    """What the diffs make of their files."""
    for one in examples():
        for change in parse.parse_diff(one)[0]:
            lines = (line.text for hunk in change.hunks for line in hunk.lines if line.mark != "-")
            yield "\n".join(lines).encode("utf-8", "surrogateescape")


def reports() -> Iterator[bytes]:
    yield from (
        b"fs/toy/a.c",
        b"::error::x",
        b"##teamcity[x",
        b"]]>",
        b'"\\u0000',
        b"\xff\xfe",
        b"a|b`c*d_",
        b"\x1b[1m",
    )


# --- the ways ---


def mail(data: bytes) -> None:
    """A mailbox: cut, parsed, grouped by b4, reviewed, and drafted an answer to."""
    try:
        found, _ = mailbox.read_mails("-", io.BytesIO(data), _LARGEST)
        thread = series.newest(found)
    except InputError:
        return
    review = engine().review(thread)
    for name in FORMATS:
        FORMATS[name].render(review, report_cases.frame(rules=_rules()))
    report_cases.composed(review)


def diff(data: bytes) -> None:
    """A diff by itself, seen through its hunks."""
    text = data.decode("utf-8", "surrogateescape")
    patch = Patch(1, 1, "toy: a change", "", text)
    engine().review(Series("toy", 1, (patch,)))


def source(data: bytes) -> None:
    """A C file, read as a whole, with every function of it new."""
    text = data.decode("utf-8", "surrogateescape")
    engine().wrong("fs/toy/toy.c", (None, text_of("fs/toy/toy.c", text)), "")


def report(data: bytes) -> None:
    """A review all of whose texts are somebody else's, in every format; each reader finds the remark again."""
    said = data.decode("utf-8", "surrogateescape")
    line = said.replace("\n", " ").replace("\r", " ")
    made = report_cases.reviewed([report_cases.SCOPE])
    (one,) = made.findings
    found = replace(one, path=_path(said), line_text=line, function=line[:60], message=line or "x", question=said)
    patch = replace(made.patch, subject=line, body=said)
    review = report_cases.review(replace(made, patch=patch, findings=(found,)))
    for name, form in LOCAL.items():
        text = form.render(review, report_cases.frame())
        if name in READERS:
            _read_again(name, text, found)
    report_cases.composed(review)


def _read_again(name: str, text: str, found: Finding) -> None:
    rows = READERS[name](text)
    if len(rows) != 1 or rows[0].rule != found.rule:
        raise AssertionError(f"{name}: {len(rows)} remarks where there is one")


def _path(said: str) -> str:
    """As changes.parse() lets a path through."""
    return "".join(char for char in said if char >= " ").strip("/") or "a.c"


@cache
def _rules() -> tuple[object, ...]:
    return tuple(rule for rule, _ in engine().rules)


Way = Callable[[bytes], None]


def archive(data: bytes) -> None:
    """A file that an archive is read from, at once and in small parts; and the threads of what is in it."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "list.mbox")
        path.write_bytes(data)
        os.utime(path, (0, 0))
        found = [_arrivals(path, part) for part in (64, 4 << 20)]
        assert found[0] == found[1]
        for raw in found[0][:3]:
            MboxArchive(path, ArchiveOptions(), lambda: 1e9).thread(heads.mail_head(raw).message_id.decode("latin-1"))


def _arrivals(path: Path, part: int) -> list[bytes]:
    with unittest.mock.patch("reviewbot.archive.local.mbox._PART", part), contextlib.suppress(InputError):
        batches = MboxArchive(path, ArchiveOptions(), lambda: 1e9).new("", 0)
        return [one.raw for batch in batches for one in batch.mails]
    return []


WAYS: Mapping[str, tuple[Way, Callable[[], Iterator[bytes]]]] = {
    "archive": (archive, mails),
    "mail": (mail, mails),
    "diff": (diff, diffs),
    "source": (source, sources),
    "report": (report, reports),
}
