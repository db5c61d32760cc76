"""Reads both sides of a file in a patch: parses the functions that the change touches."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Callable, Mapping, Sequence
from functools import cache, cached_property
from typing import TYPE_CHECKING

from msgspec import Struct, field
from msgspec.structs import replace

from reviewbot.dataflow.scope_table import ScopeTable
from reviewbot.frontend import fragments
from reviewbot.frontend.fragments import Fragment
from reviewbot.frontend.instructions import Function
from reviewbot.frontend.macros import Define, Defines, define_rows, is_asked
from reviewbot.frontend.preprocess import rewrite
from reviewbot.frontend.stitch import Stretch, heading
from reviewbot.model.kernel import Allocator, Kernel
from reviewbot.model.lent_scopes import NOTHING_LENT, LentScopes
from reviewbot.model.patch import FileChange, Hunk
from reviewbot.patch.renames import renamed
from reviewbot.program.file_version import FileVersion
from reviewbot.program.helpers.reader import HelperReader
from reviewbot.program.neighbours import Neighbours
from reviewbot.program.unit import FunctionUnit, opener
from reviewbot.support.patterns import pattern

if TYPE_CHECKING:
    from reviewbot.program.recorded.records import FunctionRecords, Records

_MOST_LOST = 200_000  # characters that were no C: trying to read such text takes long


_MOST_FUNCTIONS = 10_000  # of one text; the largest file of the kernel has a tenth of it


class ParsedText(Struct, frozen=True):
    """The functions, macros, allocators and scope calls of a text, and why some could not be read; see FileVersion."""

    units: tuple[FunctionUnit, ...] = ()
    defines: Defines = field(default_factory=Defines)
    unread: tuple[str, ...] = ()
    beside: Neighbours | None = None
    allocators: Mapping[str, Allocator] = field(default_factory=dict)
    lookup: ScopeTable | None = None
    lent: LentScopes = NOTHING_LENT


_NOTHING = ParsedText()


_AT_MARGIN = pattern(r"[A-Za-z_]")
_WORD = pattern(r"\w+")


Rows = tuple[int, int]  # the first and the last, from 0


Touched = Callable[[int, int], bool]


class Reader:
    """Makes file versions for one kernel; what it needs of the kernel is worked out once.

    `records`: what earlier runs have read of functions.
    """

    def __init__(self, kernel: Kernel, records: FunctionRecords | None = None) -> None:
        self.kernel, self.lookup, self._records = kernel, ScopeTable(kernel), records
        self._open = opener(kernel, self.lookup, records)
        self._words = rewrite.sorted_words(kernel.words)
        silent = (name for name, one in kernel.allocators.items() if one.gfp is None or one.implicit)  # need no flag
        self._known = frozenset((*self.lookup.enter, *self.lookup.leave, *silent))
        stems = "|".join(map(re.escape, sorted(kernel.words["telling"])))
        self._stems = re.compile(stems)

    @cached_property
    def helpers(self) -> HelperReader:
        """Reads what functions and macros of other files take or give back for their callers."""
        return HelperReader(self.lookup)

    def settle(self) -> None:
        """Keep what was read by now for later runs."""
        if self._records is not None:
            self._records.settle()

    def telling(self, text: str) -> bool:
        """Whether a text names anything that rules are about; the rest need not be parsed."""
        return bool(self._stems.search(text)) or not self._known.isdisjoint(re.findall(r"\w+", text))

    def known_as(self, part: FileVersion, function: str) -> str:
        """The name under which hunks inside a function know it, "" where they have none: the same from mail and tree.

        Where an annotation stands below its head, at the margin, git puts that behind the @@.
        """
        one = _function(part.units, function) or _function(part.around, function)  # read only where it is needed
        if one is None or one.macro:
            return function
        first, last = max(0, one.head[0]), one.head[1]
        heads = [row for row in part.rows[first : last + 1] if _AT_MARGIN.match(row)]
        return function if not heads or fragments.function_name(heading(heads[-1], self._words)) else ""

    def hunks(self, change: FileChange, mark: str, lent: LentScopes = NOTHING_LENT) -> FileVersion:
        """The file version that the hunks show of one side: mark "+" for after, "-" for before.

        `lent`: what other files lend it.
        """
        rows: list[str] = []
        numbers: list[int] = []
        changed: list[bool] = []
        near: list[bool] = []
        stretches: list[Stretch] = []
        now = {old: new for new, old in renamed(change).items()} if mark == "+" else {}
        for hunk in change.hunks:
            if stretches:  # the gap
                rows.append("")
                numbers.append(0)
                changed.append(False)
                near.append(False)
            lines = [line for line in hunk.lines if line.mark in (" ", mark)]
            section = _WORD.sub(lambda word: now.get(word[0], word[0]), hunk.section) if now else hunk.section
            stretches.append(Stretch("\n".join(line.text for line in lines), section, len(rows)))
            rows += [line.text for line in lines]
            numbers += [(line.new if mark == "+" else line.old) or 0 for line in lines]
            changed += [line.mark == mark for line in lines]
            near += _near(hunk, mark)
        telling = bool(lent.takes or lent.guards) or any(self.telling(one.text) for one in stretches)
        read = self.read_all(stretches, change.created, lent=lent) if telling else _NOTHING
        later = _once(lambda: self.read_all(stretches, change.created, lent=lent))
        made = _file_version(change.path, rows, numbers, (changed, near), read, whole=change.created)
        return made if telling else replace(made, later=later)

    def file(
        self,
        change: FileChange,
        text: str,
        mark: str,
        only: Sequence[Rows] | None = None,
        names: frozenset[str] = frozenset(),
        lent: LentScopes = NOTHING_LENT,
    ) -> FileVersion:
        """The file version of one side with the whole file; `change` has the numbers that its lines have in `text`.

        `only`: the rows, from 0, among which touched functions are read, None for all; `names`: functions that mention
        none of them are not read, unless it is empty; `lent`: what other files lend it.
        """
        rows = tuple(text.split("\n"))
        changed, near = [False] * len(rows), [False] * len(rows)
        for hunk in change.hunks:
            lines = [line for line in hunk.lines if line.mark in (" ", mark)]
            for line, beside in zip(lines, _near(hunk, mark), strict=True):
                at = ((line.new if mark == "+" else line.old) or 0) - 1
                changed[at], near[at] = line.mark == mark, beside
        among = (range(len(rows)),) if only is None else (range(first, last + 1) for first, last in only)
        touched = [at for part in among for at in part if changed[at] or near[at]]
        telling = bool(touched) and (bool(lent.takes or lent.guards) or self.telling(text))
        read = self.read(text, "", True, _among(touched), names, lent) if telling else _NOTHING
        made = _file_version(change.path, rows, range(1, len(rows) + 1), (changed, near), read, whole=True)
        later = _once(lambda: self.read(text, "", True, _among(touched), names, lent))
        return made if telling or not touched else replace(made, later=later)

    def unchanged(self, path: str, text: str, shown: str | None = None, lent: LentScopes = NOTHING_LENT) -> FileVersion:
        """A whole file that the patch does not touch; its functions are parsed where calls lead to them.

        `shown`: the same rows, but for functions that need not be read; `lent`: what other files lend it.
        """
        rows = text.split("\n")
        marks = [False] * len(rows)
        read = self.read(text if shown is None else shown, "", True, _among([]), lent=lent)
        return _file_version(path, rows, range(1, len(rows) + 1), (marks, marks), read, whole=True)

    def read(
        self,
        text: str,
        section: str,
        whole: bool,
        touched: Touched | None = None,
        wanted: frozenset[str] = frozenset(),
        lent: LentScopes = NOTHING_LENT,
    ) -> ParsedText:
        """Parse a text without gaps; see read_all()."""
        return self.read_all((Stretch(text, section, 0),), whole, touched, wanted, lent)

    def read_all(
        self,
        stretches: Sequence[Stretch],
        whole: bool,
        touched: Touched | None = None,
        wanted: frozenset[str] = frozenset(),
        lent: LentScopes = NOTHING_LENT,
    ) -> ParsedText:
        """The functions and macros of a text, and why some could not be read.

        `touched(first, last)`: whether the change touches a row of these, from 0; None: all of them. `wanted`: `names`
        of file(); `lent`: what other files lend it.
        """
        prepared = self._open(tuple(stretches), whole, lent)
        names = [name.rstrip("()") for name in (*prepared.masks, *prepared.allocators)]
        near: list[Fragment] = []
        far: list[Fragment] = []
        quiet: list[Fragment] = []
        for fragment in prepared.fragments:
            mine = touched is None or touched(fragment.line, fragment.line + fragment.text.count("\n"))
            mine = mine and (not wanted or not wanted.isdisjoint(_WORD.findall(fragment.text)))
            speaks = mine and self._speaks(fragment, names)
            (near if speaks else far).append(fragment)
            quiet += [fragment] if mine and not speaks else []
        units: list[FunctionUnit] = []
        unread = [f"{lent.left} calls of other files that may take or give back a lock"] if lent.left else []
        lost = 0
        for count, fragment in enumerate(near):
            if count >= _MOST_FUNCTIONS or lost > _MOST_LOST:
                unread.append("too much of it was not understood, or it has too many functions; the rest was not read")
                break
            for unit in prepared.units(fragment):
                if unit.function.broken:
                    lost += len(fragment.text)
                if unit.function.broken and (touched is None or touched(*unit.function.lines)):
                    unread.append(f"{unit.function.name}(): {unit.function.broken}")
                units.append(unit)
        touching = tuple(units)
        beside = Neighbours(touching, far, lambda fragment: self._speaks(fragment, names), prepared.units, quiet)
        text = "\n".join(one.text for one in stretches)
        defines = []
        for macro in prepared.macros:
            defines.append(Define(macro.name, macro.row, macro.body))
            mine = touched is None or touched(*define_rows(macro))
            asks = macro.name not in prepared.masks or is_asked(macro.name, text)
            if mine and asks and len(units) < _MOST_FUNCTIONS and self.telling(macro.body):
                units += prepared.macro(macro)
        return ParsedText(
            tuple(units), Defines(defines), tuple(unread), beside, prepared.allocators, prepared.lookup, lent
        )

    def _speaks(self, fragment: Fragment, names: Sequence[str]) -> bool:
        return self.telling(fragment.text) or any(name in fragment.text for name in names)


def reader_of(kernel: Kernel, records: Records | None) -> Reader:
    """A reader that looks up what earlier runs have read, and keeps what it reads itself; None for one without."""
    if records is None:
        return Reader(kernel)
    from reviewbot.program.recorded.records import FunctionRecords  # most runs have no index

    return Reader(kernel, FunctionRecords(records, kernel))


def _file_version(
    path: str,
    rows: Sequence[str],
    numbers: Sequence[int],
    marks: tuple[Sequence[bool], Sequence[bool]],
    read: ParsedText,
    whole: bool = False,
) -> FileVersion:
    """The file version of a parsed text.

    `marks`: for each row whether it is changed, and whether it is near to a change.
    """
    return FileVersion(
        path,
        tuple(rows),
        tuple(numbers),
        tuple(marks[0]),
        tuple(marks[1]),
        read.units,
        read.defines,
        read.unread,
        read.beside,
        whole,
        "\n".join(rows),
        read.allocators,
        lookup=read.lookup,
        lent=read.lent,
    )


def _once(read: Callable[[], ParsedText]) -> Callable[[], Neighbours | None]:
    """The functions beside those of the change, of a text that is read at the first use."""
    return cache(lambda: read().beside)


def _function(units: Sequence[FunctionUnit], name: str) -> Function | None:
    return next((unit.function for unit in units if unit.function.name == name), None)


def _among(rows: list[int]) -> Touched:
    """The function that says whether any of these rows, in order, lies in a range."""

    def touched(first: int, last: int) -> bool:
        at = bisect_left(rows, first)
        return at < len(rows) and rows[at] <= last

    return touched


def _near(hunk: Hunk, mark: str) -> tuple[bool, ...]:
    """For each row of a side, whether a line that only the other side has stood beside it; blank lines do not count."""
    rows: list[str] = []
    near: list[bool] = []
    above = False
    for line in hunk.lines:
        if line.mark in (" ", mark):
            rows.append(line.text)
            near.append(above)
            above = above and not line.text.strip()
        else:
            above = True
            for at in range(len(rows) - 1, -1, -1):
                near[at] = True
                if rows[at].strip():
                    break
    return tuple(near)
