"""Ways to write what stands around a request: statements that have nothing to do with it, tests, jumps."""

from __future__ import annotations

from rewrites.ctext import Edit, Function, Statement, calls, edited, functions, indent, source, statements, tokens
from rewrites.pair import Pair, each, masks

_SCOPES = ("_save", "_restore")


def requests(text: str, function: Function) -> list[Statement]:
    """The simple statements of a function that hand on a mask, allocate or open and end a scope."""
    toks = tokens(text)
    places = [mask.call.at for mask in masks(text) if mask.function == function]
    for call in calls(text, function.first, function.last):
        scope = call.name.startswith("memalloc_") and call.name.endswith(_SCOPES)
        gfp = any(one.text in ("gfp", "GFP_KERNEL") for one in toks[call.at : call.last])
        places += [call.at] * (scope or gfp or "alloc" in call.name)
    found = [one for one in statements(text, function) if one.kind in ("simple", "return") and not one.governed]
    return [one for one in found if any(one.first <= at <= one.last for at in places)]


def _between(pair: Pair, rows: tuple[str, ...]) -> Pair | None:
    """Rows above each request that begins its row."""

    def rewrite(text: str) -> str:
        edits = []
        for function in functions(text):
            for one in requests(text, function):
                place = tokens(text)[one.first].start
                blanks = indent(text, place)
                if blanks is not None:
                    edits += [Edit(place, place, f"{row}\n{blanks}") for row in rows]
        return edited(text, edits)

    return each(pair, rewrite)


def test(pair: Pair) -> Pair | None:
    """A test of something else between the cause and the request."""
    return _between(pair, ("if (toy_count > 3)", "\ttoy_count = 0;"))


def call(pair: Pair) -> Pair | None:
    """A call of something else between them."""
    return _between(pair, ("toy_chime(toy_count);",))


def loop(pair: Pair) -> Pair | None:
    """A loop over something else between them."""
    return _between(pair, ("for (toy_i = 0; toy_i < 4; toy_i++)", "\ttoy_sum += toy_i;"))


def in_line(pair: Pair) -> Pair | None:
    """if (!(p = alloc(...))) for p = alloc(...); if (!p)."""

    def rewrite(text: str) -> str:
        edits: list[Edit] = []
        toks = tokens(text)
        for function in functions(text):
            for one in requests(text, function):
                equals = [at for at in range(one.first, one.last) if toks[at].text == "="]
                if one.kind != "simple" or len(equals) != 1:
                    continue
                kept = source(text, one.first, equals[0] - 1)
                test = _tested(text, one.last + 1, kept)
                if test:
                    whole = text[toks[one.first].start : toks[one.last].start]
                    edits.append(Edit(toks[one.first].start, toks[test[1]].end, f"if ({test[2]}({whole}))"))
        return edited(text, edits)

    return each(pair, rewrite)


def _tested(text: str, at: int, kept: str) -> tuple[int, int, str] | None:
    """The tokens of `if (!kept)` at a place, and what stands before the value."""
    toks = tokens(text)
    if toks[at].text != "if" or toks[at + 1].text != "(":
        return None
    end = at + 2
    while toks[end].text != ")" and toks[end].text != "(":
        end += 1
    said = source(text, at + 2, end - 1)
    for form, mark in ((f"!{kept}", "!"), (f"{kept} == NULL", "!"), (kept, "")):
        if said == form and toks[end].text == ")":
            return at, end, mark
    return None


def initialises(pair: Pair) -> Pair | None:
    """T *p = alloc(...); for T *p; p = alloc(...); right below it."""

    def rewrite(text: str) -> str:
        return edited(text, [edit for function in functions(text) for edit in _initialised(text, function)])

    return each(pair, rewrite)


def _initialised(text: str, function: Function) -> list[Edit]:
    toks = tokens(text)
    told = [one for one in statements(text, function) if one.block == function.first]
    first = next((at for at, one in enumerate(told) if one.kind != "declaration"), 0)
    if not first or told[first] not in requests(text, function) or toks[told[first].first + 1].text != "=":
        return []
    name, one = toks[told[first].first].text, told[first]
    for declared in told[:first]:
        words = [token.text for token in toks[declared.first : declared.last]]
        if words[-1] == name and "," not in words and "=" not in words:
            start, end = toks[declared.last].end, toks[one.first].start
            whole = f" {text[toks[one.first + 1].start : toks[one.last].end]}"
            between = text[start:end].rstrip()
            return [Edit(toks[declared.last].start, toks[one.last].end, f"{whole}{between}")]
    return []


def unlikely(pair: Pair) -> Pair | None:
    """if (unlikely(!p)) for if (!p) below a request."""

    def rewrite(text: str) -> str:
        toks, edits = tokens(text), []
        for at in range(len(toks) - 4):
            if [one.text for one in toks[at : at + 3]] == ["if", "(", "!"]:
                end = at + 3
                while toks[end].text not in ("(", ")", "&&", "||"):
                    end += 1
                if toks[end].text == ")":
                    edits.append(
                        Edit(toks[at + 2].start, toks[end].start, f"unlikely({source(text, at + 2, end - 1)})")
                    )
        return edited(text, edits)

    return each(pair, rewrite) if masks(pair.after) or "memalloc_" in pair.after else None


def cast(pair: Pair) -> Pair | None:
    """p = (void *)alloc(...) for p = alloc(...)."""

    def rewrite(text: str) -> str:
        toks, places = tokens(text), set()
        for mask in masks(text):
            if toks[mask.call.at - 1].text == "=" and _pointer(mask.call.name):
                places.add(toks[mask.call.at].start)
        return edited(text, [Edit(place, place, "(void *)") for place in sorted(places)])

    return each(pair, rewrite)


def _pointer(name: str) -> bool:
    return name.startswith(("k", "v", "devm_k", "mempool_alloc", "kmem_cache"))


def single_exit(pair: Pair) -> Pair | None:
    """toy_ret = X; goto toy_out; for return X; before the end, and a single return there."""

    def rewrite(text: str) -> str:
        return edited(text, [edit for function in functions(text) for edit in _exits(text, function)])

    return each(pair, rewrite)


def _exits(text: str, function: Function) -> list[Edit]:
    toks = tokens(text)
    told = [one for one in statements(text, function) if one.kind == "return"]
    void = toks[function.at - 1].text == "void"
    outer = [one for one in told if one.block == function.first and not one.governed]
    ends = outer and outer[-1].last + 1 == function.last
    early = [one for one in told if not (ends and one == outer[-1])]
    kind = text[toks[function.head].start : toks[function.at].start].replace("static ", "").replace("inline ", "")
    body = text[toks[function.first].start : toks[function.last].start]
    if not early or not (ends or void) or "guard(" in body or indent(text, toks[early[0].first].start) is None:
        return []
    edits = [edit for one in early for edit in _jump(text, one, void)]
    last = toks[outer[-1].first].start if ends else toks[function.last].start
    if void:
        label = "toy_out:\n\t" if ends else "toy_out:\n\treturn;\n"
        place = last - 1 if ends else last
        return [*edits, Edit(place, last, label)]
    place = toks[function.first].end
    value = source(text, outer[-1].first + 1, outer[-1].last - 1)
    declared = "const " not in kind and Edit(place, place, f"\n\t{kind.strip()}{'' if '*' in kind else ' '}toy_ret;")
    final = Edit(last, toks[outer[-1].last].end, f"toy_ret = {value};\ntoy_out:\n\treturn toy_ret;")
    return [declared, *edits, final] if declared else []


def _jump(text: str, one: Statement, void: bool) -> list[Edit]:
    """The edits that make a jump of a return; braces come around it where a condition governs it."""
    toks = tokens(text)
    start, end = toks[one.first].start, toks[one.last].end
    blanks = indent(text, start) or ""
    value = "" if void else f"toy_ret = {source(text, one.first + 1, one.last - 1)};\n{blanks}"
    jump = f"{value}goto toy_out;"
    if not one.governed or void:
        return [Edit(start, end, jump)]
    brace = toks[one.first - 1].end
    closed = f"\n{blanks[:-1]}}}" if toks[one.last + 1].text != "else" else f"\n{blanks[:-1]}}} "
    rest = toks[one.last + 1].start if toks[one.last + 1].text == "else" else end
    return [Edit(brace, brace, " {"), Edit(start, rest, jump + closed)]
