"""What a check is given besides a version of the file, and what it gives back: its context, and hits."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from msgspec import Struct, field

from reviewbot.dataflow.scope_table import ScopeTable
from reviewbot.model.kernel import Kernel, Rule
from reviewbot.patch.suggestion import Replace
from reviewbot.program.file_version import FileVersion


class Hit(Struct, frozen=True):
    """A rule's pattern, found. `rows`: where a remark may hang, best first; `key`: what the same cause shares.

    `because`: (row, note) pairs, the evidence. `confidence` and `severity`: "" for the rule's own;
    they may only lower it. `replace`: a word of the first row and what surely belongs in its place ("": nothing, it
    goes with one "|"). `anywhere`: the same cause in another function is the same all the same. `cause`: what is wrong,
    whatever the call, its variable or the lock's variant are called; None where the constants in `key` say it.
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


class Context(Struct, frozen=True):
    """What a check may ask besides its slice. `defined`: names that the series itself defines; `incomplete`: patches
    before this one are not here, and may define some more.

    `before(names)`: the other side's slice with the functions that say one of the names; None while that side is
    checked. It is read when it is asked for, so ask only where the answer matters.
    """

    kernel: Kernel
    lookup: ScopeTable
    before: Callable[[frozenset[str]], FileVersion | None]
    defined: frozenset[str]
    incomplete: bool = False


Check = Callable[[FileVersion, Rule, Context], Iterator[Hit]]
