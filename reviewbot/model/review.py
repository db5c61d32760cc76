"""Defines the result: findings with their evidence, and the review of a series."""

from __future__ import annotations

from msgspec import Struct

from reviewbot.model.kernel import Version
from reviewbot.model.patch import FileChange, Patch, Series, Unread

SEVERITIES = ("note", "warning", "error")


CONFIDENCES = ("low", "medium", "high")
# notes of evidence: of a line that is only beside what was taken away, and of one that leads to what a finding is about
REMOVED_HERE = "a condition, an unlock or a value is removed here"
CHANGED_HERE = "what leads there is changed here"
ADDED_LOCK = "a lock is taken here for the caller"

WIDTHS = ("series", "folder", "tree")  # how far calls are followed: in the files of the series, or further


class Evidence(Struct, frozen=True):
    """A line that proves a finding: it enters a scope, takes a lock or sets a mask. `line`: 1-based, new side."""

    path: str
    line: int
    function: str
    text: str
    note: str


class ChainStep(Evidence, frozen=True):
    """A line of a call chain. `level`: how many calls below the first function it stands."""

    level: int = 0


class ShownChain(Struct, frozen=True):
    """The calls that lead from what is held, or handed over, down to the line that a finding is about.

    `functions`: those on the way, the outermost first; `steps`: the lines that show it, in the order in which they are
    run; `others`: how many more chains were found to the same line; `doubts`: what is not certain on this one.
    """

    functions: tuple[str, ...]
    steps: tuple[ChainStep, ...]
    others: int = 0
    doubts: tuple[str, ...] = ()


class Finding(Struct, frozen=True):
    """A finding of one rule at one line of the new file. `message` is for a terminal, `question` for a mail.

    `fix`: the whole line as it should be, None unless a change of this line alone surely mends it. `key`: identifies
    the cause within (rule, function), independent of line numbers. `fingerprint`: see review.findings.fingerprint().
    `spoken`: the line of the new side that `question` speaks of, 1-based, where that is another one below `line`.
    `resolved_by`: the name of the later patch that fixes it, None while it is open. `chain`: the calls by which the
    line is reached, None where the evidence is of one function.
    """

    rule: str
    severity: str
    confidence: str
    path: str
    line: int  # 1-based, new side
    line_text: str  # without its "+"
    function: str
    message: str
    question: str
    evidence: tuple[Evidence, ...] = ()
    resolved_by: str | None = None
    fingerprint: str = ""
    fix: str | None = None
    key: str = ""
    chain: ShownChain | None = None
    spoken: int | None = None

    @property
    def needs_other_files(self) -> bool:
        """Whether it takes other files to see it."""
        return any(one.path != self.path for one in self.evidence)


class PatchReview(Struct, frozen=True):
    """The findings of one patch. `depth`: how much was read: "diff" for hunks, "file" for whole files, or "tree".

    `whole`: the paths of the files that were read as a whole; `unlisted`: how many lines a commit adds in hunks that
    are not in `files`; `kernel`: the version whose facts applied, None for that of the review. `width`: how far calls
    were followed, one of WIDTHS, "" where nothing was read; `calls_left`: how many new ones under a lock or in a scope
    leave that, None where they are not counted, because calls are followed beyond the series.
    """

    patch: Patch
    findings: tuple[Finding, ...]
    unread: tuple[Unread, ...] = ()
    depth: str = "diff"
    files: tuple[FileChange, ...] = ()
    whole: frozenset[str] = frozenset()
    unlisted: int = 0
    kernel: Version | None = None
    width: str = ""
    calls_left: int | None = 0

    @property
    def looked(self) -> bool:
        """Whether anything of the patch was read. A commit counts as read if it has no file that could be."""
        return bool(self.files) or (self.patch.after is not None and not self.unread)


class Review(Struct, frozen=True):
    """The review of a series: one PatchReview for each of its patches, in order."""

    series: Series
    patches: tuple[PatchReview, ...]
    kernel: Version
    unread: tuple[Unread, ...] = ()
    set_aside: int = 0  # findings that are known or ignored, and left out of `patches`

    @property
    def looked(self) -> bool:
        """Whether an empty review means something: anything was read, or there was nothing to read."""
        return any(patch.looked for patch in self.patches) or not (self.patches or self.unread or self.series.unread)
