"""Says what other files lend a text: the locks that their functions and macros take for it, and those they give back.

Input: the texts of files that are read as one, on one side of a patch, and what is known of the rest of their tree.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cache, cached_property, partial
from typing import NamedTuple, Protocol

from reviewbot.frontend.cut_functions import byte_words
from reviewbot.model.lent_scopes import NOTHING_LENT, LentScopes, TakingRow
from reviewbot.model.patch import FileChange
from reviewbot.program.file_version import FileVersion
from reviewbot.program.helpers.guards import class_of, guard_name
from reviewbot.program.helpers.reader import HelperReader, HelperScopes
from reviewbot.program.helpers.words import NO_HELPERS, HelperNames

_DEEPEST = 3  # helpers of other files that call helpers of others
_MOST_READ = 100  # helpers of other files that one text calls

Sees = Callable[[str, str], bool]  # whether code of a file may use what another one defines for others
ReadSide = Callable[[FileChange], str | None]  # the whole of a changed file on one side


class NearbyHelpers(Protocol):
    """The helpers of a tree by their words."""

    @property
    def left(self) -> str:
        """Why these are not all that may matter, "" if they are."""

    @property
    def takers(self) -> frozenset[bytes]:
        """The names of all functions and macros that may take a lock for others."""

    @property
    def givers(self) -> frozenset[bytes]:
        """The names of those that may give one back."""

    def helper(self, path: str, name: str) -> str | None:
        """The file of the function or macro that a name means in a file, None where nobody knows."""

    def text(self, path: str) -> bytes | None:
        """The text of a file, None where it is not there."""


class PatchHelpers(NamedTuple):
    """What files lend each other after a patch, and before it. `left`: see NearbyHelpers."""

    after: SideHelpers
    before: SideHelpers
    left: str = ""

    def hunks(self, change: FileChange, mark: str) -> LentScopes:
        """What others lend the hunks of a file: mark "+" for after, "-" for before."""
        side = self.after if mark == "+" else self.before
        return side.lent(change.path, _shown(change, mark))


class SideHelpers:
    """What files lend each other on one side of a patch. `texts`: those that the patch, or its series, touches.

    `near`: the others, None where these are not known.
    """

    def __init__(
        self,
        reader: Callable[[], HelperReader],
        texts: Mapping[str, Callable[[], bytes | None]],
        near: NearbyHelpers | None,
        sees: Sees,
    ) -> None:
        self._make, self._texts, self._near, self._sees = reader, texts, near, sees
        self._known: dict[tuple[str, str], HelperScopes | None] = {}

    def lent(self, path: str, text: str) -> LentScopes:
        """What other files lend a text. `path`: where it stands."""
        if self._near is None and not self._texts.keys() - {path}:
            return NOTHING_LENT
        return self._lent(path, text.encode("utf-8", "surrogateescape"), _DEEPEST)

    @cached_property
    def _reader(self) -> HelperReader:
        return self._make()

    @cached_property
    def _named(self) -> Mapping[str, HelperNames]:
        """The helpers of each of the files at hand."""
        texts = ((path, read()) for path, read in self._texts.items())
        return {path: self._reader.words.names(path, text) for path, text in texts if text is not None}

    @cached_property
    def _own(self) -> tuple[frozenset[bytes], frozenset[bytes]]:
        """The names of those at hand that may take a lock, and of those that may give one back."""
        takers = (name for one in self._named.values() for name in one.takers)
        givers = (name for one in self._named.values() for name in one.givers)
        return _as_bytes(takers), _as_bytes(givers)

    def _among(self, words: Sequence[bytes]) -> tuple[frozenset[bytes], frozenset[bytes]]:
        """Those of some words that name what may take a lock, and those that name what may give one back."""
        known = self._reader.known
        near = (self._near.takers, self._near.givers) if self._near is not None else (known, known)
        takers, givers = (
            (own.intersection(words) | some.intersection(words)) - known
            for own, some in zip(self._own, near, strict=True)
        )
        return takers, givers

    def _lent(self, path: str, text: bytes, depth: int) -> LentScopes:
        takers, givers = self._among(self._words(text)) if depth else (frozenset[bytes](), frozenset[bytes]())
        first = depth == _DEEPEST
        # who gives back for others matters only below what others have taken
        if not takers and (first or not givers):
            return NOTHING_LENT
        own, words = self._reader.words.own(text), takers | givers
        names = sorted((one not in takers, _text(one)) for one in words if one not in own or b"(" in one)
        scopes = list[tuple[str, str, HelperScopes | None]]()
        left, took = 0, not first
        for gives_only, name in names:
            if gives_only and not took:
                break
            if (at := self._place(path, name)) is not None:
                left += len(scopes) >= _MOST_READ
                scopes += [(name, at, self._scopes(at, name, depth))] if len(scopes) < _MOST_READ else []
                took = took or any(one is not None and bool(one.takes) for _, _, one in scopes[-1:])
        takes = tuple((name, one.takes) for name, _, one in scopes if one is not None and one.takes)
        guards = tuple((class_of(name), gates[0][0]) for name, gates in takes if class_of(name))
        takes = tuple((name, gates) for name, gates in takes if not class_of(name))
        gives = tuple((name, one.gives) for name, _, one in scopes if one is not None and one.gives)
        if not took:
            return NOTHING_LENT
        return LentScopes(
            takes,
            gives,
            frozenset(name for name, _, one in scopes if one is None),
            tuple(
                (class_of(name) or name, shown)
                for name, at, one in scopes
                if one and one.takes and at != path
                for shown in self._row(at, name)
            ),
            left,
            guards,
        )

    def _words(self, text: bytes) -> list[bytes]:
        """The words of a text, and what the classes of its guards are called."""
        return [*byte_words(text), *map(guard_name, self._reader.words.guards.used(text))]

    def _place(self, path: str, name: str) -> str | None:
        """The file of the helper that a name means in a file; None where it is none, or one of several."""
        if class_of(name) and path in self._named and name in self._named[path].takers:
            return path
        words, named = self._reader.words, name.encode("utf-8", "surrogateescape")
        texts = ((at, read()) for at, read in self._texts.items() if at != path and self._sees(path, at))
        seen = [at for at, text in texts if text is not None and words.defines(at, text, named)]
        meant = self._near.helper(path, name) if self._near is not None else None
        if meant == path:
            return None
        if meant is not None and meant in self._texts:  # this is what it was or will be on one of the sides
            return meant if meant in seen else None
        if not seen or meant is not None:
            return None if seen else meant
        one = self._named[seen[0]] if len(seen) == 1 else NO_HELPERS
        return seen[0] if name in one.takers or name in one.givers else None

    def _scopes(self, path: str, name: str, depth: int) -> HelperScopes | None:
        """What a helper takes and gives back; None for one that may give back something, nobody knows what."""
        if (path, name) not in self._known:
            self._known[path, name] = None  # should it call itself
            self._known[path, name] = self._read(path, name, depth)
        return self._known[path, name]

    def _read(self, path: str, name: str, depth: int) -> HelperScopes | None:
        text = self._text(path)
        if text is None:
            return None
        words = self._reader.words
        said = words.text(text, name)
        lent = self._lent(path, said.encode("utf-8", "surrogateescape"), depth - 1) if said else NOTHING_LENT
        found = self._reader.scopes(said, name, lent) if said else HelperScopes()
        return found if found.takes or found.gives or not words.gives(text, name) else None

    def _text(self, path: str) -> bytes | None:
        if path in self._texts:
            return self._texts[path]()
        return self._near.text(path) if self._near is not None else None

    def _row(self, path: str, name: str) -> Iterator[TakingRow]:
        text = self._text(path)
        row = self._reader.words.row(text, name) if text is not None else -1
        if text is not None and row >= 0:
            yield TakingRow(path, row + 1, text.split(b"\n")[row].decode("utf-8", "surrogateescape"), name)


def _as_bytes(names: Iterable[str]) -> frozenset[bytes]:
    return frozenset(name.encode("utf-8", "surrogateescape") for name in names)


def _text(name: bytes) -> str:
    return name.decode("utf-8", "surrogateescape")


def patch_helpers(
    reader: Callable[[], HelperReader],
    changes: Sequence[FileChange],
    earlier: Sequence[FileVersion],
    whole: tuple[ReadSide, ReadSide] | None,
    near: NearbyHelpers | None,
    sees: Sees,
) -> PatchHelpers:
    """What the files of a patch lend each other. `earlier`: those that earlier patches of its series have left.

    `whole`: gives them as a whole, after the patch and before it; None where only the hunks are known.
    """

    def side(number: int, mark: str) -> SideHelpers:
        def text(change: FileChange) -> bytes | None:
            found = whole[number](change) if whole is not None else _shown(change, mark)
            return None if found is None else found.encode("utf-8", "surrogateescape")

        texts: dict[str, Callable[[], bytes | None]] = {
            one.path: partial(one.text.encode, "utf-8", "surrogateescape") for one in earlier
        }
        texts |= {one.path: cache(partial(text, one)) for one in changes}
        return SideHelpers(reader, texts, near, sees)

    return PatchHelpers(side(0, "+"), side(1, "-"), near.left if near is not None else "")


def _shown(change: FileChange, mark: str) -> str:
    """What the hunks of a file show of one side."""
    hunks = ((line.text for line in hunk.lines if line.mark in (" ", mark)) for hunk in change.hunks)
    return "\n\n".join("\n".join(lines) for lines in hunks)
