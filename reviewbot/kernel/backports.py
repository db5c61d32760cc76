"""Adjusts the facts of a kernel version to one tree.

Adds names that were backported, and drops names that the tree's own headers no longer have: stable and vendor trees
carry names that their version says they do not have, and a development tree drops a name before its version does. Only
names whose life the tables date are looked at: the others are of every version.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable

from msgspec.structs import replace

from reviewbot.model.kernel import Flag, Kernel, Lifetime, ScopeKind, Version
from reviewbot.support.patterns import pattern

Present = Callable[[Iterable[str]], frozenset[str]]
At = Callable[[Version], Kernel]

_COMMENT = pattern(rb"/\*.*?(?:\*/|\Z)|//[^\n]*", re.S)
_WORD = pattern(rb"[A-Za-z_]\w*")
_VERSION = pattern(rb"^VERSION[ \t]*=[ \t]*([0-9]{1,4})[ \t]*$", re.M)
_PATCHLEVEL = pattern(rb"^PATCHLEVEL[ \t]*=[ \t]*([0-9]{1,4})[ \t]*$", re.M)
_NEWEST = (9999, 0)


def release(makefile: bytes) -> Version | None:
    """The kernel version that a tree's Makefile gives; a release candidate counts as its release."""
    major, minor = _VERSION.search(makefile), _PATCHLEVEL.search(makefile)
    return (int(major[1]), int(minor[1])) if major and minor else None


def header_names(headers: Iterable[bytes]) -> frozenset[str]:
    """Every name that stands in some headers outside their comments."""
    return frozenset(word.decode() for text in headers for word in _WORD.findall(_COMMENT.sub(b" ", text)))


def fitted_names(at: At) -> frozenset[str]:
    """All names that fitted_kernel() looks for, whatever the version.

    It gives the same kernel for trees that have the same of them. `at(version)` gives the facts of a version.
    """
    newest = at(_NEWEST)
    scopes = (scope for scope in newest.scopes.values() if scope.known_by)
    return frozenset(newest.spans).union(*((scope.known_by, *_calls(scope)) for scope in scopes))


def fitted_kernel(kernel: Kernel, present: Present, at: At) -> Kernel:
    """The kernel with the names that its tree has, and without those it has not.

    `present(names)` gives those of some names that the tree's headers have; `at(version)` the facts of a version. A
    name counts as gone only where most of its family is there, so that headers which could not be read take nothing
    away.
    """
    here = present(kernel.spans)
    alive = {name for name, span in kernel.spans.items() if span.holds(kernel.version)}
    added = set(here - alive)
    whole = {_family(name) for name in alive if _mostly(name, alive, here)}
    gone = {name for name in alive - here if _dated(kernel.spans[name]) and _family(name) in whole}
    scopes = _scopes(kernel, present, at, added)
    if not added and not gone and scopes == kernel.scopes:
        return kernel
    spans = dict(kernel.spans)
    for name in added:
        spans[name] = replace(spans[name], since=None, until=None)
    for name in gone:
        spans[name] = replace(spans[name], until=kernel.version)
    return replace(kernel, spans=spans, flags=_flags(kernel, at, added, gone), scopes=scopes)


def _family(name: str) -> str:
    """What all names of a header begin with."""
    return name.lstrip("_").partition("_")[0]


def _mostly(name: str, alive: set[str], here: frozenset[str]) -> bool:
    kin = {other for other in alive if _family(other) == _family(name)}
    return len(kin & here) * 2 > len(kin)


def _dated(span: Lifetime) -> bool:
    return span.since is not None or span.until is not None


def _flags(kernel: Kernel, at: At, added: set[str], gone: set[str]) -> dict[str, Flag]:
    flags = {name: replace(flag, bits=flag.bits - gone) for name, flag in kernel.flags.items() if name not in gone}
    for name in sorted(added):
        found = at(_alive(kernel.spans[name])).flags.get(name)
        if found is not None:
            flags[name] = replace(found, bits=found.bits - gone)
    return flags


def _scopes(kernel: Kernel, present: Present, at: At, added: set[str]) -> dict[str, ScopeKind]:
    newest = at(_NEWEST).scopes
    here = present(name for scope in newest.values() if scope.known_by for name in (scope.known_by, *_calls(scope)))
    scopes = {name: scope for name, scope in kernel.scopes.items() if not _lacks(scope, here)}
    later = {name: scope for name, scope in newest.items() if scope.known_by in here}
    for flag in added:
        older = at(_alive(kernel.spans[flag])).scopes
        later |= {name: scope for name, scope in older.items() if scope.flag == flag}
    return {**later, **scopes}


def _calls(scope: ScopeKind) -> tuple[str, ...]:
    return tuple(scope_call.call for scope_call in scope.enter)


def _lacks(scope: ScopeKind, here: frozenset[str]) -> bool:
    """The tree has the call, and the call is no scope in it."""
    return bool(scope.known_by) and scope.known_by not in here and not here.isdisjoint(_calls(scope))


def _alive(span: Lifetime) -> Version:
    """A version that has the name."""
    if span.since is not None:
        return span.since
    return (span.until[0], span.until[1] - 1) if span.until else _NEWEST
