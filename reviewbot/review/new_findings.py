"""What the rules hit before and after a patch in, what is new out: old trouble in new clothes is no news.

Before and after are matched by what a request is, not by how it is called: by the same key first; then within the same
function, or the one that it was renamed from, by what is wrong (`Hit.cause`); then across the patch, where a line was
moved into a function that the patch makes, or stands elsewhere as it was. What was mended where it stood excuses
nothing, and each old hit excuses one new.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cached_property, partial

from msgspec import Struct

from reviewbot.frontend.instructions import squeeze
from reviewbot.program.context import Hit
from reviewbot.program.file_version import FileVersion
from reviewbot.support.patterns import pattern

_OFFERED = (".h", ".inc")  # a function there is offered to more than before
_SHORTEST = 2  # words by which a statement is known again
_APART = 3  # rows of one statement that a hit does not name
_WORD = pattern(r"\w+")

Pair = tuple[FileVersion, Hit]
HitKey = tuple[str, str]


class Sides(Struct, frozen=True, dict=True):
    """The hits of one rule in one file, after and before the patch.

    `slices`: both sides, None where there is none; `old_names`: of renamed functions, by their new names; `prefixes`:
    how the names of flags begin; `stems`: what those, and what holds them, have in them, in lower case; `scopes`: calls
    that open or close one that is not atomic.
    """

    after: Sequence[Pair]
    before: Sequence[Pair]
    slices: tuple[FileVersion | None, FileVersion | None]
    old_names: Mapping[str, str]
    prefixes: tuple[str, ...]
    stems: tuple[str, ...]
    scopes: frozenset[str]

    @cached_property
    def made(self) -> frozenset[str]:
        """The functions whose heads the patch adds, under a name that was not there before."""
        after, before = self.slices
        heads = [unit.function for unit in after.units if unit.function.starts] if after is not None else []
        added = (one.name for one in heads if after is not None and after.changed[max(one.head[0], 0)])
        said = frozenset(_WORD.findall(before.text)) if before is not None else frozenset()
        return frozenset(name for name in added if name not in said and name not in self.old_names)

    @cached_property
    def wrong(self) -> frozenset[int]:
        """The rows of hits after the patch."""
        return frozenset(row for _, hit in self.after for row in hit.rows)

    def mended(self, pair: Pair) -> bool:
        """Whether what was wrong still stands in its function, flags aside, and is not wrong any more."""
        part, hit = pair
        after = self.slices[0]
        wanted = [word for word, _ in self._bare(part, _statement(part, hit))]
        if after is None or len(wanted) < _SHORTEST:
            return False
        for text, rows in self._there.get(hit.function, ()):
            for at in _places(text, wanted):
                here = set(rows[at : at + len(wanted)])
                if self.wrong.isdisjoint(here | self._named(here)):
                    return True
        return False

    @cached_property
    def _there(self) -> Mapping[str, Sequence[tuple[str, Sequence[int]]]]:
        """The functions after the patch by what they were called before: their words, flags aside, each with its row.

        The words are one text, with a blank before and behind each.
        """
        after, found = self.slices[0], dict[str, list[tuple[str, Sequence[int]]]]()
        for unit in after.units if after is not None else ():
            first, last = unit.function.lines
            said = self._bare(after, range(max(first, 0), min(last + 1, len(after.rows)))) if after is not None else []
            text = "".join(f" {word}" for word, _ in said) + " "
            found.setdefault(self.old(unit.function.name), []).append((text, [row for _, row in said]))
        return found

    def _named(self, rows: Iterable[int]) -> set[int]:
        """The wrong rows that say a variable or a macro which some rows have for a mask."""
        after = self.slices[0]
        if after is None:
            return set()
        names = {word for row in rows for word in _WORD.findall(after.rows[row]) if self._is_carrier(word)}
        return {row for row in self.wrong if not names.isdisjoint(_WORD.findall(after.rows[row]))} if names else set()

    def _is_carrier(self, word: str) -> bool:
        """Whether a word is called like a mask and is no flag."""
        return any(stem in word.lower() for stem in self.stems) and not word.startswith(self.prefixes)

    def old(self, name: str) -> str:
        """What a function was called before."""
        return self.old_names.get(name, name)

    def old_function(self, pair: Pair) -> str:
        """What the function of a hit was called before."""
        return self.old(pair[1].function)

    def cause(self, hit: Hit) -> str:
        """What is wrong, whatever it is called: as the check says, else the constants and scopes that the key names."""
        if hit.cause is not None:
            return hit.cause
        words = (word for word in _WORD.findall(hit.key) if word.isupper() or word in self.scopes)
        return " ".join(word for word in words if not self._is_carrier(word))

    def _bare(self, part: FileVersion, rows: Iterable[int]) -> list[tuple[str, int]]:
        """The words of some rows but for flags and what is called like one, each with its row."""
        words = ((word, row) for row in rows for word in _WORD.findall(part.rows[row]))
        return [(word, row) for word, row in words if not any(stem in word.lower() for stem in self.stems)]


def new_hits(files: Sequence[Sides]) -> Iterator[Pair]:
    """The hits of one rule that a patch to some files brings."""
    fresh: list[tuple[Sides, Pair]] = []
    gone: list[tuple[Sides, Pair]] = []
    for one in files:
        after, before = list(one.after), list(one.before)
        _cancel(after, before, (_exactly, _exactly), lambda *_: True)
        before_left = [pair for pair in before if not one.mended(pair)]
        _cancel(after, before_left, (one.old_function, _function), partial(_alike, one))
        kept = {id(pair) for pair in before_left}
        fresh += [(one, pair) for pair in after]
        gone += [(one, pair) for pair in before if id(pair) in kept]
    for one, pair in fresh:
        moved = next((old for old in gone if _moved(one, pair, *old)), None)
        if moved is None:
            yield _seen(one, pair)
        else:
            gone.remove(moved)


def _seen(one: Sides, pair: Pair) -> Pair:
    """A new hit; where the diff has a copy's rows for the old ones, the hit on those that it has for the copy."""
    if _changed(pair) or pair[1].function not in one.made:
        return pair
    alike = (other for other in one.after if _changed(other) and _text(other) == _text(pair))
    return next((other for other in alike if one.cause(other[1]) == one.cause(pair[1])), pair)


def _places(text: str, words: Sequence[str]) -> Iterator[int]:
    """Where some words stand in a row, as the number of the first; see Sides._there."""
    sought = f" {' '.join(words)} "
    at = text.find(sought)
    while at >= 0:
        yield text.count(" ", 0, at)
        at = text.find(sought, at + 1)


def _cancel(
    after: list[Pair],
    before: list[Pair],
    kinds: tuple[Callable[[Pair], object], Callable[[Pair], object]],
    same: Callable[[Pair, Pair], bool],
) -> None:
    """Take pairs that are the same out of both lists, those on added lines last; those of one kind are compared.

    `kinds`: of which one is, after the patch and before.
    """
    old: dict[object, list[Pair]] = {}
    for pair in before:
        old.setdefault(kinds[1](pair), []).append(pair)
    after.sort(key=_changed)
    gone: set[int] = set()
    for pair in after:
        others = old.get(kinds[0](pair), [])
        at = next((at for at, one in enumerate(others) if same(pair, one)), None)
        if at is not None:
            gone |= {id(pair), id(others.pop(at))}
    for pairs in (after, before):
        pairs[:] = [pair for pair in pairs if id(pair) not in gone]


def _exactly(pair: Pair) -> HitKey:
    return _key(pair[1])


def _function(pair: Pair) -> str:
    return pair[1].function


def _exact(pair: Pair, old: Pair) -> bool:
    return _exactly(pair) == _exactly(old)


def _key(hit: Hit) -> HitKey:
    return "" if hit.anywhere else hit.function, squeeze(hit.key)


def _alike(one: Sides, pair: Pair, old: Pair) -> bool:
    """The same trouble in the same function: a call, a variable, a size or a lock's variant has another name.

    Where one of the two does not say what is wrong, as a mask in a variable does not, lines have to be replaced.
    """
    causes = {one.cause(pair[1]), one.cause(old[1])}
    return len(causes) == 1 or ("" in causes and _changed(pair) and _changed(old))


def _moved(one: Sides, pair: Pair, there: Sides, old: Pair) -> bool:
    """The same trouble taken away in another place of the patch, which is now where it was not; a copy is no move."""
    part, hit = pair
    if (part.path.endswith(_OFFERED) and one is not there) or not (_changed(old) or _touched(*old)):
        return False
    if one is not there and hit.function and _exact(pair, old):  # a function that went to another file
        return True
    if one.cause(hit) != one.cause(old[1]):
        return False
    moved, same = _changed(pair) and _changed(old), _text(pair) == _text(old) != ""
    made = one is there and hit.function in one.made
    return (moved and (made or same)) or (made and same)


def _changed(pair: Pair) -> bool:
    """Whether any of a hit stands on a changed line."""
    part, hit = pair
    return any(part.changed[row] for row in hit.rows if 0 <= row < len(part.rows))


def _touched(part: FileVersion, hit: Hit) -> bool:
    """Whether a patch changes anything inside the function of a hit; above or below it is no matter."""
    for function in (unit.function for unit in part.units if unit.function.name == hit.function):
        first, last = max(min(function.head[0], function.lines[0]), 0), min(function.lines[1], len(part.rows) - 1)
        inserted = (part.near[row] and part.near[row + 1] for row in range(first, last))
        if any(part.changed[first : last + 1]) or any(inserted):
            return True
    return False


def _statement(part: FileVersion, hit: Hit) -> range:
    """The rows of a hit that stand together with its first one."""
    first = _first(part, hit)
    if first is None:
        return range(0)
    rows = {row for row in hit.rows if 0 <= row < len(part.rows)}
    begin = end = first
    while any(begin - step in rows for step in range(1, _APART)):
        begin -= next(step for step in range(1, _APART) if begin - step in rows)
    while any(end + step in rows for step in range(1, _APART)):
        end += next(step for step in range(1, _APART) if end + step in rows)
    return range(begin, end + 1)


def _first(part: FileVersion, hit: Hit) -> int | None:
    return next((row for row in hit.rows if 0 <= row < len(part.rows)), None)


def _text(pair: Pair) -> str:
    """A hit's first row; at another depth it is run under other conditions."""
    part, hit = pair
    row = _first(part, hit)
    return part.rows[row].rstrip() if row is not None else ""
