"""A function's steps in, what holds at each of them out; `worlds` is what is known, `gates` what calls open."""

from __future__ import annotations

from reviewbot.csource.steps import UNUSED
from reviewbot.flow.conditions import normal, settled
from reviewbot.flow.filemasks import file_masks
from reviewbot.flow.gates import Lookup, argument, is_local, token_of
from reviewbot.flow.macrocalls import macro_allocators
from reviewbot.flow.reaching import Reaching
from reviewbot.flow.walk import Flow
from reviewbot.flow.worlds import OTHER, UNKNOWN, Event, Open, World

__all__ = [
    "OTHER",
    "UNKNOWN",
    "UNUSED",
    "Event",
    "Flow",
    "Lookup",
    "Open",
    "Reaching",
    "World",
    "argument",
    "file_masks",
    "is_local",
    "macro_allocators",
    "normal",
    "settled",
    "token_of",
]
