"""reviewbot: what a memory allocation may do where it stands, for Linux kernel patches.

    kernel, rules = reviewbot.load([reviewbot.data_path("rules")], (6, 12))
    series = reviewbot.newest([Path("a.eml").read_bytes()])
    for reviewed in reviewbot.Engine(kernel, rules).review(series).patches:
        print(reviewed.findings, reviewed.unread)

The command line as a function, for any streams, is reviewbot.cli.main.main.
Nothing here is imported before it is asked for. Errors are drawn in reviewbot.model.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from reviewbot.config import data_path
    from reviewbot.kernel.rules import load
    from reviewbot.mail.series import newest
    from reviewbot.model import Finding, Review, ReviewbotError, Series
    from reviewbot.review.engine import Engine

__version__ = "0.1.0"
__all__ = [
    "Engine",
    "Finding",
    "Review",
    "ReviewbotError",
    "Series",
    "__version__",
    "data_path",
    "load",
    "newest",
]

_HOMES = {"data_path": "config", "Engine": "review.engine", "load": "kernel.rules", "newest": "mail.series"}


def __getattr__(name: str) -> object:
    """Import a public name from the module it lives in; those with no home of their own are nouns of the model."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"reviewbot.{_HOMES.get(name, 'model')}"), name)
