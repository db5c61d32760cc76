"""Ways to set the same tokens: arguments one a row, an odd layout, inside an #ifdef."""

from __future__ import annotations

from rewrites.ctext import Edit, edited, functions, indent, tokens
from rewrites.pair import Pair, bodies, each, masks


def split(pair: Pair) -> Pair | None:
    """The arguments of each call with a mask one a row."""

    def rewrite(text: str) -> str:
        toks, edits = tokens(text), []
        done: set[int] = set()
        for mask in masks(text):
            if len(mask.call.args) < 2 or mask.call.at in done:
                continue
            done.add(mask.call.at)
            for (_, end), (start, _) in zip(mask.call.args, mask.call.args[1:], strict=False):
                edits.append(Edit(toks[end].end, toks[start].start, ",\n\t\t\t"))
        return edited(text, edits)

    return each(pair, rewrite)


def odd(pair: Pair) -> Pair | None:
    """The return type on its own row, the brace on the head's, blanks before parentheses, comments in arguments."""

    def rewrite(text: str) -> str:
        toks, edits = tokens(text), []
        for function, found in bodies(text):
            head, brace = toks[function.closes].end, toks[function.first].start
            before = toks[function.at - 1]
            gap = Edit(before.end, toks[function.at].start, "\n")
            edits += [gap] if not text[before.end : toks[function.at].start].strip() else []
            edits += [Edit(head, brace, " ")] if not text[head:brace].strip() else []
            for call in found:
                edits.append(Edit(toks[call.at].end, toks[call.at].end, " "))
                if call.args:
                    place = toks[call.args[0][0]].start
                    edits.append(Edit(place, place, " "))
            done = {one.call.at: one for one in masks(text) if one.function == function}
            for mask in done.values():
                if mask.call.args[0][0] != mask.first:
                    edits.append(Edit(toks[mask.first].start, toks[mask.first].start, "/* flags */ "))
        return edited(text, edits)

    return each(pair, rewrite)


def conditional(pair: Pair) -> Pair | None:
    """Each function inside #ifdef CONFIG_TOY ... #endif."""

    def rewrite(text: str) -> str:
        toks, edits = tokens(text), []
        for function in functions(text):
            start, end = toks[function.head].start, toks[function.last].end
            if indent(text, start) == "" and text[end : end + 1] == "\n":
                edits += [Edit(start, start, "#ifdef CONFIG_TOY\n"), Edit(end, end, "\n#endif")]
        return edited(text, edits)

    return each(pair, rewrite)
