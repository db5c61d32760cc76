"""What goes out: findings with their evidence, and the review of a series."""

from __future__ import annotations

from msgspec import Struct

from reviewbot.model.kernel import Version
from reviewbot.model.patch import FileChange, Patch, Series, Unread

SEVERITIES = ("note", "warning", "error")


CONFIDENCES = ("low", "medium", "high")


class Evidence(Struct, frozen=True):
    """A line that shows why: where a scope was entered, where a lock was taken, how a mask came to be."""

    path: str
    line: int
    function: str
    text: str
    note: str


class Finding(Struct, frozen=True):
    """One remark, hung on a line of the new file. `message` is for a terminal, `question` for a mail.

    `fix`: the line as it would be, where a change to this line alone surely mends it. `key`: what tells the cause from
    others of the rule in the function, whatever lines it stands on.
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


class PatchReview(Struct, frozen=True):
    """What was found in one patch. `depth` says what it was seen through: diff, file or tree.

    `whole`: the paths of the files seen as a whole; `unlisted`: added lines in hunks that `files` does not hold, of a
    commit; `kernel`: what it was judged by, None for the kernel of the review.
    """

    patch: Patch
    findings: tuple[Finding, ...]
    unread: tuple[Unread, ...] = ()
    depth: str = "diff"
    files: tuple[FileChange, ...] = ()
    whole: frozenset[str] = frozenset()
    unlisted: int = 0
    kernel: Version | None = None

    @property
    def looked(self) -> bool:
        """Whether anything of it was read; a commit without a file that can be read holds no surprise."""
        return bool(self.files) or (self.patch.after is not None and not self.unread)


class Review(Struct, frozen=True):
    series: Series
    patches: tuple[PatchReview, ...]
    kernel: Version
    unread: tuple[Unread, ...] = ()
    set_aside: int = 0  # remarks that are known or ignored, and in none of the patches

    @property
    def looked(self) -> bool:
        """Whether silence means something: anything was read, or there was nothing to read."""
        return any(one.looked for one in self.patches) or not (self.patches or self.unread or self.series.unread)
