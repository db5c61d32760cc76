"""Draws scopes within each other as boxes within boxes, with what a request means in each."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import combinations

from msgspec import Struct

from reviewbot.model.kernel import Kernel, ScopeKind
from reviewbot.report.html.element import Html, element
from reviewbot.report.site.effects import FORBIDDEN, SAME, effects, usual_masks
from reviewbot.report.site.history import History, Spell, marked, spells

_ABOUT = (
    "Scopes add up: inside both, a request loses what either takes away. Which one is opened first makes no difference "
    "to the mask, so each pair is drawn once. Of masks that fare alike one is named."
)
_MOST = 4  # masks that are drawn for each pair


class Box(Struct, frozen=True):
    """Two scopes, one in the other. `lines`: of each mask its name, what it means in the outer one, and in both."""

    outer: str
    inner: str
    lines: tuple[tuple[str, str, str], ...]


def nested(history: History) -> Iterator[Html]:
    """A paragraph, and the boxes of all versions, each with where it holds."""
    yield element("p", _ABOUT)
    pairs = dict.fromkeys(
        pair for kernel in reversed(history.kernels) for pair in combinations(_drawn_scopes(kernel), 2)
    )
    boxes = []
    for outer, inner in pairs:
        for spell in spells([_box(kernel, outer, inner) for kernel in history.kernels]):
            boxes.append(_drawn(spell, history))
    yield element("div", *boxes, class_="boxes")


def _drawn_scopes(kernel: Kernel) -> list[str]:
    """The scopes that change a mask, one of each effect, and at last a spinning lock."""
    found: dict[object, str] = {}
    for scope in kernel.scopes.values():
        if scope.family == "memalloc" and (scope.clears or scope.sets):
            found.setdefault((scope.clears, scope.sets, scope.hides), scope.name)
    atomic = next((scope.name for scope in kernel.scopes.values() if scope.atomic), None)
    return [*found.values(), *([atomic] if atomic else [])]


def _box(kernel: Kernel, outer: str, inner: str) -> Box | None:
    if outer not in kernel.scopes or inner not in kernel.scopes:
        return None
    scopes: Sequence[ScopeKind] = (kernel.scopes[outer], kernel.scopes[inner])
    names = [flag.name for flag in usual_masks(kernel)]
    alone, both = effects(kernel, scopes[:1], names), effects(kernel, scopes, names)
    lines = zip(names, alone, both, strict=True)
    alike: dict[tuple[str, str], str] = {}  # one mask for all that fare alike
    for name, outside, inside in lines:
        alike.setdefault((outside, inside), name)
    alike.pop((SAME, SAME), None)
    drawn = [(name, *said) for said, name in alike.items()]
    return Box(outer, inner, tuple(drawn[:_MOST])) if drawn else None


def _drawn(spell: Spell[Box], history: History) -> Html:
    box = spell.value
    inner = [element("div", box.inner, class_="title"), *(_line(name, both) for name, _, both in box.lines)]
    outer = [element("div", box.outer, class_="title"), *(_line(name, alone) for name, alone, _ in box.lines)]
    drawn = element("div", *outer, element("div", *inner, class_="box inner"), class_="box")
    return element("figure", drawn, element("figcaption", history.life(spell.where)), data_v=marked(spell.where))


def _line(name: str, means: str) -> Html:
    kind = "same" if means == SAME else "unsafe" if means == FORBIDDEN else "changed"
    return element("div", element("code", name), " ", element("code", means, class_=kind))
