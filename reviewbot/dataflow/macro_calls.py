"""Finds the function-like macros of a file that wrap an allocator, and describes each as an allocator of its own.

`#define toy_get(n) kzalloc(n, GFP_KERNEL)` takes no mask and uses GFP_KERNEL; one that passes a parameter on where the
mask stands takes its mask there.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from msgspec.structs import replace

from reviewbot.dataflow import mask_algebra
from reviewbot.dataflow.mask_env import expression
from reviewbot.frontend.instructions import Expr
from reviewbot.frontend.preprocess.directives import Macro
from reviewbot.model.kernel import Allocator, Kernel
from reviewbot.support.patterns import pattern

_CALL = pattern(r"\s*+(?:\(\s*+)?(\w++)\s*+\(")
_LONGEST = 400  # characters of a body that is one call


def macro_allocators(macros: Iterable[Macro], kernel: Kernel) -> Mapping[str, Allocator]:
    """The allocators by the macro's name; a macro with two different definitions is none."""
    found: dict[str, list[Allocator | None]] = {}
    for macro in macros:
        if macro.name and macro.name not in kernel.allocators:
            found.setdefault(macro.name, []).append(_allocator(macro, kernel))
    return {name: ones[0] for name, ones in found.items() if ones[0] is not None and ones.count(ones[0]) == len(ones)}


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
