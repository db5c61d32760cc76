"""Reviews what is not upstream yet in a repository with a work tree: commits, staged and unstaged changes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from msgspec.structs import replace

from reviewbot.git import upstream, worktree
from reviewbot.git.commits import diffs
from reviewbot.git.repository import FOREVER, Repository
from reviewbot.git.revisions import Commit, CommitRange, commit_range
from reviewbot.git.upstream import Upstream
from reviewbot.git.worktree import Index, WorkTree
from reviewbot.model.errors import InputError
from reviewbot.model.patch import FileChange, Series, Unread
from reviewbot.model.review import PatchReview, Review
from reviewbot.patch import parse
from reviewbot.sources.commit_range import ReviewedRange, review_range
from reviewbot.sources.kernel_eras import RuleSet
from reviewbot.sources.settings import Limits

if TYPE_CHECKING:
    from reviewbot.sources.progress import Progress

_NAMED = 3  # untracked files
_WORDS = {
    worktree.STAGED: "staged changes",
    worktree.UNSTAGED: "changes not staged",
    worktree.UNTRACKED: "untracked files",
}


class WorkingTree:
    """The changes of a repository to review. Call commits(), then index(), then review().

    `name` says how a path is called for somebody to read. `nothing`: why there is nothing to review, after review().
    """

    def __init__(
        self,
        repository: Repository,
        place: WorkTree | None,
        name: Callable[[str], str],
        limits: Limits,
        progress: Progress,
    ) -> None:
        repository.allow(FOREVER)
        self.nothing = ""
        self._limits, self._progress = limits, progress
        self._repository, self._place, self._name = repository, place, name
        self._head = repository.commit("HEAD")
        self._span = CommitRange("", self._head, self._head or "", ())
        self._base = ""  # the upstream of the commits, in words
        self._unread: tuple[Unread, ...] = ()
        self._groups: list[Commit] = []  # changes that are not committed
        self._merging: Sequence[Commit] = ()  # staged changes, as commits on the other parents of a merge
        self._index: Index | None = None

    # --- what there is ---

    def commits(self, base: str | None) -> None:
        """Take the commits after `base`, None for the upstream of HEAD. Raises UsageError, InputError."""
        if base is not None:
            self._span, self._base = commit_range(self._repository, f"{base}..HEAD"), f" since {base}"
        elif self._head is not None:
            rebased = self._place.rebased() if self._place is not None else None
            found = upstream.find(self._repository, self._head, rebased)
            why = found if isinstance(found, str) else self._guessed(found)
            if why:
                self._unread += (Unread(None, f"the commits: {why} (--base REV names what they go on from)"),)

    def _guessed(self, found: Upstream) -> str:
        """Take the commits after an upstream that was found. Gives "", or why it cannot be the upstream."""
        self._progress.tell(f"commits since {found.how} ({found.commit[:12]})")
        try:
            there = commit_range(self._repository, f"{found.commit}..{self._head}")
        except InputError as error:
            return str(error)
        commits = tuple(one for one in there.commits if one.id != found.cover)
        most = self._limits.patches
        if len(commits) > most:
            return f"{len(commits)} of them since {found.how} are more than {most} (patches under [limits])"
        self._span, self._base = there._replace(commits=commits), f" since {found.how}"
        return ""

    def index(self, alone: bool, untracked: bool) -> None:
        """Take the staged changes, and unless these `alone` the unstaged ones. Untracked files are taken or named."""
        assert self._place is not None
        index = self._index = Index(self._repository, self._place, self._head)
        staged = index.staged(self._place.merging())
        self._groups, self._merging = staged[:1], staged[1:]
        if not alone:
            self._groups += index.unstaged()
            unknown = index.untracked()
            if untracked:
                self._groups += index.with_untracked(unknown)
            elif unknown:
                self._tell_untracked([one.decode("utf-8", "surrogateescape") for one in unknown])
        self._unread += index.unread

    def _tell_untracked(self, paths: Sequence[str]) -> None:
        more = f" and {len(paths) - _NAMED} more" if len(paths) > _NAMED else ""
        named = ", ".join(map(self._name, paths[:_NAMED]))
        self._progress.say(f"untracked, and not looked at: {named}{more} (--untracked)")

    # --- what is in it ---

    @property
    def what(self) -> str:
        """The changes under review, in words."""
        count = len(self._span.commits)
        commits = [f"{count} commit{'' if count == 1 else 's'}{self._base}"] if count else []
        return ", ".join((*commits, *(_WORDS[one.label] for one in self._groups)))

    @property
    def span(self) -> CommitRange:
        """All that is reviewed, each group as a commit on top."""
        return self._with((*self._span.commits, *self._groups))

    def review(self, ruleset: RuleSet) -> ReviewedRange:
        """All of it, commit by commit, and then each group. `ruleset`: that of the end of `span`."""
        whole = self.span
        if not whole.commits and not whole.merges:
            own = " that its sides do not have" if self._place is not None and self._place.merging() else ""
            self.nothing = "" if self._unread else f"no change{self._base}{own}"
            series = Series(self.what, 1, (), unread=self._unread)
            return ReviewedRange(Review(series, (), ruleset.kernel.version), ruleset.rules)
        found, rules = self._reviewed(whole, ruleset)
        patches = [_unnamed(one) for one in found.patches]
        if self._merging:
            sides = (self._with([one])._replace(merges=()) for one in self._merging)
            others = [self._reviewed(side, ruleset).review.patches[0] for side in sides]
            patches = [_of_all(one, others) if one.patch.label == worktree.STAGED else one for one in patches]
        if not any(one.files or one.patch.unread for one in patches) and not self._unread:
            what = f"{self.what} change no file that can be read (.c, .h, .inc, .S)"
            self.nothing = what if patches else "nothing but merges"
        unread = (*found.series.unread, *self._unread)
        series = replace(found.series, subject=self.what, patches=tuple(one.patch for one in patches), unread=unread)
        return ReviewedRange(replace(found, series=series, patches=tuple(patches)), rules)

    def _reviewed(self, span: CommitRange, ruleset: RuleSet) -> ReviewedRange:
        return review_range(self._repository, span, ruleset, self._limits, self._progress)

    def _with(self, commits: Sequence[Commit]) -> CommitRange:
        tip = commits[-1].id if commits else self._span.tip
        return self._span._replace(commits=tuple(commits), tip=tip)

    def later(self, alone: bool, review: Review) -> tuple[FileChange, ...]:
        """The unstaged changes if they were not reviewed: they move the lines of remarks."""
        if not (alone and self._index is not None and any(one.findings for one in review.patches)):
            return ()
        ids = [one.id for one in self._index.unstaged()]
        largest = self._limits.mail_bytes
        texts = (
            [section for sections, _ in diffs(self._repository, ids, largest) for section in sections] if ids else []
        )
        return parse.parse_diff(b"".join(texts).decode("utf-8", "surrogateescape"))[0]


def _unnamed(one: PatchReview) -> PatchReview:
    """The review without a commit id if it is of no commit of the user's: nobody could look that up."""
    return replace(one, patch=replace(one.patch, commit=None)) if one.patch.label else one


def _of_all(staged: PatchReview, others: Sequence[PatchReview]) -> PatchReview:
    """During a merge: only findings that are new to each of its parents, since all others were made before."""
    known = [frozenset(finding.fingerprint for finding in other.findings) for other in others]
    return replace(
        staged,
        findings=tuple(one for one in staged.findings if all(one.fingerprint in names for names in known)),
        unread=tuple(dict.fromkeys((*staged.unread, *(part for other in others for part in other.unread)))),
    )
