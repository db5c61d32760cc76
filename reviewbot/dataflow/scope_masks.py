"""Applies the scopes around a request to its gfp mask, as the page allocator does."""

from __future__ import annotations

from collections.abc import Iterable

from reviewbot.model.kernel import Mask, ScopeKind


def apply_scopes(mask: Mask, scopes: Iterable[ScopeKind]) -> Mask:
    """The mask that is left inside all of these scopes; their order and how often one is open make no difference.

    The same as current_gfp_context() of include/linux/sched/mm.h: the kernel keeps one bit a kind of scope, and a scope
    in whose `hides` another's bit stands is tested before that one and instead of it.
    """
    kinds = tuple(scopes)
    hidden = {flag for kind in kinds for flag in kind.hides}
    felt = [kind for kind in kinds if kind.flag not in hidden]
    clears = frozenset[str]().union(*(kind.clears for kind in felt))
    sets = frozenset[str]().union(*(kind.sets for kind in felt))
    return Mask((mask.must - clears) | sets, (mask.may - clears) | sets)
