"""Finds the function-like macros of a file that wrap an allocator or a lock, and describes each as a call of its own.

`#define toy_get(n) kzalloc(n, GFP_KERNEL)` takes no mask and uses GFP_KERNEL; one that passes a parameter on where the
mask stands takes its mask there. `#define toy_lock(t) spin_lock(&(t)->lock)` takes the lock of what it is given.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping

from msgspec.structs import replace

from reviewbot.dataflow import mask_algebra
from reviewbot.dataflow.mask_env import expression
from reviewbot.dataflow.scope_table import ScopeTable
from reviewbot.frontend.instructions import Expr
from reviewbot.frontend.preprocess.directives import Macro
from reviewbot.model.kernel import Allocator, Kernel, ScopeCall, ScopeKind
from reviewbot.support.patterns import pattern

_CALL = pattern(r"\s*+(?:\(\s*+)?(\w++)\s*+\(")
_ONCE = pattern(r"\s*+do\b[\s\\]*+\{(.*)\}[\s\\]*+while\s*+\(\s*+0\s*+\)\s*+\Z", re.DOTALL)
_LONGEST = 400  # characters of a body that is one call
_MOST_CALLS = 3  # in a body that takes or gives back locks

_ScopeRows = tuple[list[tuple[ScopeKind, ScopeCall]], list[tuple[ScopeKind, ScopeCall]]]


def macro_allocators(macros: Iterable[Macro], kernel: Kernel) -> Mapping[str, Allocator]:
    """The allocators by the macro's name; a macro with two different definitions is none."""
    found: dict[str, list[Allocator | None]] = {}
    for macro in macros:
        if macro.name and macro.name not in kernel.allocators:
            found.setdefault(macro.name, []).append(_allocator(macro, kernel))
    return {name: ones[0] for name, ones in found.items() if ones[0] is not None and ones.count(ones[0]) == len(ones)}


def macro_scopes(macros: Iterable[Macro], lookup: ScopeTable) -> ScopeTable:
    """The scope calls of a text with its macros that only take or only give back locks.

    A macro with two different definitions is none, nor is one with a statement that is no such call.
    """
    found: dict[str, list[_ScopeRows]] = {}
    for macro in macros:
        if macro.name and macro.name not in lookup.enter and macro.name not in lookup.leave:
            found.setdefault(macro.name, []).append(_scope_rows(macro, lookup))
    alike = {name: ones[0] for name, ones in found.items() if ones.count(ones[0]) == len(ones)}
    enter = {name: takes for name, (takes, gives) in alike.items() if takes and not gives}
    leave = {name: gives for name, (takes, gives) in alike.items() if gives and not takes}
    return lookup.extended(enter, leave)


def _scope_rows(macro: Macro, lookup: ScopeTable) -> _ScopeRows:
    """The locks that a macro takes, and those that it gives back; none if it does anything else."""
    wrapped = _ONCE.match(macro.body) if len(macro.body) <= _LONGEST else None
    parts = [part for part in (wrapped[1] if wrapped else macro.body).split(";") if part.strip(" \t\n\\")]
    heads = [_CALL.match(part) for part in parts[: _MOST_CALLS + 1]]
    calls = [head[1] if head else "" for head in heads]
    if not 0 < len(parts) <= _MOST_CALLS or not all(name in lookup.enter or name in lookup.leave for name in calls):
        return [], []
    takes: list[tuple[ScopeKind, ScopeCall]] = []
    gives: list[tuple[ScopeKind, ScopeCall]] = []
    params = [name.strip() for name in macro.params.strip("()").split(",")]
    for name, part in zip(calls, parts, strict=True):
        call = expression(part.strip(), lookup.kernel)
        if call is None or call.op != "call" or call.text != name:
            return [], []
        for table, rows in ((lookup.enter, takes), (lookup.leave, gives)):
            for kind, one in table.get(name, ()):
                if not kind.atomic or one.has or (one.when and len(parts) > 1):
                    return [], []
                rows.append((kind, ScopeCall(macro.name, key=_param(call, one.key, params), when=one.when)))
    return takes, gives


def _param(call: Expr, key: int, params: list[str]) -> int:
    """The position of the parameter in which a lock stands that a call is about, -1 if it stands in none."""
    names = [part.text for part in call.args[key].walk()] if 0 <= key < len(call.args) else []
    return next((at for at, name in enumerate(params) if name in names), -1)


def _allocator(macro: Macro, kernel: Kernel) -> Allocator | None:
    head = _CALL.match(macro.body) if len(macro.body) <= _LONGEST else None
    called = kernel.allocators.get(head[1]) if head else None
    body = expression(macro.body.strip(), kernel) if called is not None and called.allocates else None
    if called is None or body is None or body.op != "call" or body.text != called.name:
        return None
    params = [name.strip() for name in macro.params.strip("()").split(",")]
    made = replace(called, name=macro.name, gfp=None, size=(), order=None)
    mask = body.args[called.gfp] if called.gfp is not None and called.gfp < len(body.args) else None
    if mask is None:
        return made if called.implicit or called.gfp is None else None
    if mask.text in params:
        return replace(made, gfp=params.index(mask.text), implicit="")
    names = list(_flags(mask, kernel))
    return replace(made, implicit=" | ".join(names)) if names else None


def _flags(mask: Expr, kernel: Kernel) -> Iterator[str]:
    """The flags of a mask that is nothing but flags, none for any other."""
    terms = mask_algebra.terms(mask)
    if all(term.text in kernel.flags for term in terms):
        yield from (term.text for term in terms)
