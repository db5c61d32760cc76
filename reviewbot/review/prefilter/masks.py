"""Trigger: a changed line tells of a mask that a rule may mind; plain masks, alone and in their place, are none."""

from __future__ import annotations

import re

from reviewbot.frontend.cut_functions import BLANKS, byte_words, call_around
from reviewbot.model.kernel import Allocator, Flag, Kernel
from reviewbot.review.prefilter.change import Change, ChangedFile, Telling
from reviewbot.review.prefilter.words import RowWords, as_bytes

_NUMBER = re.compile(rb"[(,]\s*+(?:\(\s*+)?[0-9]\w*+\s*+(?:\)\s*+)?[,)]")  # as an argument


class MaskChanged:
    """Fires where a changed line tells of memory and the function's masks are not all the same plain one."""

    def __init__(self, kernel: Kernel, telling: Telling, rows: RowWords) -> None:
        stems = b"|".join(map(re.escape, telling.stems))
        types = b"|".join(re.escape(word.encode()) for word in sorted(kernel.words["mask_types"]))
        self._flag = re.compile(rb"\b(\w*(?:%s)\w*+)(?:\s*+(\)))?" % stems)
        self._declared = re.compile(rb"\b(?:%b)\s+(\w+)" % types)
        self._defined = re.compile(
            rb"(?<!\\\n)^[ \t]*#[ \t]*define[ \t]+(\w++)(?:\\\n|.)*?(?:%b)" % stems, re.MULTILINE
        )
        allocators = kernel.allocators.items()
        plain = [kernel.flags[name] for name in sorted(kernel.words["plain_masks"]) if name in kernel.flags]
        self._plain = as_bytes(flag.name for flag in plain)
        self._minded = list(rows.places())
        self._limited = as_bytes(name for name, one in allocators if one.limits)
        self._implied = {
            name.encode(): as_bytes(one.implicit.split(" | "))
            for name, one in allocators
            if one.gfp is not None and one.implicit
        }
        self._places = {
            name.encode(): -1 if any(_minds(one, flag) for flag in plain) else one.gfp
            for name, one in allocators
            if one.gfp is not None
        }

    def __call__(self, change: Change) -> bool:
        return change.tells and not self._is_plain(change)

    def _is_plain(self, change: Change) -> bool:
        """Whether all requests have one mask that no rule minds, alone and in its place, and nothing else is one."""
        given = frozenset(self._declared.findall(change.part.head))
        met: set[bytes] = set()
        unknown = 0
        for text in (change.part.text, change.said):
            found = self._plain_masks(text, given)
            if found is None:
                return False
            met |= found[0]
            unknown += found[1]
        met.update((b"",) if unknown and given else ())
        for word in self._implied.keys() & (change.part.words | change.words):
            met |= self._implied[word]  # what is used where no mask is given
        if len(met) > 1 or not met - {b""} <= self._plain or self._is_minded(change.file, met):
            return False
        if b"" in met and not self._limited.isdisjoint(change.part.words):  # callers decide what is asked for
            return False
        # a mask that is not there to be seen is a number, what the file defines it as, or unknown
        hidden = self._masks(change.file) - given if unknown else frozenset[bytes]()
        return not unknown or not (_NUMBER.search(change.part.text) or hidden & change.part.words)

    def _plain_masks(self, text: bytes, given: frozenset[bytes]) -> tuple[set[bytes], int] | None:
        """The plain masks that a text names, b"" for one of a caller, and how many requests there are without one.

        None if something in it that looks like a flag is none, or stands elsewhere.
        """
        met: set[bytes] = set()
        unknown = sum(word in self._places for word in byte_words(text))
        for found in self._flag.finditer(text):
            if (named := self._declared.match(text, found.start(1))) and named[1] in given:
                continue
            name, place = call_around(text, found.start())
            right = self._places.get(name, place if found[2] else -1)  # of others it is the last argument
            if (found[1] not in self._plain and found[1] not in given) or place != right:
                return None
            if text[max(0, found.start() - BLANKS) : found.start()].rstrip()[-1:] not in (b"(", b","):
                return None
            met.add(b"" if found[1] in given else found[1])
            unknown -= name in self._places
        return met, unknown

    def _is_minded(self, file: ChangedFile, masks: set[bytes]) -> bool:
        """Whether a rule minds one of some masks in a file of this path."""
        return any(flags & masks and file.path.startswith(paths) for flags, paths in self._minded)

    def _masks(self, file: ChangedFile) -> frozenset[bytes]:
        """The names in a file that stand for a mask: macros, variables, and functions that give one back."""
        return file.once(
            "masks", lambda: frozenset((*self._defined.findall(file.text), *self._declared.findall(file.text)))
        )


def _minds(allocator: Allocator, mask: Flag) -> bool:
    """Whether a mask meets one of an allocator's limits."""
    return any(limit.has <= mask.bits and mask.bits.isdisjoint(limit.lacks) for limit in allocator.limits)
