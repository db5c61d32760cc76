"""Represents one side of a file in a patch: its rows, and the functions that the change touches.

With a tree it is the whole file as it is before or after the patch. Without one it is what the hunks show of that side,
with an empty row for what is not shown between them. Rows count from 0; `numbers` maps them to lines of the file,
1-based, 0 where there is none.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from functools import lru_cache

from msgspec import Struct, field

from reviewbot.dataflow.scope_table import ScopeTable
from reviewbot.frontend.cut_functions import byte_words, handed_in
from reviewbot.frontend.fragments import Fragment
from reviewbot.frontend.instructions import Expr, Instruction
from reviewbot.frontend.macros import Defines
from reviewbot.model.kernel import Allocator
from reviewbot.model.lent_scopes import NOTHING_LENT, LentScopes
from reviewbot.program.neighbours import Neighbours
from reviewbot.program.unit import FunctionUnit

_LONGEST = 400  # characters of a row
_MOST_TEXTS = 32  # of which the words are known: those of a patch, and of the files beside it


class FileVersion(Struct, frozen=True):
    """All hunks of a file, or the whole of it, seen from one side.

    `changed[row]`: the row was added (after) or removed (before); `near[row]`: a line of the other side alone stood
    right above or below it. `units`: the functions that the change touches; `beside`: the other functions of the text;
    `allocators`: macros of the text that wrap one; `lookup`: the scope calls with its own helpers, None where nothing
    of it was parsed; `later`: gives the functions of a text that names nothing rules are about, read at the first use;
    `lent`: what other files lend it.
    """

    path: str
    rows: tuple[str, ...]
    numbers: tuple[int, ...]
    changed: tuple[bool, ...]
    near: tuple[bool, ...]
    units: tuple[FunctionUnit, ...]
    defines: Defines
    unread: tuple[str, ...] = ()
    beside: Neighbours | None = None
    whole: bool = False
    text: str = ""  # all rows
    allocators: Mapping[str, Allocator] = field(default_factory=dict)
    later: Callable[[], Neighbours | None] = lambda: None
    lookup: ScopeTable | None = None
    lent: LentScopes = NOTHING_LENT

    @property
    def tells(self) -> bool:
        """Whether the change touches anything of it that a check may look at."""
        return bool(self.units or self.defines or self.quiet or self.handed)

    @property
    def words(self) -> frozenset[str]:
        """All words of its text: a quick answer to what it surely does not name."""
        return _words_of(self.text)

    @property
    def handed(self) -> frozenset[str]:
        """The words of changed rows that may be functions which are put into a member there, or handed to a call."""
        rows = (row[:_LONGEST] for row, changed in zip(self.rows, self.changed, strict=True) if changed)
        words = handed_in("\n".join(rows).encode("utf-8", "surrogateescape"))
        return frozenset(word.decode("utf-8", "surrogateescape") for word in words)

    @property
    def around(self) -> tuple[FunctionUnit, ...]:
        """Unchanged functions that call one of the units; parsed at the first use."""
        return self.beside.around if self.beside is not None else ()

    @property
    def calling(self) -> Mapping[str, str]:
        """The texts of these callers by their names."""
        found = self.beside.callers if self.beside is not None else ()
        return {fragment.function: fragment.text for fragment in found}

    @property
    def below(self) -> tuple[FunctionUnit, ...]:
        """Unchanged functions that a unit or a caller calls; parsed at the first use."""
        return self.beside.below if self.beside is not None else ()

    def telling_below(self, words: Collection[str], names: Collection[str] = ()) -> tuple[FunctionUnit, ...]:
        """Those of `below` that name anything rules are about, and mention one of `words` or are one of `names`."""
        return self.beside.telling_below(frozenset(words), frozenset(names)) if self.beside is not None else ()

    def function_at(self, row: int) -> str:
        """The name of the function that a row stands in; "" if it is in none."""
        beside = self.beside or self.later()
        return beside.function_at(row) if beside is not None else ""

    @property
    def named(self) -> Mapping[str, Sequence[Fragment]]:
        """The fragments of all functions that the change does not touch, or that name nothing that rules are about."""
        beside = self.beside or self.later()
        return beside.named if beside is not None else {}

    def read(self, fragment: Fragment) -> tuple[FunctionUnit, ...]:
        """The functions of one of these fragments, parsed."""
        beside = self.beside or self.later()
        return beside.read(fragment) if beside is not None else ()

    @property
    def quiet(self) -> frozenset[str]:
        """The names of functions that the change touches, though they name nothing that rules are about."""
        beside = self.beside or self.later()
        return beside.quiet if beside is not None else frozenset()

    @property
    def others(self) -> frozenset[str]:
        """The names of all functions that the change does not touch."""
        return self.beside.names if self.beside is not None else frozenset()


@lru_cache(maxsize=_MOST_TEXTS)
def _words_of(text: str) -> frozenset[str]:
    words = {*byte_words(text.encode("utf-8", "surrogateescape"))}  # most of them stand there many times
    return frozenset(b" ".join(words).decode("utf-8", "surrogateescape").split(" "))


def expressions(step: Instruction) -> tuple[Expr, ...]:
    """The expressions of an instruction; those inside a call's arguments belong to that call's own instruction."""
    if step.kind == "call":
        return step.args
    return (step.value,) if step.value is not None else ()
