"""Reads calls through members, types of structures and what is put into them. Input: bytes of C; nothing is parsed.

A **member path** says where a pointer to a function stands: the type of structure that it begins with, and the members
from there on: `exfoo_dev.ops.start` for dev->ops->start(). It begins with a dot where the type is not to be seen.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from sys import intern
from typing import NamedTuple

from reviewbot.support.patterns import pattern

CALLED = "()"  # stands for the type of a pointer to a function
_MOST_BODY = 60_000  # bytes of a structure, or of an initializer
_LONGEST = 160  # bytes of what a function is called through

# each begins with what is rare, so that the rest of a text is soon passed over
_CALLS = pattern(rb"->(\w++)\("), pattern(rb"\.(\w++)\(")
_SETS = pattern(rb"->(\w++)\s*+=\s*+(?:&\s*+)?(\w++)\s*+;"), pattern(rb"\.(\w++)\s*+=\s*+(?:&\s*+)?(\w++)\s*+;")
_RECEIVER = pattern(rb"(?<![\w.>)\]])([A-Za-z_]\w*+(?:\([^()\n]{0,80}\))?)((?:(?:->|\.)\w++|\[[^\[\]\n]*+\])*+)\Z")
_BEFORE = frozenset(bytes((one,)) for one in range(256) if chr(one).isalnum() or one in b"_)]")
_INDEX = pattern(rb"\[[^\]]*+\]")
_STEP = pattern(rb"->|\.")
_DECLARED = pattern(rb"\bstruct\s++(\w++)\b[\s*]*+(?:const\b[\s*]*+)?(\w++)(?!\s*+\()")
_MORE = pattern(rb"\s*+(?:=[^,;(){}]*+(?:\([^(){};]*+\))?[^,;(){}]*+)?,\s*+\*+\s*+(\w++)")
_STRUCTURES = pattern(rb"\nstruct[ \t]++(\w++)[ \t]*+\{"), pattern(rb"\ntypedef[ \t]++struct[ \t]++(\w++)[ \t]*+\{")
_FIELD = pattern(
    rb"^[ \t]++(?:const[ \t]++)?struct[ \t]++(\w++)[ \t]*+(?:const[ \t]*+)?\**+[ \t]*+(?:(?:const|__rcu)[ \t]++)?(\w++)"
    rb"[ \t]*+(?:\[[^\]\n]*+\][ \t]*+)?(?:__\w++[^;\n]*+)?;",
    re.MULTILINE,
)
_POINTER = pattern(rb"\(\s*+\*\s*+(?:const\s++)?(\w++)\s*+\)\s*+\(")
_INITIALIZER = pattern(rb"=\s*+\{")
_TABLE = pattern(rb"\bstruct[ \t]++(\w++)[ \t]++\w++[^=;{}()\n]*+\Z")
_LITERAL = pattern(rb"\([ \t]*+(?:const[ \t]++)?struct[ \t]++(\w++)[ \t]*+(?:\[[^\]\n]*+\])?\)\s*+\{")
_HEAD = 160  # bytes before a brace
_TOKEN = pattern(rb"[{}]|(?<!\w)\.(\w++(?:\.\w++)*+)\s*+=\s*+(?:(\{)|&?\s*+(\w++)\s*+(?=[,}\n]))")
_NO_FUNCTION = frozenset((b"true", b"false", b"sizeof"))


class Put(NamedTuple):
    """A word that a text puts into a member: the path of that, see above, and the word, which may be a function."""

    path: str
    function: str


class FileOperations(NamedTuple):
    """What a file says of them. `structures`: by type the types of members that are structures, or point to one.

    The type of a pointer to a function is CALLED.
    """

    structures: Mapping[str, Mapping[str, str]] = {}
    puts: Sequence[Put] = ()

    @property
    def pointers(self) -> frozenset[str]:
        """The members that are pointers to functions."""
        fields = (field for some in self.structures.values() for field in some.items())
        return frozenset(name for name, kind in fields if kind == CALLED)

    @property
    def places(self) -> frozenset[str]:
        """Where something is put: "type.member", or ".member" if the type is to be worked out."""
        return frozenset(one.path if one.path.count(".") == 1 else f".{last_of(one.path)}" for one in self.puts)


NO_OPERATIONS = FileOperations()


def called_through(text: bytes) -> Mapping[str, str]:
    """The calls of a function through members: by what stands before the parenthesis, the member path."""
    found, types = dict[str, str](), None
    for call in (one for shown in _CALLS for one in shown.finditer(text)):
        if (said := _receiver(text, call.start())) is not None:
            types = _declared(text) if types is None else types
            start, root, members = said
            name = b"".join(text[start : call.end(1)].split())
            found[_text(name)] = _path(types.get(root, b""), (*members, call[1]))
    return found


def last_of(path: str) -> str:
    """The member at the end of a member path."""
    return path.rpartition(".")[2]


def operations_in(text: bytes, parts: Iterable[bytes], functions: Collection[str]) -> FileOperations:
    """What a file says of tables. `parts`: the texts of its functions; `functions`: their names."""
    structures = {_text(name): fields for name, fields in _structures(text)}
    puts = dict.fromkeys((*_tables(text), *(one for part in parts for one in _statements(part, functions))))
    return FileOperations(structures, tuple(puts))


def _receiver(text: bytes, end: int) -> tuple[int, bytes, list[bytes]] | None:
    """What a member that is named at `end` is one of: where it begins, its variable, and the members on the way.

    None where nothing is: comments name members as well.
    """
    first = max(0, end - _LONGEST)
    found = _RECEIVER.search(text[first:end]) if end and text[end - 1 : end] in _BEFORE else None
    if found is None:
        return None
    return first + found.start(), found[1], [one for one in _STEP.split(_INDEX.sub(b"", found[2])) if one]


def _declared(text: bytes) -> Mapping[bytes, bytes]:
    """The types of structure that variables are declared as, or point to; b"" where there are several."""
    types: dict[bytes, bytes] = {}
    for one in _DECLARED.finditer(text):
        names, at = [one[2]], one.end()
        while (more := _MORE.match(text, at)) is not None:
            names.append(more[1])
            at = more.end()
        for name in names:
            types[name] = one[1] if types.get(name, one[1]) == one[1] else b""
    return types


def _structures(text: bytes) -> Iterator[tuple[bytes, Mapping[str, str]]]:
    text, done = b"\n" + text, 0
    for one in sorted((one for shown in _STRUCTURES for one in shown.finditer(text)), key=re.Match.start):
        if one.start() < done:
            continue
        end = text.find(b"\n}", one.end(), one.end() + _MOST_BODY)
        body = text[one.end() : end] if end >= 0 else b""
        done = end if end >= 0 else one.end() + _MOST_BODY
        fields: dict[str, str] = {}
        for kind, name in _FIELD.findall(body):
            known = fields.setdefault(_text(name), _text(kind))
            if known != _text(kind):  # one of several unnamed structures in it
                fields[_text(name)] = ""
        fields |= dict.fromkeys(map(_text, _POINTER.findall(body)), CALLED)
        if fields:
            yield one[1], fields


def _tables(text: bytes) -> Iterator[Put]:
    """What initializers put into members."""
    named = (
        (_TABLE.search(text[max(0, one.start() - _HEAD) : one.start()]), one) for one in _INITIALIZER.finditer(text)
    )
    tables = ((said[1], one.end()) for said, one in named if said is not None)
    literals = ((one[1], one.end()) for one in _LITERAL.finditer(text))
    done = 0
    for kind, start in sorted((*tables, *literals), key=lambda one: one[1]):
        if start < done:
            continue
        around, done = [kind], start + _MOST_BODY  # the paths of the braces that are open
        for token in _TOKEN.finditer(text, start, start + _MOST_BODY):
            if token[0] == b"}":
                around.pop()
                if not around:
                    done = token.end()
                    break
            elif token[0] == b"{":  # an element of an array
                around.append(around[-1])
            elif token[2]:
                around.append(b"%b.%b" % (around[-1], token[1]))
            elif _may_be_function(token[3]):
                yield Put(_text(b"%b.%b" % (around[-1], token[1])), _text(token[3]))


def _statements(text: bytes, functions: Collection[str]) -> Iterator[Put]:
    """What the statements of a function put into members, of some functions."""
    types = None
    for one in (one for shown in _SETS for one in shown.finditer(text)):
        said = _receiver(text, one.start()) if _text(one[2]) in functions else None
        if said is not None:
            types = _declared(text) if types is None else types
            _, root, members = said
            yield Put(_path(types.get(root, b""), (*members, one[1])), _text(one[2]))


def _may_be_function(word: bytes) -> bool:
    return not word[:1].isdigit() and not word.isupper() and word not in _NO_FUNCTION


def _path(kind: bytes, members: Sequence[bytes]) -> str:
    return _text(b".".join((kind, *members)))


def _text(name: bytes) -> str:
    return intern(name.decode("utf-8", "replace"))
