"""Old trouble: a case's later text on both sides of the patch, with something else changed about it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from rewrites import names
from rewrites.ctext import Edit, Function, edited, functions, source, statements, tokens
from rewrites.helper import kernel
from rewrites.pair import Pair, Way, bodies, constant, put, renamed

SIBLINGS = (
    ("kmalloc", "kzalloc"),
    ("kvmalloc", "kvzalloc"),
    ("vmalloc", "vzalloc"),
    ("kmalloc_array", "kcalloc"),
    ("kvmalloc_array", "kvcalloc"),
    ("kmalloc_node", "kzalloc_node"),
    ("kmem_cache_alloc", "kmem_cache_zalloc"),
    ("devm_kmalloc", "devm_kzalloc"),
    ("__get_free_page", "get_zeroed_page"),
    ("bitmap_alloc", "bitmap_zalloc"),
    ("dma_pool_alloc", "dma_pool_zalloc"),
    ("kstrdup", "kstrdup_const"),
)
VARIANTS = (
    ("spin_lock", "spin_lock_irq"),
    ("spin_unlock", "spin_unlock_irq"),
    ("spin_lock_bh", "spin_lock"),
    ("spin_unlock_bh", "spin_unlock"),
    ("raw_spin_lock", "raw_spin_lock_irq"),
    ("raw_spin_unlock", "raw_spin_unlock_irq"),
    ("read_lock", "read_lock_bh"),
    ("read_unlock", "read_unlock_bh"),
    ("write_lock", "write_lock_bh"),
    ("write_unlock", "write_unlock_bh"),
    ("rcu_read_lock", "rcu_read_lock_bh"),
    ("rcu_read_unlock", "rcu_read_unlock_bh"),
    ("spinlock", "spinlock_irq"),
)


def _was(pair: Pair, before: str) -> Pair | None:
    return None if before == pair.after else replace(pair, before=before)


def function(pair: Pair) -> Pair | None:
    """The functions had other names."""
    return _was(pair, names.function_names(pair.after, "_was"))


def variable(pair: Pair) -> Pair | None:
    """The variables had other names."""
    return _was(pair, names.variables(pair.after, "_was"))


def size(pair: Pair) -> Pair | None:
    """More was asked for."""
    text, known, edits = pair.after, kernel(pair.kernel).allocators, []
    for _, found in bodies(text):
        for call in found:
            sizes = known[call.name].size if call.name in known else ()
            place = next((call.args[at] for at in sizes if at < len(call.args)), None)
            if place and not constant(text, *place) and "gfp" not in source(text, *place).lower():
                edits.append(put(text, *place, f"{source(text, *place)} + 8"))
    return _was(pair, edited(text, edits))


def _both(pairs: tuple[tuple[str, str], ...]) -> dict[str, str]:
    return {two: one for one, two in pairs} | dict(pairs)


def callee(pair: Pair) -> Pair | None:
    """A sibling of the allocator was called."""
    if "__GFP_ZERO" in pair.after:
        return None  # it is needed in one of the two, and not in the other
    return _was(pair, renamed(pair.after, _both(SIBLINGS)))


def lock(pair: Pair) -> Pair | None:
    """Another variant of the lock was taken."""
    return _was(pair, renamed(pair.after, _both(VARIANTS)))


def moved(pair: Pair) -> Pair | None:
    """The bodies move into helpers of the patch, which the functions call."""
    after = edited(pair.after, [edit for one in functions(pair.after) for edit in _out(pair.after, one)])
    return None if after == pair.after else replace(pair, before=pair.after, after=after)


def _out(text: str, one: Function) -> list[Edit]:
    toks, params, start = tokens(text), [], one.opens + 1
    if source(text, start, one.closes - 1) != "void":
        for at in range(start, one.closes + 1):
            if toks[at].text == "," or at == one.closes:
                params.append(toks[at - 1])
                start = at + 1
    if any(param.kind != "name" for param in params):
        return []
    head = text[toks[one.head].start : toks[one.first].start]
    void = toks[one.at - 1].text == "void"
    args = ", ".join(param.text for param in params)
    call = f"\n\n{head}{{\n\t{'' if void else 'return '}{one.name}_body({args});\n}}"
    return [Edit(toks[one.at].end, toks[one.at].end, "_body"), Edit(toks[one.last].end, toks[one.last].end, call)]


def below(pair: Pair) -> Pair | None:
    """The functions stood above one that they now stand below."""
    other = "static int toy_bystander(struct toy *t)\n{\n\tt->seen++;\n\ttoy_chime(t);\n\treturn t->seen;\n}\n"
    found = functions(pair.after)
    if not found:
        return None
    start = tokens(pair.after)[found[0].head].start
    end = tokens(pair.after)[found[-1].last].end + 1
    top, body, rest = pair.after[:start], pair.after[start:end], pair.after[end:]
    return replace(pair, before=f"{top}{body}\n{other}{rest}", after=f"{top}{other}\n{body}{rest}")


def rows(pair: Pair) -> Pair | None:
    """A blank row stood below each statement."""
    edits, toks = [], tokens(pair.after)
    for one in functions(pair.after):
        ends = {toks[told.last].end for told in statements(pair.after, one) if told.kind == "simple"}
        edits += [Edit(end, end, "\n") for end in sorted(ends)]
    return _was(pair, edited(pair.after, edits))


def deeper(pair: Pair) -> Pair | None:
    """The bodies move into a block that a new condition governs."""
    edits, toks = [], tokens(pair.after)
    for one in functions(pair.after):
        told = [two for two in statements(pair.after, one) if two.block == one.first and two.kind != "declaration"]
        if toks[one.at - 1].text != "void" or not told or any(two.kind in ("label", "goto") for two in told):
            continue
        start, end = toks[told[0].first].start, toks[told[-1].last].end
        within = [Edit(at + 1, at + 1, "\t") for at in range(start, end - 1) if pair.after[at] == "\n"]
        edits += [Edit(start, start, "if (toy_ready) {\n\t\t"), *within, Edit(end, end, "\n\t}")]
    after = edited(pair.after, edits)
    return None if after == pair.after else replace(pair, before=pair.after, after=after)


def by(way: Way) -> Callable[[Pair], Pair | None]:
    """A patch that does nothing but write it in another way."""

    def rewrite(pair: Pair) -> Pair | None:
        made = way(replace(pair, before=pair.after))
        return replace(made, before=pair.after) if made else None

    return rewrite
