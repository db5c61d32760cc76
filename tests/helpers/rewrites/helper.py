"""The allocation moved into a static helper of the same file, which is called where it stood."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import lru_cache

from reviewbot.config import data_path
from reviewbot.kernel import rules
from reviewbot.model.kernel import Allocator, Kernel
from rewrites.ctext import Edit, edited, source, tokens
from rewrites.masks import shared
from rewrites.pair import Mask, Pair, above, each, fresh, masks, put


@dataclass(frozen=True, slots=True)
class Moved:
    """A request that can move: `body` and `head` of its helper without a name, `given` what the caller hands in."""

    mask: Mask
    body: str
    head: tuple[str, str]
    given: str


@lru_cache
def kernel(version: str) -> Kernel:
    return rules.load([data_path("rules")], rules.parse_version(version))[0]


def _moved(pair: Pair, text: str) -> list[Moved]:
    """The requests that are all a variable is set to."""
    toks, known, left, out = tokens(text), kernel(pair.kernel).allocators, shared(pair), []
    for mask in masks(text):
        call = mask.call
        plain = toks[call.at - 1].text == "=" and toks[call.last + 1].text == ";"
        if (mask.function.name, mask.text) in left:
            continue
        if plain and call.name in known and not any(one.mask.call.at == call.at for one in out):
            out.append(_helper(text, mask, known[call.name]))
    return out


def _helper(text: str, mask: Mask, known: Allocator) -> Moved:
    params, given, inner = [], [], []
    for at, (first, last) in enumerate(mask.call.args):
        said = source(text, first, last)
        if (first, last) == (mask.first, mask.last) or _fixed(text, first, last):
            inner.append(said)
            continue
        kind = "size_t " if at in known.size else "unsigned int " if at == known.order else "void *"
        params.append(f"{kind}a{at}")
        inner.append(f"a{at}")
        given.append(said)
    kind = "void *" if known.returns == "pointer" else "int "
    if mask.call.name.startswith(("__get_free", "get_zeroed")):
        kind = "unsigned long "
    body = f"return {mask.call.name}({', '.join(inner)});"
    return Moved(mask, body, (f"static {kind}", f"({', '.join(params) or 'void'})"), ", ".join(given))


def _fixed(text: str, first: int, last: int) -> bool:
    """Whether an argument says the same in any function."""
    part = tokens(text)[first : last + 1]
    words = [one for one in part if one.kind != "op"]
    return all(one.kind in ("number", "string") or one.text.isupper() for one in words) or (
        source(text, first, last).startswith("sizeof(struct ") and len(part) == 5
    )


def _called(pair: Pair, wanted: str, write: Callable[[Moved, str], str]) -> Pair | None:
    """Each request called by a name, with what `write` makes of it above the functions."""
    sides = [list(dict.fromkeys((*one.head, one.body) for one in _moved(pair, text))) for text in pair.texts]
    if pair.before and sides[1] and not sides[0] and masks(pair.before):
        return None  # of what was there nothing moves
    union = list(dict.fromkeys(one for side in sides for one in side))
    base, single = fresh(pair, wanted), max(map(len, sides)) == 1
    names = {one: base if single or not at else f"{base}{at + 1}" for at, one in enumerate(union)}

    def rewrite(text: str) -> str:
        found = [(one, names[(*one.head, one.body)]) for one in _moved(pair, text)]
        if not found:
            return text
        rows = dict.fromkeys(write(one, name) for one, name in found)
        edits: list[Edit] = [above(text, found[0][0].mask.function, "".join(rows))]
        for one, name in found:
            edits.append(put(text, one.mask.call.at, one.mask.call.last, f"{name}({one.given})"))
        return edited(text, edits)

    made = each(pair, rewrite)
    return replace(made, helpers=(*made.helpers, *names.values())) if made else None


def helper(pair: Pair) -> Pair | None:
    """static void *toy_get(size_t n) { return kmalloc(n, MASK); }, x = toy_get(n);"""
    return _called(pair, "toy_fetch", lambda one, name: f"{one.head[0]}{name}{one.head[1]}\n{{\n\t{one.body}\n}}\n\n")


def macro(pair: Pair) -> Pair | None:
    """#define toy_get(n) kmalloc(n, MASK), x = toy_get(n);"""
    return _called(pair, "toy_fetch", _define)


def _define(one: Moved, name: str) -> str:
    params = ", ".join(tokens(part)[-1].text for part in one.head[1].strip("()").split(", ") if part != "void")
    return f"#define {name}({params}) {one.body.removeprefix('return ').rstrip(';')}\n\n"
