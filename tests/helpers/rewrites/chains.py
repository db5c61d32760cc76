"""A function that another of the file calls, called otherwise: through quiet ones, from another file, with its
arguments in another order."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

from rewrites.ctext import Call, Edit, Function, calls, edited, functions, source, tokens
from rewrites.names import variables
from rewrites.pair import Pair, each

_NO_NAMES = frozenset(("static", "inline", "noinline", "__always_inline"))


def _leaves(text: str) -> Iterator[tuple[Function, list[Call]]]:
    """The static functions that call none of the file, with their calls; of each name one, named nowhere else."""
    made = {one.name: one for one in functions(text)}
    toks = tokens(text)
    for function in made.values():
        inner = {call.name for call in calls(text, function.first, function.last)}
        outer = [call for call in calls(text) if call.name == function.name and call.at != function.at]
        inside = {function.first <= call.at <= function.last for call in outer}
        named = sum(one.text == function.name for one in toks)
        static = "static" in {one.text for one in toks[function.head : function.at]}
        callers = [one for call in outer for one in made.values() if one.first <= call.at <= one.last]
        alone = named == len(outer) + 1 and len(callers) == len(outer)
        if outer and static and alone and True not in inside and inner.isdisjoint(made):
            yield function, outer


def _params(text: str, function: Function) -> list[str]:
    """The parameters, as they are written."""
    said = source(text, function.opens + 1, function.closes - 1) if function.closes > function.opens + 1 else ""
    return [] if said in ("", "void") else said.split(", ")


def _plain(params: list[str]) -> bool:
    return all("(" not in one and "[" not in one for one in params)


def _kind(text: str, function: Function) -> str:
    """The type that a function returns, as its head has it."""
    return source(text, function.head, function.at - 1)


def _through(text: str, count: int) -> str:
    edits: list[Edit] = []
    toks = tokens(text)
    for function, outer in _leaves(text):
        params, kind = _params(text, function), _kind(text, function)
        if not _plain(params):
            continue
        given = ", ".join(tokens(one)[-1].text for one in params)
        gives = "return " if not kind.endswith("void") else ""
        rows, inner = "", function.name
        for at in range(count):
            name = f"{function.name}_{'by' * (at + 1)}"
            gap = " " if not kind.endswith("*") else ""
            head = f"{kind}{gap}{name}({', '.join(params) or 'void'})"
            rows += f"\n\n{head}\n{{\n\t{gives}{inner}({given});\n}}"
            inner = name
        place = toks[function.last].end
        edits.append(Edit(place, place, rows))
        edits += [Edit(toks[call.at].start, toks[call.at].end, inner) for call in outer]
    return edited(text, edits)


def quiet(count: int) -> Callable[[Pair], Pair | None]:
    """static int toy_get_by(struct toy *t) { return toy_get(t); }, called for toy_get(t); so many of them."""
    return lambda pair: each(pair, lambda text: _through(text, count))


def swapped(pair: Pair) -> Pair | None:
    """toy_get(64, t) for toy_get(t, 64), and other names for what is passed."""
    made = each(pair, lambda text: _swapped(text))
    return made and each(made, lambda text: variables(text, "", "my_"))


def _swapped(text: str) -> str:
    edits: list[Edit] = []
    toks = tokens(text)
    for function, outer in _leaves(text):
        params = _params(text, function)
        if len(params) < 2 or not _plain(params) or any(len(call.args) != len(params) for call in outer):
            continue
        start, end = toks[function.opens].end, toks[function.closes].start
        edits.append(Edit(start, end, ", ".join(reversed(params))))
        for call in outer:
            given = [source(text, *part) for part in call.args]
            edits.append(Edit(toks[call.at + 1].end, toks[call.last].start, ", ".join(reversed(given))))
    return edited(text, edits)


def elsewhere(pair: Pair) -> Pair | None:
    """toy_get() moved to another file of the same patch."""
    moved = [one.name for one, _ in _leaves(pair.after)]
    path = pair.path.replace(".c", "_more.c")
    if not moved or path == pair.path:
        return None
    after, other_after = _parted(pair.after, moved)
    before, other_before = (None, None) if pair.before is None else _parted(pair.before, moved)
    if other_before == other_after:
        return None
    if before == after:
        after += '\nMODULE_LICENSE("GPL");\n'  # a patch that leaves a file alone shows nothing of it
    return replace(pair, before=before, after=after, other=(path, other_before, other_after))


def beside(pair: Pair) -> Pair | None:
    """toy_get() in another file of the folder: either the one or the other is left alone by the patch."""
    moved = [one.name for one, _ in _leaves(pair.after)]
    path = pair.path.replace(".c", "_more.c")
    if not moved or path == pair.path or pair.before is None:
        return None
    after, other_after = _parted(pair.after, moved)
    before, other_before = _parted(pair.before, moved)
    if other_before == other_after and before != after:  # the remark cannot stand at the request then
        helpers = tuple(one.name for one in functions(after))
        return replace(pair, before=before, after=after, around=(path, other_after), helpers=helpers)
    if before == after and other_before != other_after:
        return replace(pair, path=path, before=other_before, after=other_after, around=(pair.path, after))
    return None


def _parted(text: str, moved: list[str]) -> tuple[str, str]:
    """A text without some functions, and these by themselves, for all to call."""
    toks, edits, parts = tokens(text), [], []
    for function in functions(text):
        if function.name in moved:
            start, end = toks[function.head].start, toks[function.last].end
            edits.append(Edit(start, end, ""))
            words = [one for one in toks[function.head : function.at] if one.text in _NO_NAMES]
            cut = max((one.end for one in words), default=start)
            parts.append(text[cut:end].lstrip())
    return edited(text, edits), "\n\n".join(parts) + "\n"
