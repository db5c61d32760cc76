"""Reviews Linux kernel patches for one thing: what a memory allocation may do where it stands.

    kernel, rules = reviewbot.load([reviewbot.data_path("rules")], (6, 12))
    series = reviewbot.newest([Path("a.eml").read_bytes()])
    for reviewed in reviewbot.Engine(kernel, rules).review(series).patches:
        print(reviewed.findings, reviewed.unread)

The command line, as a function, is reviewbot.cli.main.main. Public names are imported on first use. The tree of errors
is in reviewbot.model.errors.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from reviewbot.config import data_path
    from reviewbot.kernel.rules import load
    from reviewbot.mail.series import newest
    from reviewbot.model.errors import ReviewbotError
    from reviewbot.model.patch import Series
    from reviewbot.model.review import Finding, Review
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

_HOMES = {
    "Engine": "review.engine",
    "Finding": "model.review",
    "Review": "model.review",
    "ReviewbotError": "model.errors",
    "Series": "model.patch",
    "data_path": "config",
    "load": "kernel.rules",
    "newest": "mail.series",
}


def __getattr__(name: str) -> object:
    """Import a public name from the module it lives in."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"reviewbot.{_HOMES[name]}"), name)
