"""Mails with what their subjects say in; the series among them, version by version, out.

A posting is one version as it was sent; a work is all postings of one series. Who wrote a mail, what
it answers and what it counts decide; dates only break ties.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from msgspec import Struct
from msgspec.structs import replace

from reviewbot.mail.message import MailMessage


class PatchMessage(Struct, frozen=True):
    """A mail and its subject's parts: `numbered` if it has a "3/7", `versioned` a "v2", `tagged` a PATCH."""

    letter: MailMessage
    title: str
    version: int = 1
    number: int = 1
    total: int = 1
    numbered: bool = False
    versioned: bool = False
    tagged: bool = False
    resend: bool = False
    reply: bool = False
    diffstat: bool = False
    place: int = 0  # where it stands among the mails

    @property
    def id(self) -> str:
        return self.letter.mail.message_id

    @property
    def author(self) -> str:
        return self.letter.mail.author.email.lower()

    @property
    def is_cover(self) -> bool:
        return self.numbered and self.number == 0 and not self.reply


class SeriesVersion(Struct, frozen=True):
    """One version. `patches`: one owner for each number; `spare`: mails that claimed a number in vain."""

    patches: tuple[PatchMessage, ...]
    version: int
    total: int
    resend: bool = False
    cover: PatchMessage | None = None
    spare: tuple[PatchMessage, ...] = ()
    rerolled: tuple[int, ...] = ()  # numbers that this version brought, where the rest is older

    @property
    def whole(self) -> bool:
        return len(self.patches) >= self.total

    @property
    def mails(self) -> tuple[PatchMessage, ...]:
        return (*((self.cover,) if self.cover else ()), *self.patches, *self.spare)

    @property
    def place(self) -> int:
        return min(sent.place for sent in self.mails)

    @property
    def when(self) -> float:
        return max(sent.letter.when for sent in self.patches)


SeriesHistory = tuple[SeriesVersion, ...]


def histories(sent: Sequence[PatchMessage]) -> tuple[SeriesHistory, ...]:
    """The series among the mails, each with all its versions, those that look most like one first.

    Where nothing is a patch of its own, a cover letter with a diff counts, then a reply with one.
    """
    sent = _with_versions(sent)
    by_id = {one.id: one for one in sent}
    covers = [one for one in sent if one.is_cover]
    patches = [one for one in sent if one.letter.diff and not one.reply and not one.is_cover]
    if not patches:
        loose = [one for one in covers if one.letter.diff] or [one for one in sent if one.letter.diff]
        patches = [replace(one, number=1, total=1, numbered=False, version=one.version) for one in loose]
        covers = []
    found = _linked(_postings(patches, covers, by_id))
    return tuple(sorted(found, key=lambda work: _rank(work, by_id)))


def _with_versions(sent: Sequence[PatchMessage]) -> list[PatchMessage]:
    """Some write the version on the cover letter alone: what was sent below it has that version too."""
    covers = {one.id: one for one in sent if one.is_cover}
    out: list[PatchMessage] = []
    for one in sent:
        cover = next((covers[name] for name in reversed(one.letter.mail.references) if name in covers), None)
        mine = cover and (one.author, one.total, one.resend) == (cover.author, cover.total, cover.resend)
        if cover and mine and cover.versioned and one.numbered and not one.versioned and not one.reply:
            one = replace(one, version=cover.version)
        out.append(one)
    return out


def _rank(work: SeriesHistory, by_id: Mapping[str, PatchMessage]) -> tuple[bool, bool, int]:
    mails = [sent for posting in work for sent in posting.mails]
    root = any(sent.letter.parent not in by_id for sent in mails)
    return (not any(sent.tagged for sent in mails), not root, min(sent.place for sent in mails))


# --- mails into postings ---


def _postings(
    patches: Sequence[PatchMessage], covers: Sequence[PatchMessage], by_id: Mapping[str, PatchMessage]
) -> list[SeriesVersion]:
    groups: dict[tuple[object, ...], list[PatchMessage]] = defaultdict(list)
    for one in patches:
        own = (_anchor(one, by_id), one.total) if one.numbered else (one.id, 1)
        groups[(one.author, one.version, one.resend, *own)].append(one)
    covered = {cover.id: cover for cover in covers}
    made: list[SeriesVersion] = []
    for key, group in groups.items():
        posting = _posting(group, covered.get(str(key[3])), by_id)
        home = next((at for at, other in enumerate(made) if _completes(posting, other)), None)
        if home is None:
            made.append(posting)
        else:
            made[home] = _joined(made[home], posting)
    return [_with_cover(posting, covers, by_id) for posting in made]


def _anchor(one: PatchMessage, by_id: Mapping[str, PatchMessage]) -> str:
    """The cover letter or first patch that this mail was sent below, its own id where it was sent alone."""
    seen = {one.id}
    while True:
        parent = one.letter.parent
        above = by_id.get(parent or "")
        if above is None:
            return parent or one.id
        if above.id in seen or above.reply or not _same_posting(above, one):
            return one.id
        if above.is_cover:
            return above.id
        seen.add(above.id)
        one = above


def _same_posting(above: PatchMessage, one: PatchMessage) -> bool:
    return (
        above.author == one.author
        and above.version == one.version
        and above.numbered
        and above.resend == one.resend
        and above.total == one.total
    )


def _posting(
    group: Sequence[PatchMessage], cover: PatchMessage | None, by_id: Mapping[str, PatchMessage]
) -> SeriesVersion:
    """One owner for each number: the mail that answers the other, else the later one."""
    owners: dict[int, PatchMessage] = {}
    spare: list[PatchMessage] = []
    for one in sorted(group, key=lambda sent: (_depth(sent, by_id), sent.letter.when, sent.place)):
        other = owners.get(one.number)
        if other is not None and other.letter.diff == one.letter.diff:
            continue
        if other is not None:
            spare.append(other)
        owners[one.number] = one
    first = group[0]
    patches = tuple(owners[number] for number in sorted(owners))
    total = max(first.total, *owners)  # "6/5": one more, sent after the rest
    return SeriesVersion(patches, first.version, total, first.resend, cover, tuple(spare))


def _depth(one: PatchMessage, by_id: Mapping[str, PatchMessage]) -> int:
    """How many mails for the same number stand above this one."""
    depth, seen, number = 0, {one.id}, one.number
    above = by_id.get(one.letter.parent or "")
    while above is not None and above.id not in seen:
        seen.add(above.id)
        depth += above.number == number and not above.reply and bool(above.letter.diff)
        above = by_id.get(above.letter.parent or "")
    return depth


def _completes(one: SeriesVersion, other: SeriesVersion, resent: bool = False) -> bool:
    """Patches that were sent one by one, with nothing to tie them together but author and numbers."""
    a, b = one.patches[0], other.patches[0]
    return (
        a.numbered
        and b.numbered
        and (a.author, a.version, a.total) == (b.author, b.version, b.total)
        and (resent or a.resend == b.resend)
        and not {sent.number for sent in one.patches} & {sent.number for sent in other.patches}
        and (one.cover is None or other.cover is None)
    )


def _joined(one: SeriesVersion, other: SeriesVersion) -> SeriesVersion:
    patches = tuple(sorted((*one.patches, *other.patches), key=lambda sent: sent.number))
    return replace(
        one,
        patches=patches,
        total=max(one.total, other.total),
        cover=one.cover or other.cover,
        spare=one.spare + other.spare,
    )


def _with_cover(
    posting: SeriesVersion, covers: Sequence[PatchMessage], by_id: Mapping[str, PatchMessage]
) -> SeriesVersion:
    """The cover letter that its patches were not sent below, or that does not say it is one."""
    first = posting.patches[0]
    if posting.cover or not first.numbered:
        return posting
    key = (first.author, first.version, first.total, first.resend)
    cover = next((one for one in covers if (one.author, one.version, one.total, one.resend) == key), None)
    return replace(posting, cover=cover or _naked_cover(first, by_id))


def _naked_cover(first: PatchMessage, by_id: Mapping[str, PatchMessage]) -> PatchMessage | None:
    """A mail of the same author above the patches, with the diffstat of all or with nothing above it."""
    above = by_id.get(first.letter.parent or "")
    if above is None or above.reply or above.letter.diff or above.numbered or above.author != first.author:
        return None
    return above if above.diffstat or above.letter.parent is None else None


# --- postings into works ---


class _Marks(Struct, frozen=True):
    """What tells that two postings are versions of one series."""

    posting: SeriesVersion
    people: frozenset[str]
    titles: frozenset[str]
    cover: frozenset[str]
    own: frozenset[str]  # message ids
    thread: frozenset[str]  # those and all above


def _marks(posting: SeriesVersion) -> _Marks:
    author = posting.patches[0].letter.mail.author
    own = frozenset(sent.id for sent in posting.mails)
    return _Marks(
        posting,
        # b4's relay writes on behalf of somebody from an address of its own
        frozenset({author.email.lower(), author.name.lower().removesuffix(" via b4 relay")} - {""}),
        frozenset(_folded(sent.title) for sent in posting.patches),
        frozenset({_folded(posting.cover.title)} if posting.cover else ()),
        own,
        own.union(*(sent.letter.mail.references for sent in posting.mails)),
    )


def _folded(title: str) -> str:
    return " ".join(title.lower().split()).rstrip(".")


def _linked(postings: Sequence[SeriesVersion]) -> list[SeriesHistory]:
    """Join what belongs together; only postings that share a title, a cover letter or a thread are compared."""
    groups: dict[int, list[_Marks]] = {}
    group_of: dict[int, int] = {}
    known: dict[tuple[str, str], list[int]] = defaultdict(list)
    ordered = [_marks(one) for one in sorted(postings, key=lambda one: (one.version, one.place))]
    for at, marks in enumerate(ordered):
        groups[at], group_of[at] = [marks], at
        keys = [("title", one) for one in (*marks.titles, *marks.cover)] + [("thread", one) for one in marks.thread]
        for other in sorted({old for key in keys for old in known[key]}):
            home = group_of[other]
            if home != at and _versions(ordered[other], marks):
                groups[at] += groups.pop(home)
                group_of = {old: at if its == home else its for old, its in group_of.items()}
        for key in keys:
            known[key].append(at)
    return [tuple(marks.posting for marks in group) for group in groups.values()]


def _versions(old: _Marks, new: _Marks) -> bool:
    """Whether these are versions of one series, where `old` has no higher number than `new`."""
    shared = len(old.titles & new.titles) * 2 >= min(len(old.titles), len(new.titles))
    same_people = bool(old.people & new.people)
    if old.posting.version == new.posting.version:
        return same_people and (
            shared or (bool(old.thread & new.thread) and _completes(new.posting, old.posting, True))
        )
    if shared:
        return same_people or bool(old.thread & new.thread)
    if not same_people:
        return False
    if new.posting.patches[0].numbered:
        return bool(old.cover & new.cover or old.thread & new.thread)
    # a lone "[PATCH v2]" below a long series is a fix on top of it rather than all of its next version
    return old.posting.total == 1 and bool(old.own & new.thread)


# --- a work into its newest whole version ---


def versions(work: SeriesHistory, by_id: Mapping[str, PatchMessage]) -> tuple[SeriesVersion, ...]:
    """One posting for each version, oldest first, filled up with what older ones had where it was sent in part."""
    made: list[SeriesVersion] = []
    for version in sorted({posting.version for posting in work}):
        same = [posting for posting in work if posting.version == version]
        best = max(same, key=lambda one: (one.whole, len(one.patches), one.resend, one.when))
        for other in same:
            if other is not best and other.total == best.total and not best.whole:
                best = _filled(best, other)
        if made:
            best = _rerolled(best, made, by_id)
        made.append(best)
    return tuple(made)


def newest_version(made: Iterable[SeriesVersion]) -> SeriesVersion:
    """The whole version with the highest number; where none is whole, the one with the highest number."""
    return max(made, key=lambda one: (one.whole, one.version))


def _filled(best: SeriesVersion, other: SeriesVersion) -> SeriesVersion:
    have = {sent.number for sent in best.patches}
    return _joined(best, replace(other, patches=tuple(sent for sent in other.patches if sent.number not in have)))


def _rerolled(new: SeriesVersion, older: Sequence[SeriesVersion], by_id: Mapping[str, PatchMessage]) -> SeriesVersion:
    """Fill a version that brings single patches, each sent below what it replaces."""
    if new.cover is not None or (new.whole and new.patches[0].numbered):
        return new
    for old in reversed(older):
        numbers = [_replaced(one, old, by_id) for one in new.patches]
        if 0 in numbers:
            continue
        mine = [replace(one, number=number, total=old.total) for one, number in zip(new.patches, numbers, strict=True)]
        kept = (one for one in old.patches if one.number not in numbers)
        patches = tuple(sorted((*mine, *kept), key=lambda one: one.number))
        return SeriesVersion(patches, new.version, old.total, new.resend, old.cover, new.spare, tuple(sorted(numbers)))
    return new


def _replaced(one: PatchMessage, old: SeriesVersion, by_id: Mapping[str, PatchMessage]) -> int:
    """The number of the patch that this one takes the place of, 0 where it is not sent as a replacement."""
    above = _answered(one, old, by_id)
    if not one.numbered:
        fits = above is not None and old.total > 1 and _folded(above.title) == _folded(one.title)
        return above.number if above is not None and fits else 0
    if one.total != old.total:
        return 0
    below = one.letter.parent in {sent.id for sent in old.mails} or (above is not None and above.number == one.number)
    return one.number if below else 0


def _answered(one: PatchMessage, old: SeriesVersion, by_id: Mapping[str, PatchMessage]) -> PatchMessage | None:
    """The patch of `old` below which this one was sent, discussion in between or not."""
    patches = {sent.id: sent for sent in (*old.patches, *old.spare)}
    seen: set[str] = set()
    parent = one.letter.parent
    while parent and parent not in seen:
        if parent in patches:
            return patches[parent]
        seen.add(parent)
        above = by_id.get(parent)
        parent = above.letter.parent if above else None
    return None
