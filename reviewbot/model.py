"""The nouns of reviewbot, as frozen structs, and its errors; nothing else of ours is imported.

Errors (each knows the exit code the command line turns it into):
    ReviewbotError
    +-- UsageError      2   a command line that cannot be meant
    +-- ConfigError     2   config.toml or a rule file says something it may not
    +-- InputError      3   the input could not be looked at
        +-- FetchError  3   a server did not give us the thread
        +-- NothingToReview  3   the mails were read and no patch is among them
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property

from msgspec import Struct

Version = tuple[int, int]
Data = str | int | bool | tuple[str, ...]

SEVERITIES = ("note", "warning", "error")
CONFIDENCES = ("low", "medium", "high")


class ReviewbotError(Exception):
    """Whatever reviewbot says in one line before it ends; `except ReviewbotError` catches all of it."""

    exit_code = 3


class UsageError(ReviewbotError):
    exit_code = 2


class ConfigError(ReviewbotError):
    exit_code = 2


class InputError(ReviewbotError):
    exit_code = 3


class FetchError(InputError):
    """`status` is the HTTP status, None where no answer came at all."""

    def __init__(self, message: str, status: int | None = None) -> None:
        super().__init__(message)
        self.status = status


class NothingToReview(InputError):
    """A pull request, a lone reply or cover letter: nothing is wrong with it, and nothing can be said."""


# --- masks, flags, scopes, allocators: what rules/_*.toml say at one kernel version ---


class Mask(Struct, frozen=True):
    """A gfp mask as two sets of bit names: those surely set, and those that may be; must <= may."""

    must: frozenset[str]
    may: frozenset[str]

    def lacks(self, bit: str) -> bool:
        """The bit is surely clear."""
        return bit not in self.may


class Verdict(Struct, frozen=True):
    """One cell of the flag-scope matrix: safe, unsafe, pointless, context or none, and why."""

    word: str
    why: str
    source: str


class Flag(Struct, frozen=True):
    """A __GFP_ bit or a GFP_ compound with the bits it holds at this kernel version."""

    name: str
    kind: str  # "bit" | "compound"
    group: str
    bits: frozenset[str]
    meaning: str
    on: Verdict  # a scope that sets it
    off: Verdict  # a scope that clears it
    api: tuple[str, ...] = ()  # calls that open a scope over it today
    requested: str = ""
    internal: bool = False  # for mm/ alone
    base: bool = False  # a mask of its own: it says whether the request may reclaim


class Lifetime(Struct, frozen=True):
    """A name that exists from `since` (None: always) up to but not in `until` (None: still there)."""

    name: str
    since: Version | None
    until: Version | None
    note: str = ""
    instead: str = ""

    @property
    def never(self) -> bool:
        """A name people write that no version had."""
        return self.until == (0, 0)

    def holds(self, version: Version) -> bool:
        return (self.since is None or version >= self.since) and (self.until is None or version < self.until)


class ScopeCall(Struct, frozen=True):
    """A call that enters or leaves a scope.

    `has`: a word one argument must name (PF_MEMALLOC_NOFS), "" for none. `token`: where the saved
    state stands: "result", an argument's 0-based index as text, or "" for none. `key`: the 0-based
    argument that names the lock, -1 for none. `when`: "" always, "true" if the call returns true.
    """

    call: str
    has: str = ""
    token: str = ""
    key: int = -1
    when: str = ""


class ScopeKind(Struct, frozen=True):
    """Anything entered and left that changes what an allocation may do.

    `clears`/`sets`: gfp bits taken from or added to every mask below; `hides`: PF_ bits whose scopes have no effect
    on a mask while this one is open; `atomic`: nothing below may sleep; `flag`: the PF_ bit; `verdict`: the matrix'.
    """

    name: str
    family: str  # "memalloc" | "handle" | "expression" | "memcg" | "lock" | "rcu" | "irq" | "bh" | "preempt"
    enter: tuple[ScopeCall, ...]
    leave: tuple[ScopeCall, ...]
    guards: tuple[str, ...] = ()  # names in guard(NAME)(...), scoped_guard(NAME, ...)
    clears: frozenset[str] = frozenset()
    sets: frozenset[str] = frozenset()
    atomic: bool = False
    flag: str = ""
    verdict: str = "safe"
    why: str = ""
    source: str = ""
    hides: tuple[str, ...] = ()
    known_by: str = ""  # a name that the headers of a tree have where, and only where, they have this scope


class Limit(Struct, frozen=True):
    """What an allocator does with a mask that surely has all of `has` and surely lacks all of `lacks`."""

    name: str
    has: frozenset[str]
    lacks: frozenset[str]
    effect: str  # what the kernel does, as the end of "kmalloc() ..."
    instead: str
    source: str
    severity: str = ""  # "" = the rule's own
    confidence: str = ""


class Allocator(Struct, frozen=True):
    """A function that allocates: where its mask, sizes and order stand, counted from 0."""

    name: str
    family: str
    gfp: int | None  # None: it takes no mask and uses `implicit`
    implicit: str = ""  # a gfp expression
    size: tuple[int, ...] = ()
    order: int | None = None
    sleeps: str = "mask"  # "mask": as the mask says | "always" | "never"
    allocates: bool = True  # False: it only looks at the mask
    returns: str = "pointer"  # "pointer" | "errno" | "count" | "errptr" | "other"
    nofail_order: int = -1  # largest order __GFP_NOFAIL is promised for, -1 for any
    nofail_when: frozenset[str] = frozenset()  # bits with which it never fails (mempools)
    limits: tuple[Limit, ...] = ()


class Kernel(Struct, frozen=True, dict=True):
    """What rules/_*.toml say at one kernel version."""

    version: Version
    flags: Mapping[str, Flag]
    spans: Mapping[str, Lifetime]  # every GFP_/PF_MEMALLOC name with a known life, this version or not
    scopes: Mapping[str, ScopeKind]
    allocators: Mapping[str, Allocator]
    words: Mapping[str, frozenset[str]]  # _macros.toml: lists of words by purpose

    @cached_property
    def bits(self) -> frozenset[str]:
        """Every single bit of this version."""
        return frozenset(name for name, flag in self.flags.items() if flag.kind == "bit")


class Rule(Struct, frozen=True, eq=False):
    """One rules/<id>.toml, itself and no other. Texts are string.Template sources filled from a finding's values."""

    id: str
    severity: str
    confidence: str
    depth: str  # "diff" | "file" | "tree"
    check: str  # "module:function" under reviewbot.checks
    summary: str
    question: str
    why: str
    fix: str
    see: tuple[str, ...] = ()
    since: Version | None = None
    until: Version | None = None
    rows: tuple[Mapping[str, Data], ...] = ()
    yields_to: tuple[str, ...] = ()  # rules that say more of a line


# --- mails and diffs ---


class Address(Struct, frozen=True):
    name: str
    email: str


class Mail(Struct, frozen=True):
    """The headers of a mail that a reply needs, decoded; ids without angle brackets."""

    message_id: str
    subject: str
    author: Address
    date: str  # as the mail gave it, decoded, one line
    to: tuple[Address, ...] = ()
    cc: tuple[Address, ...] = ()
    references: tuple[str, ...] = ()  # oldest first
    reply_to: tuple[Address, ...] = ()
    automatic: bool = False  # Auto-Submitted other than "no"


class Unread(Struct, frozen=True):
    """Something that was not looked at, and the reason; path is None where it concerns more than a file."""

    path: str | None
    reason: str


class Patch(Struct, frozen=True):
    """One patch of a series. `diff` is everything from the first diff line on, surrogateescape for odd bytes.

    `before` and `after` are the ids of the trees it leads from and to, None where there is no tree.
    """

    number: int
    total: int
    subject: str  # without [PATCH ...]
    body: str  # the commit message
    diff: str
    mail: Mail | None = None
    commit: str | None = None
    unread: tuple[Unread, ...] = ()
    before: str | None = None
    after: str | None = None
    label: str = ""  # what it is called where that is neither the number of a mail nor a commit's id: "staged", say


class Series(Struct, frozen=True):
    """The newest whole version of a series. `unread`: what of the thread was left out, and why.

    `base`: the commit it says it is made for, or was applied to; `prerequisites`: the ids of patches to apply first.
    """

    subject: str
    version: int
    patches: tuple[Patch, ...]
    cover: Mail | None = None
    cover_body: str = ""
    base: str | None = None
    unread: tuple[Unread, ...] = ()
    prerequisites: tuple[str, ...] = ()
    headless: bool = False  # its first patch comes after others that are not here, whatever its number

    @property
    def message_id(self) -> str | None:
        """That of the cover letter, else of the first patch."""
        return next((mail.message_id for mail in (self.cover, *(one.mail for one in self.patches)) if mail), None)


class DiffLine(Struct, frozen=True):
    """`mark` is " ", "+" or "-"; numbers are 1-based in the old and the new file, None where it is not there."""

    mark: str
    text: str
    old: int | None
    new: int | None


class Hunk(Struct, frozen=True):
    """`header` is the whole @@ line; `section` the text after it, which names the function around."""

    header: str
    section: str
    lines: tuple[DiffLine, ...]


class FileChange(Struct, frozen=True):
    """One file of a diff; `header` holds the lines before its first hunk."""

    path: str
    old_path: str | None
    hunks: tuple[Hunk, ...]
    header: tuple[str, ...] = ()
    created: bool = False
    deleted: bool = False


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
