"""Other names for what a fixture's file makes itself: functions, structures, variables, fields."""

from __future__ import annotations

from dataclasses import replace

from rewrites.ctext import KEYWORDS, TYPES, Edit, Function, Token, calls, edited, functions, statements, tokens
from rewrites.helper import kernel
from rewrites.pair import Pair, each, renamed

_OTHERS = ("struct", "union", "enum", "->", ".")  # what follows is no function, nor a variable
_MEMBERS = ("container_of", "list_entry", "list_first_entry", "from_timer", "offsetof")  # the last argument is a field
OTHER = "widget"  # in the place of toy, so that what a name says of locks or masks stays


def own(pair: Pair) -> dict[str, str]:
    """New names for every name with toy in it, and for the functions of the file."""
    made = {one.name for text in pair.texts for one in functions(text)}
    said = {one.text for text in pair.texts for one in tokens(text) if one.kind == "name"}
    return {name: name.replace("toy", OTHER) for name in said | made if "toy" in name}


def everything(pair: Pair) -> Pair | None:
    """Functions, structures, variables and fields renamed, before and after."""
    names = own(pair)
    made = each(pair, lambda text: renamed(variables(text, "_w"), names))
    return replace(made, names=tuple(names.items())) if made else None


def function_names(text: str, suffix: str) -> str:
    """The functions that a text defines renamed, wherever they are named."""
    toks, made = tokens(text), {one.name for one in functions(text)}
    found = [one for at, one in enumerate(toks) if one.text in made and toks[at - 1].text not in _OTHERS]
    return edited(text, [Edit(one.end, one.end, suffix) for one in found])


def variables(text: str, suffix: str, prefix: str = "") -> str:
    """The local variables and parameters of each function renamed, and the fields of those that are toys."""
    toks, edits = tokens(text), []
    bare = {one.text for at, one in enumerate(toks) if at and not _member(toks, at)}
    for function in functions(text):
        locals_ = _locals(text, function)
        members = {call.args[-1][0] for call in calls(text, function.first, function.last) if call.name in _MEMBERS}
        for at in range(function.opens, function.last):
            name, before = toks[at].text, toks[at - 1].text
            free = before not in (*_OTHERS, "goto") and toks[at + 1].text != ":"
            field = before in ("->", ".") and locals_.get(toks[at - 2].text, "").startswith("toy") and name not in bare
            field = field and toks[at - 3].text not in ("->", ".")
            if toks[at].kind == "name" and at not in members and ((free and name in locals_) or field):
                edits.append(Edit(toks[at].start, toks[at].end, f"{prefix}{toks[at].text}{suffix}"))
    return edited(text, edits)


def _member(toks: tuple[Token, ...], at: int) -> bool:
    """Whether a name is the field of something that is named."""
    return toks[at - 1].text == "->" or (toks[at - 1].text == "." and toks[at - 2].text not in ("{", ","))


def _locals(text: str, function: Function) -> dict[str, str]:
    """The names that a function declares, with the structure that each is or points to."""
    toks = tokens(text)
    out: dict[str, str] = {}
    start = function.opens + 1
    for at in range(start, function.closes + 1):
        if toks[at].text == "," or at == function.closes:
            part = toks[start:at]
            if len(part) > 1 and part[-1].kind == "name" and not any(one.text == "(" for one in part):
                out[part[-1].text] = _structure(part)
            start = at + 1
    for one in statements(text, function):
        if one.kind == "declaration":
            out |= _declared(toks[one.first : one.last + 1])
    told = frozenset().union(*kernel("6.12").words.values()) | KEYWORDS  # names that say something to the rules
    return {name: kind for name, kind in out.items() if name not in told and not name.isupper()}


def _structure(part: tuple[Token, ...]) -> str:
    """The name after struct, or nothing."""
    words = [one.text for one in part]
    return words[words.index("struct") + 1] if "struct" in words[:-1] else ""


def _declared(part: tuple[Token, ...]) -> dict[str, str]:
    """The names of one declaration: each first name after the type, a comma or a star, outside of its value."""
    out, depth, value, kind = {}, 0, False, _structure(part[:3])
    for at, one in enumerate(part):
        depth += (one.text in "([{") - (one.text in ")]}") if one.kind == "op" else 0
        if one.text == "=" and not depth:
            value = True
        elif one.text == "," and not depth:
            value = False
        named = at and one.kind == "name" and one.text not in TYPES and not value and not depth
        if named and part[at - 1].text not in ("struct", "union", "enum") and part[at + 1].text in ("=", ";", ",", "["):
            out[one.text] = kind
    return out
