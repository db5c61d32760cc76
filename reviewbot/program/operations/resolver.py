"""Says which functions a call through a member may come to, and through which members a function is called.

The type of the structure has to be settled: by how the variable is declared and by the members on the way, or because
only one structure has such a member. Where it is not, nothing is said.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from functools import cache
from posixpath import commonpath
from typing import NamedTuple, Protocol

from reviewbot.program.operations.words import CALLED, FileOperations

MOST_BODIES = 16  # functions that stand in one member of tables; what has more is nobody's in particular
FEW_BODIES = 3  # so many a reader may look at
_Key = tuple[str, str]  # the path of a file, and the name of a function in it
_MOST_PUTTING = 40  # files that put something into one member; what more of them do is soon too much
_MOST_UNTYPED = 16  # files that put something into a member of a type that is to be worked out


class TableWords(Protocol):
    """What some files say of members that are called, by the names in them."""

    def structuring(self, name: str) -> Collection[str]:
        """The files that define a type of structure."""

    def pointing(self, member: str) -> Collection[str]:
        """The files that define a structure with a pointer to a function of this name."""

    def putting(self, place: str) -> Collection[str]:
        """The files that put something into a member: "type.member"; ".member" where its type is to be worked out."""

    def operations(self, path: str) -> FileOperations:
        """What a file says."""

    def sees(self, path: str, other: str) -> bool:
        """Whether code of a file may use what another one defines for others."""

    def meant(self, path: str, name: str) -> _Key | None:
        """The function that a name means in a file."""


class MemberPlace(NamedTuple):
    """A member of a type of structure, and the file that defines that, "" where it is none of these files."""

    kind: str
    member: str
    home: str


class PutFunction(NamedTuple):
    """A function that stands in a member, and the file that puts it there."""

    path: str
    function: _Key


class Operations:
    """Answers by what some files say. `whole`: they are all of a tree, and there is no other type in it."""

    def __init__(self, words: TableWords, whole: bool) -> None:
        self._words, self._whole = words, whole
        self.place = cache(self._place)
        self.standing = cache(self._standing)
        self._home = cache(self._sought_home)

    def _place(self, path: str, member_path: str) -> MemberPlace | None:
        """The place that a member path means in a file, None where that is not settled."""
        kind, *members, last = member_path.split(".")
        for member in members if kind else ():
            fields = self._fields(path, kind)
            # what stands in an unnamed structure counts as a member of that around it
            kind = fields.get(member, "") or (kind if fields.get(last) == CALLED else "")
        if not kind or kind == CALLED:
            kind = self._only_type(path, last) if self._whole else ""
        home = self._home(path, kind) if kind else None
        return MemberPlace(kind, last, home) if home is not None else None

    def _fields(self, path: str, kind: str) -> Mapping[str, str]:
        home = self._home(path, kind)
        return self._words.operations(home).structures.get(kind, {}) if home else {}

    def _sought_home(self, path: str, kind: str) -> str | None:
        """The file whose definition of a type holds in a file; "" for none of these, None for one of several."""
        found = [one for one in self._words.structuring(kind) if self._may_define(path, one)]
        if path in found or len(found) < 2:
            return path if path in found else "".join(found)
        near = sorted(found, key=lambda one: -_in_common(path, one))
        return near[0] if _in_common(path, near[0]) > _in_common(path, near[1]) else None

    def _may_define(self, path: str, other: str) -> bool:
        return path == other or (other.endswith(".h") and self._words.sees(path, other))

    def _only_type(self, path: str, member: str) -> str:
        """The only type with a pointer to a function of a name that code of a file may use; "" for several."""
        kinds = {
            kind
            for one in self._words.pointing(member)
            if self._may_define(path, one)
            for kind, fields in self._words.operations(one).structures.items()
            if fields.get(member) == CALLED
        }
        return min(kinds) if len(kinds) == 1 else ""

    def _standing(self, place: MemberPlace) -> Sequence[PutFunction] | None:
        """The functions that stand in a place; None where they are too many to tell anything."""
        found = dict[PutFunction, None]()
        functions = set()
        plain = self._words.putting(f"{place.kind}.{place.member}")
        if len(plain) > _MOST_PUTTING:
            return None
        untyped = self._words.putting(f".{place.member}")
        for one in self._put(place, dict.fromkeys((*plain, *(untyped if len(untyped) <= _MOST_UNTYPED else ())))):
            found[one] = None
            functions.add(one.function)
            if len(functions) > MOST_BODIES:
                return None
        return [*found]

    def _put(self, place: MemberPlace, paths: Collection[str]) -> Iterator[PutFunction]:
        end = f".{place.member}"
        for path in paths:
            for put in self._words.operations(path).puts:
                if put.path.endswith(end) and self.place(path, put.path) == place:
                    function = self._words.meant(path, put.function)
                    if function is not None:
                        yield PutFunction(path, function)

    def places_of(self, function: _Key, paths: Collection[str]) -> Collection[MemberPlace]:
        """The places in which a function stands. `paths`: the files that may put it there."""
        found = (
            self.place(path, put.path)
            for path in paths
            for put in self._words.operations(path).puts
            if put.function == function[1] and self._words.meant(path, put.function) == function
        )
        return dict.fromkeys(one for one in found if one is not None)


def meant_by(path: str, puts: Collection[PutFunction]) -> Collection[PutFunction]:
    """Those of the functions in a place that a call in a file means: who puts functions of its own there calls these.

    A driver calls through the table of its subsystem as well, and no other driver by that.
    """
    return [one for one in puts if one.path == path] or puts


def _in_common(path: str, other: str) -> int:
    return len(commonpath((path, other)))
