"""Tells by words which functions of a file others run.

They are listed, have such a type, or are put or handed where that is so.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from fnmatch import fnmatchcase
from itertools import count

from reviewbot.checks.declaration import Role
from reviewbot.frontend.cut_functions import BLANKS, CutFile, FunctionText, call_around
from reviewbot.kernel.rows import signature
from reviewbot.review.prefilter.words import RowWords, as_bytes, first_words, has_any, last_words

_PUT = re.compile(rb"(?:\.|->)\s*+(\w++)\s*+=\s*+(?:&\s*+)?\Z")
_numbers = count()


class RunByOthers:
    """What the rows of rules list about the functions that others run."""

    def __init__(self, rows: RowWords) -> None:
        self._key = ("typed", next(_numbers))
        self._functions = as_bytes(rows.of(Role.FUNCTIONS))
        self._types = tuple(as_bytes(rows.of(Role.RETURNED)))
        heads = [("*", tuple(said.split(", "))) for said in sorted(rows.of(Role.PARAMETERS))]
        heads += [one for one in map(signature, sorted(rows.of(Role.SIGNATURES))) if "..." not in one[1]]
        self._heads: dict[bytes, list[tuple[bytes, Sequence[bytes]]]] = {}  # by the longest type, which is the rarest
        for name, types in heads:
            first, *others = sorted(as_bytes(types), key=len, reverse=True)
            self._heads.setdefault(first, []).append((name.encode(), others))
        self._first = re.compile(b"|".join(map(re.escape, sorted(self._heads, key=len, reverse=True))) or b"(?!)")
        # a longer type hides a shorter one that it begins with
        self._within = {one: [other for other in self._heads if other in one] for one in self._heads}
        self._members = last_words(rows.of(Role.MEMBERS, Role.HELD))
        self._calls = first_words(rows.of(Role.REGISTERS))

    def is_typed(self, part: FunctionText) -> bool:
        """Whether a function is listed, or has a type or parameters that only those have which others run."""
        known = part.found.get(self._key)
        if not isinstance(known, bool):
            known = self._takes_those(part) or part.name in self._functions or has_any(part.text, self._types)
            part.found[self._key] = known
        return known

    def _takes_those(self, part: FunctionText) -> bool:
        found = {first for one in set(self._first.findall(part.head)) for first in self._within[one]}
        return any(
            all(kind in part.head for kind in others) and fnmatchcase(part.name, name)
            for first in found
            for name, others in self._heads[first]
        )

    def typed(self, file: CutFile, names: Collection[bytes]) -> Collection[bytes]:
        """Those of the functions of a file that are so. `names`: those of all of them."""
        if has_any(file.text, self._types) or self._first.search(file.text) is not None:
            return {part.name for part in file.parts if self.is_typed(part)}.intersection(names)
        return self._functions.intersection(names)

    def names_run(self, file: CutFile, called: Collection[str]) -> frozenset[bytes]:
        """The words that are put into a member, or handed to a call, by which others run them.

        `called`: the names that its functions call.
        """
        put = {name for member, name in file.puts if member in self._members}
        return frozenset(put).union(*(file.given_to(name) for name in self._calls if name.decode() in called))

    def is_run(self, file: CutFile, name: bytes) -> bool:
        """Whether a function is put into a member, or handed to a call, by which others run it."""
        for at in file.handed_on(name):
            put = _PUT.search(file.text, max(0, at - BLANKS), at)
            named = put[1] if put else call_around(file.text, at)[0]
            if named in self._members or named in self._calls:
                return True
        return False
