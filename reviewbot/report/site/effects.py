"""Says what open scopes make of a mask, as a reader would write it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from reviewbot.dataflow.mask_algebra import apply_scopes
from reviewbot.model.kernel import Flag, Kernel, Mask, ScopeKind

SAME, FORBIDDEN = "=", "✗ sleeps"
_LESS, _MORE = "\N{MINUS SIGN}\N{NO-BREAK SPACE}", "+\N{NO-BREAK SPACE}"


def usual_masks(kernel: Kernel) -> list[Flag]:
    """The masks that drivers and file systems write."""
    return [flag for flag in kernel.flags.values() if flag.base and flag.group == "request" and not flag.internal]


def effects(kernel: Kernel, scopes: Sequence[ScopeKind], masks: Iterable[str]) -> tuple[str, ...]:
    """What each mask means inside all of these scopes: SAME, FORBIDDEN, another mask, or what of it
    changes; "" where it is not there."""
    return tuple(_effect(kernel, scopes, name) for name in masks)


def _effect(kernel: Kernel, scopes: Sequence[ScopeKind], name: str) -> str:
    flag = kernel.flags.get(name)
    if flag is None:
        return ""
    after = apply_scopes(Mask(flag.bits, flag.bits), scopes).must
    if any(scope.atomic for scope in scopes) and after & kernel.words.get("lets_sleep", frozenset()):
        return FORBIDDEN
    return SAME if after == flag.bits else _changed(flag.bits, after, usual_masks(kernel))


def _changed(before: frozenset[str], after: frozenset[str], masks: Sequence[Flag]) -> str:
    """The mask that it has become, by its name, else what it has lost and got."""
    named = [flag.name for flag in masks if flag.bits == after]
    parts = [*(f"{_LESS}{bit}" for bit in sorted(before - after)), *(f"{_MORE}{bit}" for bit in sorted(after - before))]
    return named[0] if named else " ".join(parts)


def sentence(scope: ScopeKind) -> str:
    """What a scope does to every allocation below it."""
    parts = [f"clears {', '.join(sorted(scope.clears))}"] if scope.clears else []
    parts += [f"sets {', '.join(sorted(scope.sets))}"] if scope.sets else []
    parts += [f"hides {', '.join(scope.hides)}: while it is open they change no mask"] if scope.hides else []
    parts += ["forbids sleeping"] if scope.atomic else []
    return f"It {'; it '.join(parts) or 'leaves masks as they are'}."
