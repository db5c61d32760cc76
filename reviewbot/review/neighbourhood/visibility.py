"""Says by where files stand what one of them may use of another, as the compiler and the linker have it."""

from __future__ import annotations

from collections.abc import Collection
from posixpath import dirname
from typing import NamedTuple

from reviewbot.model.kernel import Kernel

_SHARED = 2  # folders that two paths begin with, where the private headers of one may be the other's


class Layout(NamedTuple):
    """How a kernel tree is laid out.

    `apart`: folders of other programs than the kernel; `each_apart`: folders whose folders are never built together;
    `early`: the functions in which the kernel boots before it can sleep.
    """

    apart: Collection[str] = ()
    each_apart: Collection[str] = ()
    early: Collection[str] = ()

    @classmethod
    def of(cls, kernel: Kernel) -> Layout:
        """That of a kernel's tree, by the facts about it."""
        return cls(kernel.words["apart_folders"], kernel.words["arch_folders"], kernel.words["early_boot"])

    def program(self, path: str) -> str:
        """The folder of the program that a file belongs to, "" for the kernel."""
        return next((one for one in self.apart if path.startswith(f"{one}/")), "")

    def architecture(self, path: str) -> str:
        """The folder of the architecture that a file is for alone, "" for all of them."""
        folder, _, rest = path.partition("/")
        return f"{folder}/{rest.partition('/')[0]}" if rest and folder in self.each_apart else ""

    def sees(self, path: str, other: str) -> bool:
        """Whether code of a file may use what another one defines for others."""
        if path == other:
            return True
        here, there = self.architecture(path), self.architecture(other)
        if (there and here and here != there) or self.program(path) != self.program(other):
            return False
        return not other.endswith(".h") or "include" in other.split("/") or _is_near(path, other)


def _is_near(path: str, header: str) -> bool:
    """Whether a header that stands beside what it is for may be included by a file."""
    here, there = (dirname(one).split("/") for one in (path, header))
    shared = 0
    while shared < min(len(here), len(there)) and here[shared] == there[shared]:
        shared += 1
    return shared >= min(_SHARED, len(here), len(there))
