"""Updates the known masks of variables across calls, assignments and conditions: transfer functions.

A mask is known by the text of what it is kept in: a variable, `*p`, or a member such as `p->gfp`. A member is known
until its structure, or anything that was ever mixed with it, is passed to a call that may write there. A macro of the
file stands under its name, a function that returns a mask under its name with "()".
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cached_property

from reviewbot.dataflow import mask_algebra
from reviewbot.dataflow.state import Masks
from reviewbot.frontend import parse
from reviewbot.frontend.fragments import Fragment
from reviewbot.frontend.instructions import Expr, Function, Instruction
from reviewbot.model.errors import ConfigError
from reviewbot.model.kernel import Kernel, Mask
from reviewbot.support.patterns import pattern

WORD = pattern(r"[A-Za-z_]\w*")
_ROOT = pattern(r"[*&(]*([A-Za-z_]\w*)")
_MEMBER = pattern(r"(?:->|\.)(\w+)\Z")
_MEMBERS = pattern(r"(?:->|\.)\w+")
_FORMULA = pattern(r"(\w+)\(([\w, ]*)\) = (.+)\Z")
_NO_VALUE = pattern(r"[;{}#\"]|[|&^?:,=(~!]\s*\Z")
_KEPT = ("name", "field", "*x")
_OPS = ("=", "|=", "&=")


class MaskDependencies:
    """How the variables of a function depend on each other, worked out when a mask is first kept in a member."""

    def __init__(self, function: Function, own: frozenset[str]) -> None:
        self.function, self.own = function, own
        self._given_flags: frozenset[str] | None = None

    @cached_property
    def escaped(self) -> frozenset[str]:
        """The variables whose address is kept: they may be written through a pointer at any time."""
        return frozenset(
            part.args[0].text
            for step in self.function.steps
            if step.kind == "assign" and step.value is not None and "&" in step.value.text
            for part in step.value.walk()
            if part.op == "&x" and part.args
        )

    @cached_property
    def _group(self) -> dict[str, str]:
        parent: dict[str, str] = {}

        def top(name: str) -> str:
            while (above := parent.setdefault(name, name)) != name:
                name = above
            return name

        for step in self.function.steps:
            if step.kind == "assign" and step.value is not None and (first := root(step.target)):
                for part in step.value.walk():
                    if part.op == "name":
                        parent[top(part.text)] = top(first)
        return {name: top(name) for name in parent}

    def filled(self, name: str, kernel: Kernel) -> bool:
        """Whether a variable is assigned flags anywhere, so that a 0 in it is an empty mask."""
        return name in self._filled(kernel)

    def _filled(self, kernel: Kernel) -> frozenset[str]:
        if self._given_flags is None:
            self._given_flags = frozenset(
                step.target
                for step in self.function.steps
                if step.kind == "assign" and step.value is not None and _speaks(step.value, kernel)
            )
        return self._given_flags

    def alike(self, name: str) -> str:
        """The representative of all variables that were ever assigned to each other."""
        return self._group.get(name, name)

    def outlives(self, name: str) -> bool:
        """Whether other functions can reach a variable without being passed it."""
        return self.function.starts and name not in self.own


def _speaks(value: Expr, kernel: Kernel) -> bool:
    """Whether an expression itself names a flag; its text is searched first, for most name none."""
    if value.op == "call" or not any(prefix in value.text for prefix in kernel.words["flag_prefixes"]):
        return False
    return value.text in kernel.flags or any(_speaks(arg, kernel) for arg in value.args)


def root(text: str) -> str:
    """The variable that an lvalue starts from."""
    match = _ROOT.match(text)
    return match.group(1) if match else ""


def mentioned(function: Function, given: Masks) -> Masks:
    """The masks of a file that a function names."""
    if not given:
        return {}
    found: set[str] = set()
    for step in function.steps:
        for expr in (*step.args, *((step.value,) if step.value is not None else ())):
            found |= {f"{part.text}()" if part.op == "call" else part.text for part in expr.walk()}
        found.add(f"{step.name}()")
    return {key: mask for key, mask in given.items() if key in found}


def _is_member(key: str) -> bool:
    return "->" in key or "." in key or key.startswith("*")


def may_change(target: str, key: str) -> bool:
    """Whether writing `target` may change what is kept in `key`."""
    if target == key or key.startswith((target + "->", target + ".", target + "[")):
        return True
    if target.isidentifier() or (target.startswith("*") and _is_member(key)):
        return target.lstrip("*") in WORD.findall(_MEMBERS.sub("", key))
    one = member(target)
    return bool(one) and one == member(key)


def member(text: str) -> str:
    """The member that an lvalue ends in, "" if it is none."""
    found = _MEMBER.search(text)
    return found[1] if found else ""


def forgotten(masks: Masks, name: str) -> Masks:
    """The masks after a variable's address was passed to a call that may write to it."""
    return _left(masks, name)


def _left(masks: Masks, target: str) -> Masks:
    """The masks that are still known where `target` is written.

    A plain variable, as most are, is touched by its own name alone.
    """
    bare, ending = target.lstrip("*"), member(target)
    near = (key for key in masks if bare in key or (ending and key.endswith(ending)))
    gone = {key for key in near if key == target or (not key.isidentifier() and may_change(target, key))}
    return {key: mask for key, mask in masks.items() if key not in gone} if gone else masks


def handed(masks: Masks, step: Instruction, names: MaskDependencies, kernel: Kernel) -> Masks:
    """The masks after a call: what it may have written through its arguments is unknown."""
    if step.name in kernel.allocators or step.name in kernel.words["only_read"] or not any(map(_is_member, masks)):
        return masks
    given = {names.alike(name) for arg in step.args for name in _given(arg)}
    return {
        key: mask
        for key, mask in masks.items()
        if not _is_member(key) or not (names.alike(root(key)) in given or names.outlives(root(key)))
    }


def _given(arg: Expr) -> Iterator[str]:
    """The variables whose value, or the address of which, an argument is made of."""
    todo = [arg]
    while todo:
        at = todo.pop()
        if at.op == "name":
            yield at.text
        elif at.op == "&x" and at.args:
            yield root(at.args[0].text)
        elif at.op not in ("field", "*x"):
            todo.extend(at.args)


def assigned(
    masks: Masks, step: Instruction, names: MaskDependencies, kernel: Kernel, tools: mask_algebra.MaskTools
) -> Masks:
    """The masks after an assignment or a declaration."""
    target, value = step.target, step.value
    fresh: dict[str, Mask] = {}
    if value is not None and not step.static:
        about = is_mask(value, masks, kernel, tools) or (target in masks and step.op != "=")
        if step.op in _OPS and (about or (value.op == "num" and names.filled(target, kernel))):
            old = masks.get(target, mask_algebra.unknown_mask(kernel))
            fresh[target] = mask_algebra.assign(old, step.op, value, masks, kernel, tools)
        elif step.op == "=":
            fresh = {target + at: mask_algebra.evaluate(one, masks, kernel, tools) for at, one in _members(value)}
    left = _left(masks, target)
    return {**left, **{key: mask for key, mask in fresh.items() if key not in names.escaped}} if fresh else left


def _members(value: Expr) -> Iterator[tuple[str, Expr]]:
    """The members that a structure's initialiser names, with their values."""
    todo = [("", value)]
    while todo:
        at, expr = todo.pop()
        if expr.op == "init":
            inner = expr.args[-1]
            todo.append((at + expr.text, inner))
            if not any(part.op == "init" for part in inner.args):
                yield at + expr.text, inner
        elif expr.op == "other":
            todo.extend((at, arg) for arg in expr.args if arg.op in ("init", "other"))


def is_mask(value: Expr, masks: Masks, kernel: Kernel, tools: mask_algebra.MaskTools) -> bool:
    """Whether an expression is about a gfp mask: it names a flag, or what holds or returns a mask."""
    todo = [value]
    while todo:
        at = todo.pop()
        if at.op == "call":
            if at.text in tools.helpers or f"{at.text}()" in masks:
                return True
            todo.extend(at.args if at.text[1:-1] in kernel.words["mask_types"] else ())
            continue
        if at.op in _KEPT and (at.text in masks or mask_algebra.is_flag_name(at.text, kernel)):
            return True
        todo.extend(at.args if at.op not in ("field", "init") else ())
    return False


def refine_masks(
    masks: Masks, value: Expr, way: bool, names: MaskDependencies, kernel: Kernel, tools: mask_algebra.MaskTools
) -> Masks | None:
    """The masks after a condition; None if it cannot turn out this way."""
    known = mask_algebra.refine(value, way, masks, kernel, tools)
    if known is None or known is masks:
        return known
    return {key: mask for key, mask in known.items() if key in masks or key not in names.escaped}


# --- a kernel's helpers ---


def tools_of(kernel: Kernel) -> mask_algebra.MaskTools:
    """The helpers and tests that rules/_macros.toml writes as formulas, `name(parameters) = expression`.

    Raises ConfigError for a text that is none.
    """
    return mask_algebra.MaskTools(_formulas("mask_helpers", kernel), _formulas("mask_tests", kernel))


def _formulas(key: str, kernel: Kernel) -> dict[str, mask_algebra.Helper]:
    out = {}
    for text in sorted(kernel.words[key]):
        match = _FORMULA.match(text)
        body = expression(match.group(3), kernel) if match else None
        if match is None or body is None:
            raise ConfigError(f"_macros.toml: words.{key}: {text!r} is no `name(parameters) = expression`")
        out[match.group(1)] = mask_algebra.Helper(tuple(re.findall(r"\w+", match.group(2))), body)
    return out


def expression(text: str, kernel: Kernel) -> Expr | None:
    """A text parsed as one expression, None if it is more or less than that."""
    if _NO_VALUE.search(text):
        return None
    fragment = Fragment("int x(void)\n{\nreturn ", text, ";\n}\n", 0, 0, "", True, True)
    found = list(parse.functions(fragment, kernel.words, {}))
    if len(found) != 1 or found[0].broken:
        return None
    returns = [step for step in found[0].steps if step.kind in ("return", "lost", "assign", "join")]
    return returns[1].value if [step.kind for step in returns] == ["join", "return"] else None


# --- where a mask came from ---


def mask_sources(expr: Expr) -> set[str]:
    """The variables that an expression reads masks from; arguments of a call belong to that call's instruction."""
    out, todo = set(), [expr]
    while todo:
        at = todo.pop()
        if at.op in _KEPT:
            out.add(at.text)
        elif at.op != "call":
            todo.extend(at.args)
    return out
