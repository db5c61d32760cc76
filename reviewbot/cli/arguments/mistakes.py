"""Makes one line of what argparse says of a mistake in the command line, with the nearest right word.

Imports nothing that takes time: difflib is wanted only where there is a mistake.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

_CHOICE = re.compile(
    r"argument (?P<what>.{1,200}?): invalid choice: '(?P<given>.{0,200}?)' \(choose from (?P<known>.*)\)"
)
_OPTIONS = re.compile(r"unrecognized arguments: (?P<given>.*)")
_ONE_OF = re.compile(r"one of the arguments (?P<known>.*) is required")
_COMMAND = "COMMAND"


def plain(message: str, options: Iterable[str]) -> str:
    """What is wrong and what may have been meant. `message`: argparse's; `options`: those of the command."""
    if (choice := _CHOICE.fullmatch(message)) is not None:
        known = re.findall(r"[\w.-]+", choice["known"])
        if choice["what"] == _COMMAND:
            return f"no command {choice['given']!r}{_near(choice['given'], known)}"
        listed = "" if _nearest(choice["given"], known) else f" (one of {', '.join(known)})"
        return f"{choice['what']}: no value {choice['given']!r}{_near(choice['given'], known)}{listed}"
    if (unknown := _OPTIONS.fullmatch(message)) is not None:
        first = unknown["given"].split(" ")[0]
        if first.startswith("-"):
            name = first.partition("=")[0]
            return f"no option {name}{_near(name, [each for each in options if each.startswith('--')])}"
        return f"too many arguments: {unknown['given']}"
    if (one_of := _ONE_OF.fullmatch(message)) is not None:
        return f"missing: {' or '.join(one_of['known'].split())}"
    return message.replace("the following arguments are required: ", "missing: ").removeprefix("argument ")


def _near(given: str, known: Iterable[str]) -> str:
    nearest = _nearest(given, known)
    return f"; did you mean {nearest}?" if nearest else ""


def _nearest(given: str, known: Iterable[str]) -> str:
    """The word that was probably meant, "" if none is like it."""
    from difflib import get_close_matches

    return next(iter(get_close_matches(given[:80].casefold(), list(known), 1, 0.6)), "")
