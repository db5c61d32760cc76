"""Finds the patch series among messages, and the versions of each.

Takes messages with what their subjects say. A SeriesVersion is one version, as it was sent or completed from others;
a SeriesHistory is all versions of one series. Author, In-Reply-To and patch numbers decide; dates only break ties.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from msgspec import Struct
from msgspec.structs import replace

from reviewbot.mail.message import MailMessage


class PatchMessage(Struct, frozen=True):
    """A message and the parts of its subject: `numbered` if that has a "3/7", `versioned` a "v2", `tagged` a PATCH.

    `reply`: it answers rather than sends a patch; `diffstat`: there is one in its text.
    """

    content: MailMessage
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
    place: int = 0  # its 0-based index among the messages

    @property
    def id(self) -> str:
        """Its message id, without angle brackets."""
        return self.content.mail.message_id

    @property
    def author(self) -> str:
        """The address of its author, in lower case, to compare authors by."""
        return self.content.mail.author.email.lower()

    @property
    def is_cover(self) -> bool:
        """Whether its subject says that it is a cover letter: "0/7", and no reply."""
        return self.numbered and self.number == 0 and not self.reply


class SeriesVersion(Struct, frozen=True):
    """One version of a series. `patches`: one message for each number, in order; `spare`: others with such a number."""

    patches: tuple[PatchMessage, ...]
    version: int
    total: int
    resend: bool = False
    cover: PatchMessage | None = None
    spare: tuple[PatchMessage, ...] = ()
    rerolled: tuple[int, ...] = ()  # numbers of the patches that this version sent, where the rest is of older ones

    @property
    def whole(self) -> bool:
        """Whether no patch is missing."""
        return len(self.patches) >= self.total

    @property
    def messages(self) -> tuple[PatchMessage, ...]:
        """All its messages: the cover letter, the patches, the spare ones."""
        return (*((self.cover,) if self.cover else ()), *self.patches, *self.spare)

    @property
    def place(self) -> int:
        """The 0-based index of its first message."""
        return min(message.place for message in self.messages)

    @property
    def when(self) -> float:
        """The latest date of its patches, in seconds since 1970; 0 where none has one."""
        return max(message.content.when for message in self.patches)


SeriesHistory = tuple[SeriesVersion, ...]


def histories(messages: Sequence[PatchMessage]) -> tuple[SeriesHistory, ...]:
    """The series among the messages, each with all its versions; first those whose subjects say PATCH.

    If no message sends a patch, a cover letter with a diff counts as one, else a reply with a diff.
    """
    messages = _with_versions(messages)
    by_id = {message.id: message for message in messages}
    covers = [message for message in messages if message.is_cover]
    patches = [message for message in messages if message.content.diff and not message.reply and not message.is_cover]
    if not patches:
        loose = [cover for cover in covers if cover.content.diff] or [one for one in messages if one.content.diff]
        patches = [replace(message, number=1, total=1, numbered=False, version=message.version) for message in loose]
        covers = []
    series = _linked(_sent_versions(patches, covers, by_id))
    return tuple(sorted(series, key=lambda history: _rank(history, by_id)))


def _with_versions(messages: Sequence[PatchMessage]) -> list[PatchMessage]:
    """The messages, those below a cover letter with its version: some write that on the cover letter alone."""
    covers = {message.id: message for message in messages if message.is_cover}
    out: list[PatchMessage] = []
    for message in messages:
        cover = next((covers[name] for name in reversed(message.content.mail.references) if name in covers), None)
        mine = cover and (message.author, message.total, message.resend) == (cover.author, cover.total, cover.resend)
        if cover and mine and cover.versioned and message.numbered and not message.versioned and not message.reply:
            message = replace(message, version=cover.version)
        out.append(message)
    return out


def _rank(history: SeriesHistory, by_id: Mapping[str, PatchMessage]) -> tuple[bool, bool, int]:
    messages = [message for version in history for message in version.messages]
    root = any(message.content.parent not in by_id for message in messages)
    return (not any(message.tagged for message in messages), not root, min(message.place for message in messages))


# --- messages into versions ---


def _sent_versions(
    patches: Sequence[PatchMessage], covers: Sequence[PatchMessage], by_id: Mapping[str, PatchMessage]
) -> list[SeriesVersion]:
    groups: dict[tuple[object, ...], list[PatchMessage]] = defaultdict(list)
    for message in patches:
        own = (_anchor(message, by_id), message.total) if message.numbered else (message.id, 1)
        groups[(message.author, message.version, message.resend, *own)].append(message)
    covered = {cover.id: cover for cover in covers}
    made: list[SeriesVersion] = []
    for key, group in groups.items():
        version = _version(group, covered.get(str(key[3])), by_id)
        home = next((at for at, other in enumerate(made) if _completes(version, other)), None)
        if home is None:
            made.append(version)
        else:
            made[home] = _merged(made[home], version)
    return [_with_cover(version, covers, by_id) for version in made]


def _anchor(message: PatchMessage, by_id: Mapping[str, PatchMessage]) -> str:
    """The id of the cover letter or first patch that a message was sent below; its own if it was sent alone."""
    seen = {message.id}
    while True:
        parent = message.content.parent
        above = by_id.get(parent or "")
        if above is None:
            return parent or message.id
        if above.id in seen or above.reply or not _same_version(above, message):
            return message.id
        if above.is_cover:
            return above.id
        seen.add(above.id)
        message = above


def _same_version(above: PatchMessage, message: PatchMessage) -> bool:
    return (
        above.author == message.author
        and above.version == message.version
        and above.numbered
        and above.resend == message.resend
        and above.total == message.total
    )


def _version(
    group: Sequence[PatchMessage], cover: PatchMessage | None, by_id: Mapping[str, PatchMessage]
) -> SeriesVersion:
    """The version that a group of messages makes. Of two with one number, the reply counts, else the later one."""
    owners: dict[int, PatchMessage] = {}
    spare: list[PatchMessage] = []
    for message in sorted(group, key=lambda message: (_depth(message, by_id), message.content.when, message.place)):
        other = owners.get(message.number)
        if other is not None and other.content.diff == message.content.diff:
            continue
        if other is not None:
            spare.append(other)
        owners[message.number] = message
    first = group[0]
    patches = tuple(owners[number] for number in sorted(owners))
    total = max(first.total, *owners)  # "6/5": one more, sent after the rest
    return SeriesVersion(patches, first.version, total, first.resend, cover, tuple(spare))


def _depth(message: PatchMessage, by_id: Mapping[str, PatchMessage]) -> int:
    """How many messages with a diff and the same number this one is a reply to, directly or not."""
    depth, seen, number = 0, {message.id}, message.number
    above = by_id.get(message.content.parent or "")
    while above is not None and above.id not in seen:
        seen.add(above.id)
        depth += above.number == number and not above.reply and bool(above.content.diff)
        above = by_id.get(above.content.parent or "")
    return depth


def _completes(one: SeriesVersion, other: SeriesVersion, resent: bool = False) -> bool:
    """Whether two parts make one version: patches sent one by one, tied together by author and numbers alone.

    `resent`: one of the two may be a RESEND.
    """
    a, b = one.patches[0], other.patches[0]
    return (
        a.numbered
        and b.numbered
        and (a.author, a.version, a.total) == (b.author, b.version, b.total)
        and (resent or a.resend == b.resend)
        and not {message.number for message in one.patches} & {message.number for message in other.patches}
        and (one.cover is None or other.cover is None)
    )


def _merged(one: SeriesVersion, other: SeriesVersion) -> SeriesVersion:
    patches = tuple(sorted((*one.patches, *other.patches), key=lambda message: message.number))
    return replace(
        one,
        patches=patches,
        total=max(one.total, other.total),
        cover=one.cover or other.cover,
        spare=one.spare + other.spare,
    )


def _with_cover(
    version: SeriesVersion, covers: Sequence[PatchMessage], by_id: Mapping[str, PatchMessage]
) -> SeriesVersion:
    """The version with its cover letter, also if the patches were not sent below it or its subject has no 0/n."""
    first = version.patches[0]
    if version.cover or not first.numbered:
        return version
    key = (first.author, first.version, first.total, first.resend)
    cover = next((one for one in covers if (one.author, one.version, one.total, one.resend) == key), None)
    return replace(version, cover=cover or _naked_cover(first, by_id))


def _naked_cover(first: PatchMessage, by_id: Mapping[str, PatchMessage]) -> PatchMessage | None:
    """A message of the same author above the patches, without a diff, that has a diffstat or begins the thread."""
    above = by_id.get(first.content.parent or "")
    if above is None or above.reply or above.content.diff or above.numbered or above.author != first.author:
        return None
    return above if above.diffstat or above.content.parent is None else None


# --- versions into histories ---


class _Marks(Struct, frozen=True):
    """The features of a version by which two are recognised as versions of one series."""

    version: SeriesVersion
    people: frozenset[str]
    titles: frozenset[str]
    cover: frozenset[str]
    own: frozenset[str]  # message ids
    thread: frozenset[str]  # those and all ids above them


def _marks(version: SeriesVersion) -> _Marks:
    author = version.patches[0].content.mail.author
    own = frozenset(message.id for message in version.messages)
    return _Marks(
        version,
        # b4's relay writes on behalf of somebody from an address of its own
        frozenset({author.email.lower(), author.name.lower().removesuffix(" via b4 relay")} - {""}),
        frozenset(_normalized(message.title) for message in version.patches),
        frozenset({_normalized(version.cover.title)} if version.cover else ()),
        own,
        own.union(*(message.content.mail.references for message in version.messages)),
    )


def _normalized(title: str) -> str:
    return " ".join(title.lower().split()).rstrip(".")


def _linked(sent: Sequence[SeriesVersion]) -> list[SeriesHistory]:
    """Join the versions of each series. Only those that share a title, a cover letter or a thread are compared."""
    groups: dict[int, list[_Marks]] = {}
    group_of: dict[int, int] = {}
    known: dict[tuple[str, str], list[int]] = defaultdict(list)
    ordered = [_marks(each) for each in sorted(sent, key=lambda each: (each.version, each.place))]
    for at, marks in enumerate(ordered):
        groups[at], group_of[at] = [marks], at
        keys = [("title", each) for each in (*marks.titles, *marks.cover)] + [("thread", each) for each in marks.thread]
        for other in sorted({old for key in keys for old in known[key]}):
            home = group_of[other]
            if home != at and _same_series(ordered[other], marks):
                groups[at] += groups.pop(home)
                group_of = {old: at if its == home else its for old, its in group_of.items()}
        for key in keys:
            known[key].append(at)
    return [tuple(marks.version for marks in group) for group in groups.values()]


def _same_series(old: _Marks, new: _Marks) -> bool:
    """Whether these are versions of one series, where `old` has no higher number than `new`."""
    shared = len(old.titles & new.titles) * 2 >= min(len(old.titles), len(new.titles))
    same_people = bool(old.people & new.people)
    if old.version.version == new.version.version:
        return same_people and (
            shared or (bool(old.thread & new.thread) and _completes(new.version, old.version, True))
        )
    if shared:
        return same_people or bool(old.thread & new.thread)
    if not same_people:
        return False
    if new.version.patches[0].numbered:
        return bool(old.cover & new.cover or old.thread & new.thread)
    # a lone "[PATCH v2]" below a long series is a fix on top of it rather than all of its next version
    return old.version.total == 1 and bool(old.own & new.thread)


# --- a history into its newest whole version ---


def versions(history: SeriesHistory, by_id: Mapping[str, PatchMessage]) -> tuple[SeriesVersion, ...]:
    """One SeriesVersion for each version number, oldest first. What was sent in part is completed from older ones."""
    made: list[SeriesVersion] = []
    for number in sorted({version.version for version in history}):
        same = [version for version in history if version.version == number]
        best = max(same, key=lambda one: (one.whole, len(one.patches), one.resend, one.when))
        for other in same:
            if other is not best and other.total == best.total and not best.whole:
                best = _completed(best, other)
        if made:
            best = _rerolled(best, made, by_id)
        made.append(best)
    return tuple(made)


def newest_version(made: Iterable[SeriesVersion]) -> SeriesVersion:
    """The whole version with the highest number; if none is whole, the one with the highest number."""
    return max(made, key=lambda one: (one.whole, one.version))


def _completed(best: SeriesVersion, other: SeriesVersion) -> SeriesVersion:
    have = {message.number for message in best.patches}
    missing = tuple(message for message in other.patches if message.number not in have)
    return _merged(best, replace(other, patches=missing))


def _rerolled(new: SeriesVersion, older: Sequence[SeriesVersion], by_id: Mapping[str, PatchMessage]) -> SeriesVersion:
    """The version with the other patches of an older one, if it only sends patches that replace some of those."""
    if new.cover is not None or (new.whole and new.patches[0].numbered):
        return new
    for old in reversed(older):
        numbers = [_replaced(patch, old, by_id) for patch in new.patches]
        if 0 in numbers:
            continue
        mine = [
            replace(patch, number=number, total=old.total) for patch, number in zip(new.patches, numbers, strict=True)
        ]
        kept = (patch for patch in old.patches if patch.number not in numbers)
        patches = tuple(sorted((*mine, *kept), key=lambda patch: patch.number))
        return SeriesVersion(patches, new.version, old.total, new.resend, old.cover, new.spare, tuple(sorted(numbers)))
    return new


def _replaced(message: PatchMessage, old: SeriesVersion, by_id: Mapping[str, PatchMessage]) -> int:
    """The number of the patch that a message replaces, 0 if it replaces none."""
    above = _answered(message, old, by_id)
    if not message.numbered:
        fits = above is not None and old.total > 1 and _normalized(above.title) == _normalized(message.title)
        return above.number if above is not None and fits else 0
    if message.total != old.total:
        return 0
    answers_old = message.content.parent in {one.id for one in old.messages}
    below = answers_old or (above is not None and above.number == message.number)
    return message.number if below else 0


def _answered(message: PatchMessage, old: SeriesVersion, by_id: Mapping[str, PatchMessage]) -> PatchMessage | None:
    """The patch of `old` below which a message was sent, with or without discussion in between."""
    patches = {message.id: message for message in (*old.patches, *old.spare)}
    seen: set[str] = set()
    parent = message.content.parent
    while parent and parent not in seen:
        if parent in patches:
            return patches[parent]
        seen.add(parent)
        above = by_id.get(parent)
        parent = above.content.parent if above else None
    return None
