"""Finds classes of guards in a text, and the guards that a text has of some class. Input: bytes; nothing is parsed."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from reviewbot.model.kernel import Kernel

_LONGEST = 600  # bytes of a definition


class GuardClasses:
    """Reads them by the macros that define classes, and the words that begin a guard."""

    def __init__(self, kernel: Kernel) -> None:
        words = kernel.words
        pairs = (said.split() for said in sorted(words["guard_classes"]))
        self._places: Mapping[bytes, int] = {name.encode(): int(place) for name, place in pairs}
        self._variants = frozenset(name.encode() for name in words["guard_variants"])
        self._macros = sorted({*self._places, *self._variants})
        macros = b"|".join(map(re.escape, self._macros)) or b"(?!)"
        self._defined = re.compile(rb"^(%b)\(" % macros, re.MULTILINE)
        begins = sorted(name.encode() for name in (*words["guards"], *words["scoped_guards"]))
        self._used = re.compile(rb"\b(?:%b)\s*+\(\s*+(\w++)" % b"|".join(map(re.escape, begins)))
        self._begins = [one for one in begins if not any(other in one for other in begins if other != one)]

    def used(self, text: bytes) -> frozenset[bytes]:
        """The classes of the guards in a text."""
        return frozenset(self._used.findall(text)) if any(one in text for one in self._begins) else frozenset()

    def of(self, text: bytes) -> Mapping[bytes, GuardClass]:
        """The classes that a text defines, by name; of two with one name none."""
        if not any(one in text for one in self._macros):
            return {}
        found: dict[bytes, list[GuardClass]] = {}
        variants = list[tuple[bytes, bytes]]()
        for match in self._defined.finditer(text):
            args = [arg.strip() for arg in _arguments(text[match.end() : match.end() + _LONGEST])]
            place = self._places.get(match[1])
            if place is not None and len(args) > place:
                found.setdefault(args[0], []).append(GuardClass(args[place], match.start()))
            elif place is None and len(args) > 1:
                variants.append((args[0], args[0] + args[1]))
        once = {name: ones[0] for name, ones in found.items() if len(ones) == 1}
        return once | {full: once[name] for name, full in variants if name in once}


class GuardClass(NamedTuple):
    """What is done where a guard of a class begins, and the offset of its definition."""

    takes: bytes
    at: int


def guard_name(name: bytes) -> bytes:
    """What a class is called among the helpers of a file, as no function is."""
    return b"guard(%b)" % name


def class_of(name: str) -> str:
    """The class that a helper is, "" for a function or a macro."""
    return name[6:-1] if name.startswith("guard(") else ""


def _arguments(text: bytes) -> Iterator[bytes]:
    """The arguments of a call, from behind its parenthesis on."""
    depth = start = 0
    for at, char in enumerate(text):
        if char in b"([{":
            depth += 1
        elif char in b")]}":
            depth -= 1
            if depth < 0:
                yield text[start:at]
                return
        elif char == 44 and not depth:  # a comma
            yield text[start:at]
            start = at + 1
