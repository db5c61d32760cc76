"""Finds the class of a lock: the type of the structure that it is a member of, and which member; or its own name.

Input: the name of a lock as an expression, and the texts of the files that are read as one. The type comes from how the
variable at its root is declared, and from the members on the way where their structure is defined in these texts. What
they do not show is not guessed: then nothing is known of the lock.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from typing import NamedTuple

from reviewbot.program.file_version import FileVersion
from reviewbot.program.unit import FunctionUnit
from reviewbot.support.patterns import pattern

_NAME = pattern(r"[A-Za-z_]\w*\Z")
_CALL = pattern(r"([A-Za-z_]\w*)\((.*)\)\Z")
_TYPE_HANDED = pattern(r",struct(\w+)(?:,|\Z)")  # an argument of container_of() and of what is made of it
_TYPE = pattern(r"(?:const\s+)?(?:struct\s+(\w+)|(\w+_t))\Z")
_STRUCTURE = pattern(r"(?m)^(?:typedef\s+)?struct\s+(\w+)\s*\{")
_FIELD = pattern(
    r"(?m)^[ \t]*+struct[ \t]++(\w++)[ \t]++(\**+)[ \t]*+(\w++)"
    r"[ \t]*+(?:\[[^\]\n]*+\][ \t]*+)?(?:__\w++[^;\n]*+)?;"
)
_MOST_BODY = 20_000  # characters of the definition of a structure
_LONGEST = 200  # characters of the name of a lock
_ROW = 400  # characters of a row
_DEEPEST = 3  # pointers that are given one another


class LockClass(NamedTuple):
    """What all locks have in common that are one member of one type.

    `struct`: the type, "" for a lock that has a name of its own; `member`: the way to it from there, or that name;
    `file`: the one that alone knows the type, or the lock; "" if it is not known to.
    """

    struct: str
    member: str
    file: str = ""

    @property
    def said(self) -> str:
        """The class as a reader knows it."""
        if not self.struct:
            return self.member
        return (
            f"{self.member} of {self.struct}" if self.struct.endswith(")") else f"{self.member} of struct {self.struct}"
        )


LockName = LockClass | int  # a class, or the position of the parameter that the lock is


class LockTypes:
    """The types that some files show, read as one."""

    def __init__(self, sides: Mapping[str, FileVersion]) -> None:
        self._sides = sides
        self._fields: dict[str, Mapping[str, str]] = {}
        self._returned: dict[str, str] = {}

    def class_of(self, path: str, unit: FunctionUnit, text: str, deepest: int = _DEEPEST) -> LockName | None:
        """The class of a lock that a function names; None where it is not known."""
        root, members = _parts(text)
        if not members:
            return self._plain(path, unit, root, deepest) if _NAME.match(root) else None
        struct = self._type_of(path, unit, root)
        while len(members) > 1 and (inner := self._fields_of(struct).get(members[0], "")):
            struct, members = inner, members[1:]
        return LockClass(struct, ".".join(members), self._home(path, struct)) if struct else None

    def root_of(self, unit: FunctionUnit, text: str) -> str:
        """The variable that a lock is found by, "" if it is found by none."""
        root, members = _parts(text)
        if not members and len(given := unit.assigned.get(root, ())) == 1:
            value = unit.steps[given[0]].value
            root = _parts(value.text)[0] if value is not None else ""
        return root if _NAME.match(root) else ""

    def _plain(self, path: str, unit: FunctionUnit, name: str, deepest: int) -> LockName | None:
        """The class of a lock that one word names: a parameter, a local pointer, or a lock of the file or of others."""
        names = [one for _, one in unit.function.params]
        given = unit.assigned.get(name, ())
        if name in names:
            return names.index(name) if not given else None
        if given:
            value = unit.steps[given[0]].value
            plain = len(given) == 1 and value is not None and deepest > 0
            return self.class_of(path, unit, value.text, deepest - 1) if plain and value is not None else None
        if any(step.target == name for step in unit.steps):
            return None
        side = self._sides[path]
        declared = re.compile(rf"^(?:static\b.*\b|.*\(){name}\b")
        own = any(name in row and row.startswith("static") and declared.match(row[:_ROW]) for row in side.rows)
        return LockClass("", name, path if own or not side.whole else "")

    # -- types --

    def _type_of(self, path: str, unit: FunctionUnit, root: str) -> str:
        """The type of a variable, or of what a call gives; "" where it is not known."""
        if (called := _CALL.match(root)) is not None:
            handed = _TYPE_HANDED.search(called[2])
            return handed[1] if handed is not None else self._given_by(called[1])
        if not _NAME.match(root):
            return ""
        for kind, name in unit.function.params:
            if name == root:
                return _type(kind)
        rows = self._sides[path].rows
        first, last = unit.function.lines
        inside = set(_declared(rows[max(first, 0) : last + 1], root))
        if inside or any(step.declares and step.target == root for step in unit.steps):
            return min(inside) if len(inside) == 1 else ""
        outside = set(_declared([row for row in rows if row[:1].isalpha()], root))
        return min(outside) if len(outside) == 1 else ""

    def _given_by(self, name: str) -> str:
        """The type of what a function or a macro gives; where that is not to be seen the name stands for it."""
        if name not in self._returned:
            shown = re.compile(
                rf"(?m)^[\w \t]{{0,60}}?\bstruct[ \t]++(\w++)[ \t]*+\*\s*+(?:__\w++[ \t]++)?{name}[ \t]*+\("
                rf"|^#[ \t]*+define[ \t]++{name}\([^)\n]*+\)[^\n]{{0,{_LONGEST}}}?(?:\\\n[^\n]{{0,{_LONGEST}}}?)?"
                r",[ \t]*+struct[ \t]++(\w++)[ \t]*+,"
            )
            texts = (side.text for side in self._sides.values() if name in side.text)
            found = {one or two for text in texts for one, two in shown.findall(text)}
            self._returned[name] = min(found) if len(found) == 1 else f"{name}()" if not found else ""
        return self._returned[name]

    def _fields_of(self, struct: str) -> Mapping[str, str]:
        """The members of a structure that are structures, or point to one, with their types; {} if it is not shown.

        Of several that are structures of one type each has locks of its own class.
        """
        if struct not in self._fields:
            bodies = [
                text for path in self._defining.get(struct, ()) for text in _bodies(self._sides[path].text, struct)
            ]
            found = _FIELD.findall(_outer(bodies[0])) if len(bodies) == 1 else []
            inside = Counter(kind for kind, pointer, _ in found if not pointer)
            self._fields[struct] = {name: kind for kind, pointer, name in found if pointer or inside[kind] == 1}
        return self._fields[struct]

    def _home(self, path: str, struct: str) -> str:
        """The file that alone knows a structure: a type of the same name in another file is another."""
        return path if path.endswith(".c") and path in self._defining.get(struct, ()) else ""

    @cached_property
    def _defining(self) -> Mapping[str, Sequence[str]]:
        found: dict[str, list[str]] = {}
        for path, side in self._sides.items():
            for name in set(_STRUCTURE.findall(side.text)):
                found.setdefault(name, []).append(path)
        return found


def _parts(text: str) -> tuple[str, list[str]]:
    """What a name begins with, and the members behind that."""
    members: list[str] = []
    text = text.lstrip("&*") if len(text) <= _LONGEST else ""
    while True:
        if text.startswith("(") and text.endswith(")"):
            text = text[1:-1].lstrip("&*")
        elif text.endswith("]"):
            text = text[: max(text.rfind("["), 0)]
        else:
            at = max(text.rfind("->"), text.rfind("."))
            last = text[at:].lstrip("->.")
            if at <= 0 or not last.isidentifier():
                return text, members[::-1]
            text = text[:at]
            members.append(last)


def _type(kind: str) -> str:
    found = _TYPE.match(kind.strip())
    return found[1] or found[2] if found is not None else ""


def _declared(rows: Sequence[str], name: str) -> Iterator[str]:
    """The types with which rows declare a name."""
    shown = re.compile(
        rf"(?<![\w(])(?:struct\s+(\w+)|(\w+_t))\b(?:\s*(?:\*|const\b|__\w+\b))*\s*(?:\w+\s*(?:=[^,;]*)?,\s*\**\s*)*{name}\s*"
        r"(?:[=;,\[)]|\Z)"
    )
    for row in rows:
        if name in row:
            yield from (one or two for one, two in shown.findall(row[:_ROW]))


def _bodies(text: str, struct: str) -> Iterator[str]:
    """The texts between the braces of the definitions of a structure."""
    for found in re.finditer(rf"(?m)^(?:typedef\s+)?struct\s+{re.escape(struct)}\s*\{{", text):
        end = text.find("\n}", found.end(), found.end() + _MOST_BODY)
        yield text[found.end() : end] if end >= 0 else ""


def _outer(body: str) -> str:
    """A text without what stands in inner braces."""
    depth, kept = 0, []
    for part in re.split(r"([{}])", body):
        depth += (part == "{") - (part == "}")
        kept.append(part if not depth and part != "}" else "")
    return "".join(kept)
