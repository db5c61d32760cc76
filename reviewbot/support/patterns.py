"""Compiles regular expressions at their first use: a run needs few of those that some modules define."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

_METHODS = ("findall", "finditer", "flags", "fullmatch", "groups", "match", "pattern", "search", "split", "sub", "subn")


class _Pattern:
    """Stands for a compiled pattern; has its methods from the first use on."""

    def __init__(self, text: str | bytes, flags: int = 0) -> None:
        self._given = text, flags

    def __getattr__(self, name: str) -> Any:
        if name not in _METHODS:
            raise AttributeError(name)
        text, flags = self._given
        compiled = re.compile(text, flags)
        # found on the object itself from now on, and not here
        self.__dict__.update({method: getattr(compiled, method) for method in _METHODS})
        return getattr(compiled, name)


if TYPE_CHECKING:
    from re import compile as pattern

    __all__ = ["pattern"]
else:
    pattern = _Pattern
