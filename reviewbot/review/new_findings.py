"""Finds the hits that a patch brings: those after it that match no hit before it.

Hits are matched by what the request is, not by its names: first by the same key; then within the same function, or
the one that it was renamed from, by the cause (`Hit.cause`); then across the patch, where a line was moved into a
function that the patch makes, or stands elsewhere unchanged. A hit before that was fixed in place matches nothing,
and each hit before matches one hit after.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cached_property, partial

from msgspec import Struct

from reviewbot.frontend.instructions import squeeze
from reviewbot.program.context import Hit
from reviewbot.program.file_version import FileVersion
from reviewbot.support.patterns import pattern

_OFFERED = (".h", ".inc")  # a function that moves there becomes visible to more code
_SHORTEST = 2  # words that a statement must have to be recognised
_APART = 3  # rows of a hit that are less than this apart belong to one statement
_WORD = pattern(r"\w+")

Pair = tuple[FileVersion, Hit]
HitKey = tuple[str, str]


class Sides(Struct, frozen=True, dict=True):
    """The hits of one rule in one file, after and before the patch.

    `versions`: the file after and before, None where there is none; `old_names`: of renamed functions, by their new
    names; `prefixes`: how the names of flags begin; `stems`: what the names of flags and of variables that hold them
    contain, in lower case; `scopes`: calls that enter or leave a scope that is not atomic.
    """

    after: Sequence[Pair]
    before: Sequence[Pair]
    versions: tuple[FileVersion | None, FileVersion | None]
    old_names: Mapping[str, str]
    prefixes: tuple[str, ...]
    stems: tuple[str, ...]
    scopes: frozenset[str]

    @cached_property
    def made(self) -> frozenset[str]:
        """The functions whose heads the patch adds, under a name that the file before does not contain."""
        after, before = self.versions
        heads = [unit.function for unit in after.units if unit.function.starts] if after is not None else []
        added = (head.name for head in heads if after is not None and after.changed[max(head.head[0], 0)])
        words = frozenset(_WORD.findall(before.text)) if before is not None else frozenset()
        return frozenset(name for name in added if name not in words and name not in self.old_names)

    @cached_property
    def wrong(self) -> frozenset[int]:
        """The rows of all hits after the patch."""
        return frozenset(row for _, hit in self.after for row in hit.rows)

    def mended(self, pair: Pair) -> bool:
        """Whether the statement of a hit before still stands in its function, flags aside, and is no hit any more."""
        part, hit = pair
        after = self.versions[0]
        wanted = [word for word, _ in self._bare(part, _statement(part, hit))]
        if after is None or len(wanted) < _SHORTEST:
            return False
        for text, rows in self._words_after.get(hit.function, ()):
            for at in _places(text, wanted):
                here = set(rows[at : at + len(wanted)])
                if self.wrong.isdisjoint(here | self._named(here)):
                    return True
        return False

    @cached_property
    def _words_after(self) -> Mapping[str, Sequence[tuple[str, Sequence[int]]]]:
        """The words of the functions after the patch, flags aside, each with its row; by the functions' old names.

        The words of a function are one text, with a blank before and behind each.
        """
        after, functions = self.versions[0], dict[str, list[tuple[str, Sequence[int]]]]()
        if after is None:
            return functions
        for unit in after.units:
            first, last = unit.function.lines
            words = self._bare(after, range(max(first, 0), min(last + 1, len(after.rows))))
            text = "".join(f" {word}" for word, _ in words) + " "
            functions.setdefault(self.old(unit.function.name), []).append((text, [row for _, row in words]))
        return functions

    def _named(self, rows: Iterable[int]) -> set[int]:
        """The wrong rows that contain a variable or macro which the given rows use as a mask."""
        after = self.versions[0]
        if after is None:
            return set()
        names = {word for row in rows for word in _WORD.findall(after.rows[row]) if self._is_carrier(word)}
        return {row for row in self.wrong if not names.isdisjoint(_WORD.findall(after.rows[row]))} if names else set()

    def _is_carrier(self, word: str) -> bool:
        """Whether a word is named like a mask and is no flag."""
        return any(stem in word.lower() for stem in self.stems) and not word.startswith(self.prefixes)

    def old(self, name: str) -> str:
        """The name of a function before the patch."""
        return self.old_names.get(name, name)

    def old_function(self, pair: Pair) -> str:
        """The name of a hit's function before the patch."""
        return self.old(pair[1].function)

    def cause(self, hit: Hit) -> str:
        """The cause of a hit, independent of names: as the check gives it, else the constants and scopes in its key."""
        if hit.cause is not None:
            return hit.cause
        words = (word for word in _WORD.findall(hit.key) if word.isupper() or word in self.scopes)
        return " ".join(word for word in words if not self._is_carrier(word))

    def _bare(self, part: FileVersion, rows: Iterable[int]) -> list[tuple[str, int]]:
        """The words of some rows, each with its row, without flags and words that are named like one."""
        words = ((word, row) for row in rows for word in _WORD.findall(part.rows[row]))
        return [(word, row) for word, row in words if not any(stem in word.lower() for stem in self.stems)]


def new_hits(files: Sequence[Sides]) -> Iterator[Pair]:
    """The hits of one rule that a patch brings. `files`: all files of the patch that were read."""
    fresh: list[tuple[Sides, Pair]] = []
    gone: list[tuple[Sides, Pair]] = []
    for sides in files:
        after, before = list(sides.after), list(sides.before)
        _cancel(after, before, (_exactly, _exactly), lambda *_: True)
        before_left = [pair for pair in before if not sides.mended(pair)]
        _cancel(after, before_left, (sides.old_function, _function), partial(_alike, sides))
        kept = {id(pair) for pair in before_left}
        fresh += [(sides, pair) for pair in after]
        gone += [(sides, pair) for pair in before if id(pair) in kept]
    for sides, pair in fresh:
        moved = next((old for old in gone if _moved(sides, pair, *old)), None)
        if moved is None:
            yield _on_added_rows(sides, pair)
        else:
            gone.remove(moved)


def _on_added_rows(sides: Sides, pair: Pair) -> Pair:
    """A new hit, or its equal on added rows: of a function and its copy the diff may show the original as added."""
    if _changed(pair) or pair[1].function not in sides.made:
        return pair
    alike = (other for other in sides.after if _changed(other) and _text(other) == _text(pair))
    return next((other for other in alike if sides.cause(other[1]) == sides.cause(pair[1])), pair)


def _places(text: str, words: Sequence[str]) -> Iterator[int]:
    """The 0-based indexes at which a sequence of words begins in a text; see Sides._words_after."""
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
    """Remove the pairs that are the same from both lists; those on added lines are matched last.

    Only pairs of one kind are compared. `kinds`: give the kind of a pair after the patch, and of one before.
    """
    old: dict[object, list[Pair]] = {}
    for pair in before:
        old.setdefault(kinds[1](pair), []).append(pair)
    after.sort(key=_changed)
    gone: set[int] = set()
    for pair in after:
        others = old.get(kinds[0](pair), [])
        at = next((at for at, other in enumerate(others) if same(pair, other)), None)
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


def _alike(sides: Sides, pair: Pair, old: Pair) -> bool:
    """Whether two hits of one function have the same cause: a call, variable, size or lock variant is only renamed.

    Where one of the two has no cause, as with a mask in a variable, both must stand on changed lines.
    """
    causes = {sides.cause(pair[1]), sides.cause(old[1])}
    return len(causes) == 1 or ("" in causes and _changed(pair) and _changed(old))


def _moved(sides: Sides, pair: Pair, there: Sides, old: Pair) -> bool:
    """Whether a hit was moved: the patch removes its equal elsewhere. A copy is no move.

    A function removed from another file of the same patch counts as moved, so its old hits are not new. Not into a
    header: there it becomes visible to more code.
    """
    part, hit = pair
    if (part.path.endswith(_OFFERED) and sides is not there) or not (_changed(old) or _touched(*old)):
        return False
    if sides is not there and hit.function and _exact(pair, old):  # a function that went to another file
        return True
    if sides.cause(hit) != sides.cause(old[1]):
        return False
    moved, same = _changed(pair) and _changed(old), _text(pair) == _text(old) != ""
    before = there.versions[1].path if there.versions[1] is not None else ""
    linked = sides is there or any(side.path == before for side, _, _ in hit.elsewhere)
    made = linked and hit.function in sides.made
    return (moved and (made or same)) or (made and same)


def _changed(pair: Pair) -> bool:
    """Whether a row of the hit is a changed line."""
    part, hit = pair
    return any(part.changed[row] for row in hit.rows if 0 <= row < len(part.rows))


def _touched(part: FileVersion, hit: Hit) -> bool:
    """Whether the patch changes a line of the hit's function, or one between its lines."""
    for function in (unit.function for unit in part.units if unit.function.name == hit.function):
        first, last = max(min(function.head[0], function.lines[0]), 0), min(function.lines[1], len(part.rows) - 1)
        inserted = (part.near[row] and part.near[row + 1] for row in range(first, last))
        if any(part.changed[first : last + 1]) or any(inserted):
            return True
    return False


def _statement(part: FileVersion, hit: Hit) -> range:
    """The statement of a hit: the rows around its first one, as far as those of the hit lie close together."""
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
    """The text of a hit's first row, indent included: at another depth it runs under other conditions."""
    part, hit = pair
    row = _first(part, hit)
    return part.rows[row].rstrip() if row is not None else ""
