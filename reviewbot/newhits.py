"""What the rules hit before and after a patch in, what is new out: old trouble in new clothes is no news.

Before and after are matched by what a request is, not by how it is called: by the same key first; then within the same
function, or the one that it was renamed from, by what is wrong (`Hit.cause`); then across the patch, where a line was
moved into a function that the patch makes, or stands elsewhere as it was. What was mended where it stood excuses
nothing, and each old hit excuses one new.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial

from reviewbot.checks.base import Hit
from reviewbot.csource import squeeze
from reviewbot.sides import Slice

_OFFERED = (".h", ".inc")  # a function there is offered to more than before
_WORD = re.compile(r"\w+")

Pair = tuple[Slice, Hit]
Key = tuple[str, str]


@dataclass(frozen=True)
class Sides:
    """The hits of one rule in one file, after and before the patch.

    `slices`: both sides, None where there is none; `old_names`: of renamed functions, by their new names; `stems`: how
    the names of flags begin; `scopes`: calls that open or close one that is not atomic.
    """

    after: Sequence[Pair]
    before: Sequence[Pair]
    slices: tuple[Slice | None, Slice | None]
    old_names: Mapping[str, str]
    stems: tuple[str, ...]
    scopes: frozenset[str]

    @cached_property
    def functions(self) -> tuple[frozenset[str], frozenset[str]]:
        """The functions that were read after and before."""
        names = [{unit.function.name for unit in part.units} if part is not None else set() for part in self.slices]
        return frozenset(names[0]), frozenset(names[1])

    @cached_property
    def wrong(self) -> frozenset[int]:
        """The rows of hits after the patch."""
        return frozenset(row for _, hit in self.after for row in hit.rows)

    def mended(self, pair: Pair) -> bool:
        """Whether what was wrong still stands in its function, flags aside, and is not wrong any more."""
        part, hit = pair
        row, after = _first(part, hit), self.slices[0]
        wanted = self._bare(part.rows[row]) if row is not None else ()
        if after is None or len(wanted) < 2:
            return False
        spans = [one.function.lines for one in after.units if self.old(one.function.name) == hit.function]
        rows = (at for first, last in spans for at in range(max(first, 0), min(last + 1, len(after.rows))))
        return any(at not in self.wrong and self._bare(after.rows[at]) == wanted for at in rows)

    def old(self, name: str) -> str:
        """What a function was called before."""
        return self.old_names.get(name, name)

    def cause(self, hit: Hit) -> str:
        """What is wrong, whatever it is called: as the check says, else the constants and scopes that the key names."""
        if hit.cause is not None:
            return hit.cause
        return " ".join(word for word in _WORD.findall(hit.key) if word.isupper() or word in self.scopes)

    def _bare(self, text: str) -> tuple[str, ...]:
        return tuple(word for word in _WORD.findall(text) if not word.startswith(self.stems))


def new_hits(files: Sequence[Sides]) -> Iterator[Pair]:
    """The hits of one rule that a patch to some files brings."""
    fresh: list[tuple[Sides, Pair]] = []
    gone: list[tuple[Sides, Pair]] = []
    for one in files:
        after, before = list(one.after), list(one.before)
        _cancel(after, before, _exact)
        before_left = [pair for pair in before if not one.mended(pair)]
        _cancel(after, before_left, partial(_alike, one))
        kept = {id(pair) for pair in before_left}
        fresh += [(one, pair) for pair in after]
        gone += [(one, pair) for pair in before if id(pair) in kept]
    for one, pair in fresh:
        moved = next((old for old in gone if _moved(one, pair, *old)), None)
        if moved is None:
            yield pair
        else:
            gone.remove(moved)


def _cancel(after: list[Pair], before: list[Pair], same: Callable[[Pair, Pair], bool]) -> None:
    """Take pairs that are the same out of both lists, those on added lines last."""
    after.sort(key=_changed)
    for pair in list(after):
        old = next((one for one in before if same(pair, one)), None)
        if old is not None:
            after.remove(pair)
            before.remove(old)


def _exact(pair: Pair, old: Pair) -> bool:
    return _key(pair[1]) == _key(old[1])


def _key(hit: Hit) -> Key:
    return "" if hit.anywhere else hit.function, squeeze(hit.key)


def _alike(one: Sides, pair: Pair, old: Pair) -> bool:
    """The same trouble in the same function: a call, a variable, a size or a lock's variant has another name.

    Where one of the two does not say what is wrong, as a mask in a variable does not, lines have to be replaced.
    """
    if one.old(pair[1].function) != old[1].function:
        return False
    causes = {one.cause(pair[1]), one.cause(old[1])}
    return len(causes) == 1 or ("" in causes and _changed(pair) and _changed(old))


def _moved(one: Sides, pair: Pair, there: Sides, old: Pair) -> bool:
    """The same trouble taken away in another place of the patch, which is now where it was not."""
    part, hit = pair
    if part.path.endswith(_OFFERED) and one is not there:
        return False
    if one is not there and hit.function and _exact(pair, old):  # a function that went to another file
        return True
    if not _changed(pair) or not _changed(old) or one.cause(hit) != one.cause(old[1]):
        return False
    made = hit.function not in one.functions[1] and one.old(hit.function) not in one.functions[1]
    return (made and one is there) or _text(pair) == _text(old) != ""


def _changed(pair: Pair) -> bool:
    """Whether any of a hit stands on a changed line."""
    part, hit = pair
    return any(part.changed[row] for row in hit.rows if 0 <= row < len(part.rows))


def _first(part: Slice, hit: Hit) -> int | None:
    return next((row for row in hit.rows if 0 <= row < len(part.rows)), None)


def _text(pair: Pair) -> str:
    part, hit = pair
    row = _first(part, hit)
    return squeeze(part.rows[row]) if row is not None else ""
