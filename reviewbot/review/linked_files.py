"""Links the files that a patch, or a series, touches, so that a call from one into another is followed.

Of a patch to many files each is read by itself: memory has to stay flat, and most of them have nothing to do with each
other.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TypeVar

from msgspec.structs import replace

from reviewbot.model.kernel import Kernel
from reviewbot.model.patch import Series
from reviewbot.program.call_graph import NOTHING_BESIDE, Beside, FileCallGraph
from reviewbot.program.file_version import FileVersion
from reviewbot.review.patched_file import PatchedFile
from reviewbot.support.patterns import pattern

_MOST_LINKED = 16  # files of one patch
MOST_EARLIER = 16  # files of earlier patches, the last ones

# the head of a function in a diff, which may stand behind the @@ as well
_HEAD = pattern(rb"^(?:[ +]|@@[-+,0-9 ]{1,60}@@ )[a-zA-Z_][^=;\n]{0,200}?\b(\w+)\(", re.MULTILINE)
_CALL = pattern(rb"\b(\w+)\(")
_ALL = frozenset[str]()  # no names that restrict what is read

One = TypeVar("One")


def grouped(files: Sequence[One]) -> Sequence[Sequence[One]]:
    """The files of a patch in groups that are read as one: all of them, or each alone where they are many."""
    return [files] if 0 < len(files) <= _MOST_LINKED else [[one] for one in files]


def link(files: Sequence[PatchedFile], kernel: Kernel, beside: Beside = NOTHING_BESIDE) -> None:
    """Have some files read as one, together with others of their series or tree."""
    now = beside._replace(before=None)
    after = FileCallGraph(lambda: [one.after for one in files if one.after is not None], kernel, now)
    # what a name may have meant is no news: a function may have moved
    known = beside._replace(meant=None)
    before = FileCallGraph(lambda: [side for one in files if (side := one.before(_ALL)) is not None], kernel, known)
    for file in files:
        file.link(after, before)


def with_files(beside: Beside, earlier: Sequence[FileVersion]) -> Beside:
    """The files beside a patch with those that earlier patches of its series have left."""
    before = beside.before
    then = None if before is None else lambda: (*before(), *earlier)
    return beside._replace(files=(*beside.files, *earlier), before=then)


def are_linked(earlier: str, diff: str) -> bool:
    """Whether one of two diffs shows the head of a function that the other calls, by their words."""
    return any(linked_heads([one.encode("utf-8", "surrogateescape") for one in (earlier, diff)]))


def linked_heads(diffs: Sequence[bytes]) -> Sequence[frozenset[bytes]]:
    """For each file of a commit, by its part of the diff, the functions that link it with others of the commit.

    Those whose heads it shows and another calls, or that it calls and whose heads another shows.
    """
    if not 1 < len(diffs) <= _MOST_LINKED:
        return [frozenset()] * len(diffs)
    heads = [frozenset(_HEAD.findall(one)) for one in diffs]
    calls = [frozenset(_CALL.findall(one)) for one in diffs] if any(heads) else [frozenset[bytes]()] * len(diffs)
    found = []
    for at in range(len(diffs)):
        others = [other for other in range(len(diffs)) if other != at]
        names = (heads[at] & calls[other] | calls[at] & heads[other] for other in others)
        found.append(frozenset[bytes]().union(*names))
    return found


class Earlier:
    """The files of a series as the patches so far have left them. `files`: they count as unchanged."""

    def __init__(self) -> None:
        self.files: Sequence[FileVersion] = ()

    def add(self, files: Sequence[FileVersion]) -> None:
        """Add the files of one more patch, in place of what they were before it."""
        fresh = {side.path: side for side in files if side.units or side.beside is not None}
        kept = [one for one in self.files if one.path not in fresh]
        unchanged = [
            replace(side, changed=(False,) * len(side.rows), near=(False,) * len(side.rows)) for side in fresh.values()
        ]
        self.files = (*kept, *unchanged)[-MOST_EARLIER:]


def first_missing(series: Series) -> float:
    """The number of the first patch of a series that is missing; infinity where none is known to be."""
    here = {patch.number for patch in series.patches}
    gaps = (number for number in range(1, max(here, default=0)) if number not in here)
    return 0 if series.headless else next(gaps, float("inf"))
