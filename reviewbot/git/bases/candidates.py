"""Finds the commits that a series may be made for, the likeliest first, and says why others are not here.

In this order: what the base-commit trailer names; the commit with the patches that have to be applied first; the one
whose blobs the diff names; what the subject names; the trees that MAINTAINERS names for the files; the branches that
are configured. Each is looked for when those before it did not do.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property

from reviewbot.git.bases.base import Base, Tip, base_at
from reviewbot.git.bases.blobs import BLOBS, WantedBlobs, by_history
from reviewbot.git.bases.fetching import Fetching
from reviewbot.git.bases.listed import ListedRemote, listed_remotes, listed_tips
from reviewbot.git.bases.prerequisites import PatchSearch, Prerequisites, find_prerequisites
from reviewbot.git.bases.references import References
from reviewbot.git.bases.subject import remotes_meant, subject_tips, tree_words
from reviewbot.git.command import TooLong
from reviewbot.git.repository import Repository
from reviewbot.mail.headers import timestamp
from reviewbot.model.patch import FileChange, Series

_NAMES = 3  # of patches or series that are told by name


class Candidates:
    """The base commits to try for a series, and what is missing of the patches that it needs.

    `files`: those that each patch changes; `branches`: the names that are configured; `fetching`: None where the
    repository may not be changed.
    """

    def __init__(
        self,
        repository: Repository,
        series: Series,
        files: Sequence[Sequence[FileChange]],
        branches: Sequence[str],
        fetching: Fetching | None = None,
    ) -> None:
        self._repository, self._series, self._branches, self._fetching = repository, series, branches, fetching
        self._wanted = WantedBlobs(files)
        self._paths = sorted({one.old_path or one.path for changes in files for one in changes})
        mails = (series.cover, *(patch.mail for patch in series.patches[:1]))
        self._words = tree_words(mail.subject for mail in mails if mail is not None)
        self._references = References(repository)
        self.needs = ""  # what the series needs first and is not known to be here, in words

    def __iter__(self) -> Iterator[Base | str]:
        """Bases to try, in order, and in between, as text, why a search found none. Raises TooLong."""
        base = self._repository.known(self._series.base) if self._series.base is not None else None
        is_plain = not (self._series.prerequisites or self._series.needed_series)
        if base is not None and is_plain:
            yield base_at(self._repository, base, "base-commit trailer", sure=True) or ""
        if self._fetched():
            base = self._repository.known(self._series.base) if self._series.base is not None else None
        if self._series.base is not None and base is None:
            where = ", a shallow clone" if self._repository.shallow else ""
            yield f"base commit {self._series.base[:12]} is not in this tree{where}"
        if not is_plain:
            yield from self._with_prerequisites(base)
        if base is not None and self._may_be(base):
            yield base_at(self._repository, base, "base-commit trailer", sure=True) or ""
        yield from self._by_blobs()
        if not self.needs:
            for tip in self._tips():
                yield base_at(self._repository, tip.commit, tip.how) or ""

    def _may_be(self, commit: str) -> bool:
        """Whether a commit may be the base: where patches are missing, only one that has the very files of the diff."""
        return not self.needs or self._wanted.are_in(self._repository, commit)

    # --- tips ---

    def _tips(self) -> Iterator[Tip]:
        yield from self._named
        yield from self._listed_tips
        yield from self._configured[0]

    @cached_property
    def _named(self) -> tuple[Tip, ...]:
        return tuple(subject_tips(self._words, self._references)) if self._words else ()

    @cached_property
    def _configured(self) -> tuple[tuple[Tip, ...], tuple[str, ...]]:
        """The tips of the configured branches, and why others are none."""
        tips: dict[str, Tip] = {}
        missing: list[str] = []
        for name in self._branches:
            commit = self._repository.commit(name)
            if commit is None:
                missing.append(f"{name} names no commit in this tree")
            else:
                tips.setdefault(commit, Tip(commit, name))
        return tuple(tips.values()), tuple(missing)

    @cached_property
    def _listed(self) -> list[ListedRemote]:
        tips = self._configured[0]
        return listed_remotes(self._repository, tips[0].commit, self._paths, self._references) if tips else []

    @cached_property
    def _listed_tips(self) -> tuple[Tip, ...]:
        return tuple(listed_tips(self._listed, self._words, self._references))

    # --- searches ---

    def _by_blobs(self) -> Iterator[Base | str]:
        """The tips whose files the diff knew, then the newest commit below them that has those files."""
        yield from self._configured[1]
        for tip in (*self._named, *self._configured[0], *self._listed_tips):
            if self._wanted.are_in(self._repository, tip.commit):
                how = BLOBS if tip in self._configured[0] else tip.how
                yield base_at(self._repository, tip.commit, how, sure=True) or ""
                return
        try:
            yield from by_history(self._repository, self._wanted, tuple(self._tips()))
        except TooLong:
            yield f"its history could not be searched for the {BLOBS} in time"

    def _with_prerequisites(self, base: str | None) -> Iterator[Base | str]:
        heads = (Tip(commit, "a branch") for commit in self._references.heads())
        ids, found = self._series.prerequisites, Prerequisites(None, ())
        stamps = [timestamp(patch.mail.date) for patch in self._series.patches if patch.mail is not None]
        place = PatchSearch(base, (*self._tips(), *heads), self._paths, max(stamps, default=0))
        try:
            found = find_prerequisites(self._repository, ids, place)
        except TooLong:
            found = Prerequisites(None, ids, True)
        self.needs = _needs(found, len(ids), self._series.needed_series)
        if self.needs:
            yield self.needs
        elif found.commit is not None:
            how = f"has the {_patches(len(ids))} that the series needs first"
            yield base_at(self._repository, found.commit, how, sure=True) or ""

    def _fetched(self) -> bool:
        """Fetch the remotes concerned, where that is allowed; whether anything was fetched."""
        if self._fetching is None:
            return False
        configured = (remote for name in self._branches if (remote := self._references.remote_of(name)))
        listed = (one.remote for one in self._listed)
        remotes = [*remotes_meant(self._words, self._references), *listed, *configured]
        if not self._fetching.fetch(self._repository, remotes, self._references):
            return False
        self._references = References(self._repository)
        for name in ("_named", "_configured", "_listed", "_listed_tips"):
            self.__dict__.pop(name, None)
        return True


def _needs(found: Prerequisites, asked: int, series: Sequence[str]) -> str:
    """What a series needs first and is not known to be in a tree, in words; "" where all is there."""
    said: list[str] = []
    if found.missing:
        count, here = len(found.missing), asked - len(found.missing)
        verb = ("was" if found.hurried else "is") if count == 1 else ("were" if found.hurried else "are")
        where = "not found in this tree in time" if found.hurried else "not in this tree"
        ids = _names([one[:12] for one in found.missing])
        rest = f", besides {here} found" if here else ""
        said.append(f"{_patches(count)} that {verb} {where} (prerequisite-patch-id {ids}){rest}")
    elif asked == 0 and series:
        said.append(f"another series, which cannot be looked for here ({_names(series)})")
    return f"the series needs {' and '.join(said)}" if said else ""


def _patches(count: int) -> str:
    return f"{count} patch{'' if count == 1 else 'es'}"


def _names(names: Sequence[str]) -> str:
    more = len(names) - _NAMES
    return ", ".join(names[:_NAMES]) + (f" and {more} more" if more > 0 else "")
