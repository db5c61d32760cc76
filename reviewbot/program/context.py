"""Defines the interface of a check: the context that it is given beside a file version, and the hits it returns."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from msgspec import Struct, field

from reviewbot.dataflow.scope_table import ScopeTable
from reviewbot.model.kernel import Kernel, Rule
from reviewbot.patch.suggestion import Replace
from reviewbot.program.call_graph import FileCallGraph
from reviewbot.program.file_version import FileVersion


class HitChain(Struct, frozen=True):
    """The calls by which a hit is reached, as in ShownChain of the model.

    `steps`: each the file version, the row in it from 0, a note, and how many calls below the first function it stands.
    """

    functions: tuple[str, ...]
    steps: tuple[tuple[FileVersion, int, str, int], ...]
    others: int = 0
    doubts: tuple[str, ...] = ()


class Hit(Struct, frozen=True):
    """A place where a rule's pattern is found.

    `rows`: where a remark may stand, best first, from 0; `key`: identifies the cause within (rule, function),
    independent of line numbers. `because`: (row, note) pairs, the evidence. `confidence` and `severity`: "" for the
    rule's own; they may only lower it. `replace`: a word of the first row and what surely belongs in its place ("":
    nothing, it goes with one "|"). `anywhere`: the same cause in another function counts as the same finding. `cause`:
    what is wrong, whatever the call, its variable or the lock's variant are called; None where the constants in `key`
    say it. `side`: the file version that it stands in, None for the one that the check was given; `elsewhere`: rows of
    others that are evidence too, with a note about each; they come first. `said`: a note about its first row, for a
    remark that stands in another function. `spoken`: the row that the text speaks of, below the one that a remark hangs
    on; None for that one. `chain`: the calls by which it is reached, None where there are none.
    """

    rows: tuple[int, ...]
    function: str
    key: str
    values: Mapping[str, str] = field(default_factory=dict)
    because: tuple[tuple[int, str], ...] = ()
    confidence: str = ""
    severity: str = ""
    replace: Replace | None = None
    anywhere: bool = False
    cause: str | None = None
    side: FileVersion | None = None
    elsewhere: tuple[tuple[FileVersion, int, str], ...] = ()
    said: str = ""
    chain: HitChain | None = None
    spoken: int | None = None


class Context(Struct, frozen=True):
    """What a check may ask beside its file version.

    `lookup`: the scope table of the kernel. `defined`: names that the series itself defines; `incomplete`: patches
    before this one are missing, and may define some more. `calls`: who calls whom in all files that are read as one.

    `before(names)`: the file version of the other side with the functions that mention one of the names; None while
    that side is checked. It is parsed at the call, so call it only where the answer matters.
    """

    kernel: Kernel
    lookup: ScopeTable
    before: Callable[[frozenset[str]], FileVersion | None]
    defined: frozenset[str]
    calls: FileCallGraph
    incomplete: bool = False


Check = Callable[[FileVersion, Rule, Context], Iterator[Hit]]
