"""Ways to write a mask: in a variable, in a macro, twice, in steps, in a typed allocator or left out of one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import replace

from rewrites.ctext import Call, Edit, Function, edited, source, statements, tokens
from rewrites.pair import Mask, Pair, above, bodies, each, fresh, masks, opening, put

Key = Callable[[Mask], tuple[str, ...]]

# the call, the one that takes an object's type, and how the arguments before the mask are meant
TYPED = {
    "kmalloc": ("kmalloc", "size"),
    "kzalloc": ("kzalloc", "size"),
    "kvmalloc": ("kvmalloc", "size"),
    "kvzalloc": ("kvzalloc", "size"),
    "kmalloc_array": ("kmalloc", "count"),
    "kcalloc": ("kzalloc", "count"),
    "kvmalloc_array": ("kvmalloc", "count"),
    "kvcalloc": ("kvzalloc", "count"),
}


def _numbered(pair: Pair, wanted: str, key: Key) -> dict[tuple[str, ...], str]:
    """A name for each mask of a function or a file: the same before and after, also of one that the patch changes."""
    sides = [list(dict.fromkeys(key(mask) for mask in masks(text))) for text in pair.texts]
    out: dict[tuple[str, ...], str] = {}
    base = fresh(pair, wanted)
    for group in {one[:-1] for side in sides for one in side}:
        mine = [[one for one in side if one[:-1] == group] for side in sides]
        union = list(dict.fromkeys(one for side in mine for one in side))
        single = max(len(side) for side in mine) == 1
        out |= {one: base if single or not at else f"{base}{at + 1}" for at, one in enumerate(union)}
    return out


def shared(pair: Pair) -> frozenset[tuple[str, str]]:
    """The function and text of masks that were there and are used once more: under one name the old is to blame."""
    before, after = (
        Counter((mask.function.name, mask.text) for mask in masks(text or "")) for text in (pair.before, pair.after)
    )
    return frozenset(one for one in before if after[one] > before[one])


def _in_function(mask: Mask) -> tuple[str, str]:
    return mask.function.name, mask.text


def _in_file(mask: Mask) -> tuple[str, ...]:
    return (mask.text,)


def _declared(pair: Pair, build: bool) -> Pair | None:
    """Masks in variables at the top of the function; `build`: the first name only, the others are added in steps."""
    names, left = _numbered(pair, "gfp_flags", _in_function), shared(pair)

    def rewrite(text: str) -> str:
        edits: list[Edit] = []
        for function, _ in bodies(text):
            mine = [mask for mask in masks(text) if mask.function == function and _in_function(mask) not in left]
            start = _begins(text, function) if build else function.first
            mine = [mask for mask in mine if start <= mask.first and (not build or _parts(mask.text)[1])]
            said = dict.fromkeys((names[_in_function(mask)], mask.text) for mask in mine)
            values = [(name, *(_parts(value) if build else (value, []))) for name, value in said]
            head = opening(text, function, "".join(f"\tgfp_t {name} = {value};\n" for name, value, _ in values))
            if mine and head:
                place = tokens(text)[start].start
                more = [f"{name} |= {one};\n\t" for name, _, others in values for one in others]
                edits += [head, *(Edit(place, place, row) for row in more)]
                edits += [put(text, mask.first, mask.last, names[_in_function(mask)]) for mask in mine]
        return edited(text, edits)

    return each(pair, rewrite)


def _begins(text: str, function: Function) -> int:
    """The first token of the first statement that declares nothing."""
    told = [one for one in statements(text, function) if one.block == function.first and one.kind != "declaration"]
    return told[0].first if told else function.last


def variable(pair: Pair) -> Pair | None:
    """gfp_t gfp_flags = MASK; at the top of the function."""
    return _declared(pair, False)


def steps(pair: Pair) -> Pair | None:
    """gfp_t gfp_flags = A; gfp_flags |= B; for A | B."""
    return _declared(pair, True)


def _parts(mask: str) -> tuple[str, list[str]]:
    parts = mask.split(" | ")
    plain = all(part.replace("_", "").isalnum() for part in parts)
    return (parts[0], parts[1:]) if plain else (mask, [])


def macro(pair: Pair) -> Pair | None:
    """#define TOY_GFP (MASK) above the functions."""
    names, left = _numbered(pair, "TOY_GFP", _in_file), shared(pair)

    def rewrite(text: str) -> str:
        found = [mask for mask in masks(text) if _in_function(mask) not in left]
        if not found:
            return text
        said = dict.fromkeys((names[_in_file(mask)], mask.text) for mask in found)
        rows = "".join(f"#define {name} ({value})\n" for name, value in said)
        uses = [put(text, mask.first, mask.last, names[_in_file(mask)]) for mask in found]
        return edited(text, [above(text, found[0].function, rows + "\n"), *uses])

    made = each(pair, rewrite)
    return replace(made, helpers=tuple(names.values())) if made else None


def both_sides(pair: Pair) -> Pair | None:
    """toy_big ? MASK : MASK in place of the mask."""
    name = fresh(pair, "toy_big")

    def rewrite(text: str) -> str:
        return edited(
            text, [put(text, mask.first, mask.last, f"{name} ? {mask.text} : {mask.text}") for mask in masks(text)]
        )

    return each(pair, rewrite)


def _typed_call(text: str, call: Call, mask: bool) -> str | None:
    """The call with the type of what its result is kept in, None where that is not the size it asks for."""
    known = TYPED.get(call.name)
    if not known or len(call.args) != 1 + {"size": 1, "count": 2}[known[1]]:
        return None
    args = [source(text, *one) for one in call.args]
    size = args[-2]
    if size.startswith("struct_size(") and known[1] == "size":
        return _flexible(text, call, known[0], args[-1] if mask else "")
    if not size.startswith("sizeof(") or not size.endswith(")") or size.count("(") != 1:
        return None
    what = size[len("sizeof(") : -1]
    if (not what.startswith("struct ") and not _kept_in(text, call, what)) or (not mask and args[-1] != "GFP_KERNEL"):
        return None
    words = [what] if known[1] == "size" else [what, args[0]]
    suffix = "_obj" if known[1] == "size" else "_objs"
    return f"{known[0]}{suffix}({', '.join(words + [args[-1]] * mask)})"


def _flexible(text: str, call: Call, base: str, mask: str) -> str | None:
    """kmalloc_flex(*p, member, count) for struct_size(p, member, count)."""
    inner = source(text, call.args[0][0] + 2, call.args[0][1] - 1).split(", ")
    if len(inner) != 3 or not _kept_in(text, call, f"*{inner[0]}") or (not mask and _mask(text, call) != "GFP_KERNEL"):
        return None
    return f"{base}_flex({', '.join([f'*{inner[0]}', *inner[1:], *([mask] if mask else [])])})"


def _mask(text: str, call: Call) -> str:
    return source(text, *call.args[-1])


def _kept_in(text: str, call: Call, what: str) -> bool:
    """Whether the result is kept in p, for *p."""
    toks, at = tokens(text), call.at - 1
    if toks[at].text != "=" or not what.startswith("*"):
        return False
    want = [one.text for one in tokens(what[1:])]
    return [one.text for one in toks[at - len(want) : at]] == want


def _typed(pair: Pair, mask: bool) -> Pair | None:
    if tuple(int(part) for part in pair.kernel.split(".")) < (6, 12):
        return None

    def rewrite(text: str) -> str:
        edits = []
        for _, found in bodies(text):
            for call in found:
                if new := _typed_call(text, call, mask):
                    edits.append(put(text, call.at, call.last, new))
        return edited(text, edits)

    return each(pair, rewrite)


def typed(pair: Pair) -> Pair | None:
    """kmalloc_obj(*p, MASK) for kmalloc(sizeof(*p), MASK)."""
    return _typed(pair, True)


def left_out(pair: Pair) -> Pair | None:
    """kmalloc_obj(*p) for kmalloc(sizeof(*p), GFP_KERNEL)."""
    return _typed(pair, False)


def parenthesised(pair: Pair) -> Pair | None:
    """(MASK) for MASK, the names in the other order."""

    def rewrite(text: str) -> str:
        edits = []
        for mask in masks(text):
            first, others = _parts(mask.text)
            edits.append(put(text, mask.first, mask.last, f"({' | '.join([*reversed(others), first])})"))
        return edited(text, edits)

    return each(pair, rewrite)
