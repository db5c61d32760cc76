"""Evaluates the macros and helper functions of a file that are masks.

Output: masks by name, for mask_algebra.evaluate(): a macro by its name, a function by its name with "()".
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence

from reviewbot.dataflow import mask_algebra
from reviewbot.dataflow.analysis import FunctionAnalysis
from reviewbot.dataflow.mask_env import expression, is_mask
from reviewbot.dataflow.scope_table import ScopeTable
from reviewbot.frontend import parse
from reviewbot.frontend.fragments import Fragment
from reviewbot.frontend.instructions import Expr, Function
from reviewbot.frontend.preprocess.directives import Macro
from reviewbot.frontend.preprocess.prepare import Prepared
from reviewbot.model.kernel import Kernel, Mask
from reviewbot.support.patterns import pattern

_DIRECTIVE = pattern(r"^[ \t]*#", re.MULTILINE)
_CONDITION = pattern(r"^[ \t]*#[ \t]*(?:if|else|elif|endif)", re.MULTILINE)
_SPOKEN_OF = pattern(r"#[ \t]*(?:ifn?def|undef)[ \t]+(\w+)")
_ASKED = pattern(r"#[ \t]*(?:el)?if\b(?>[^\n#]*?\bdefined\b)([^\n#]*)")
_WORD = pattern(r"\w+")
_ROUNDS = 3  # how deep macros, and helpers, may be made of each other
_MOST = 50  # helpers; the file with the most of them has a tenth
_LONGEST = 1000  # characters of a macro that may be a mask


def file_masks(
    text: str, whole: bool, prepared: Prepared, parts: Iterable[Fragment], lookup: ScopeTable
) -> Mapping[str, Mask]:
    """The masks that a text's own macros and helpers give.

    `whole`: the text is a whole file. In anything less another half of an #if, with another definition, may be outside
    of the text, so that nothing is known where there is an #if.
    """
    if not whole and _CONDITION.search(text):
        return {}
    known = _macros(text, prepared.macros, lookup)
    functions = [
        function
        for fragment in parts
        if _gives_mask(fragment.text, lookup.kernel)
        for function in parse.functions(fragment, lookup.kernel.words, prepared.marks)
    ]
    if not functions or len(functions) > _MOST:
        return known
    rows = text.split("\n")
    # of a body with an #if in it only one half was read
    plain = [one for one in functions if not _DIRECTIVE.search("\n".join(rows[one.lines[0] : one.lines[1] + 1]))]
    twice = {one.name for one in functions if one not in plain}
    for _ in range(_ROUNDS):
        found: dict[str, list[Mask | None]] = {}
        for one in plain:
            found.setdefault(f"{one.name}()", []).append(_returned(one, known, lookup))
        fresh = known | {key: mask for key, mask in _sure(found) if key[:-2] not in twice}
        if fresh == known:
            break
        known = fresh
    return known


def _sure(found: Mapping[str, Sequence[Mask | None]]) -> Iterator[tuple[str, Mask]]:
    """The names of which all definitions are known, with the join of their masks."""
    for key, masks in found.items():
        sure = [mask for mask in masks if mask is not None]
        if len(sure) == len(masks):
            yield key, mask_algebra.joined(sure)


# --- macros ---


def _macros(text: str, macros: Sequence[Macro], lookup: ScopeTable) -> dict[str, Mask]:
    """The masks of object-like macros, several definitions joined; none for what may be defined elsewhere."""
    casts = re.compile(rf"\(\s*(?:\w+\s+)*(?:{'|'.join(map(re.escape, lookup.kernel.words['mask_types']))})\s*\)")
    known: dict[str, Mask] = {}
    bodies: dict[str, list[Expr | None]] = {}
    elsewhere: frozenset[str] | None = None
    for _ in range(_ROUNDS):
        names = _spoken(macros, frozenset(bodies), lookup.kernel) - frozenset(bodies)
        for macro in (macro for macro in macros if macro.name in names):
            plain = not macro.params and len(macro.body) < _LONGEST
            body = expression(casts.sub("", macro.body).strip(), lookup.kernel) if plain else None
            bodies.setdefault(macro.name, []).append(body)
        found = {name: [_value(body, known, lookup) for body in listed] for name, listed in bodies.items()}
        elsewhere = _elsewhere(text) if elsewhere is None and found else elsewhere
        fresh = {name: mask for name, mask in _sure(found) if name not in (elsewhere or ())}
        if not names and fresh == known:
            break
        known = fresh
    return known


def _spoken(macros: Sequence[Macro], others: frozenset[str], kernel: Kernel) -> frozenset[str]:
    """The macros whose body names a flag, or one of the others; most do not, and are not parsed."""
    prefixes = kernel.words["flag_prefixes"]
    return frozenset(
        macro.name
        for macro in macros
        if macro.name
        and macro.name not in kernel.flags
        and (any(one in macro.body for one in prefixes) or not others.isdisjoint(_WORD.findall(macro.body)))
    )


def _value(body: Expr | None, known: Mapping[str, Mask], lookup: ScopeTable) -> Mask | None:
    if body is None or not is_mask(body, known, lookup.kernel, lookup.tools):
        return None
    return mask_algebra.evaluate(body, known, lookup.kernel, lookup.tools)


def _elsewhere(text: str) -> frozenset[str]:
    """The macros that the text tests, by #ifdef or defined(), or undefines: they may be defined elsewhere, or end."""
    asked = (_WORD.findall(said) for said in _ASKED.findall(text))
    return frozenset(_SPOKEN_OF.findall(text)).union(*asked)


# --- helpers ---


def _gives_mask(text: str, kernel: Kernel) -> bool:
    """Whether a fragment of a file is, or holds, a function whose result is a mask."""
    kinds = [re.escape(kind) for kind in kernel.words["mask_types"] if kind in text]
    return any(re.search(rf"^[^\n;(){{}}#]*\b{kind}\s+\w+\(", text, re.MULTILINE) for kind in kinds)


def _returned(function: Function, known: Mapping[str, Mask], lookup: ScopeTable) -> Mask | None:
    """The mask that a function returns, whatever it is called with; None if nothing is known of it."""
    if not function.whole or function.broken:
        return None
    flow = FunctionAnalysis(function, lookup, known)
    masks = []
    for step, states in zip(function.steps, flow.at, strict=True):
        if (states and step.kind in ("lost", "end")) or flow.lost:
            return None
        if step.kind == "return":
            masks += [
                mask_algebra.evaluate(step.value, state.masks or {}, flow.kernel, lookup.tools) for state in states
            ]
    found = mask_algebra.joined(masks) if masks else mask_algebra.unknown_mask(flow.kernel)
    return None if found == mask_algebra.unknown_mask(flow.kernel) else found
