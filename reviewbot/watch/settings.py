"""Names what a watcher takes from config.toml: the table [watch], and a table [[list]] for each list."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from msgspec import Struct

from reviewbot.kernel import schema
from reviewbot.kernel.schema import TEXT, TEXTS, Kind, Spec
from reviewbot.memory.judged import RuleBar
from reviewbot.model.errors import ConfigError
from reviewbot.model.review import CONFIDENCES
from reviewbot.report.reply import CC

_NAME = re.compile(r"[\w.+@-]{1,100}", re.ASCII)
_FROM_0 = Kind("a whole number from 0 on", lambda value: type(value) is int and value >= 0)
_FROM_1 = Kind("a whole number above 0", lambda value: type(value) is int and value > 0)
_SPEC: Spec = {
    "name": TEXT,
    "archive": TEXT,
    "query": TEXT,
    "tree": TEXT,
    "branches": TEXTS,
    "min_confidence": CONFIDENCES,
    "cc": CC,
    "wait_hours": _FROM_0,
    "days": _FROM_1,
    "most": _FROM_1,
}


class WatchOptions(Struct, frozen=True):
    """The keys of [watch]."""

    requests: int
    contact: str
    patience_days: int
    keep_days: int
    precision: int
    judged: int
    bots: tuple[str, ...]

    @property
    def bar(self) -> RuleBar:
        """Below which record a rule is left out of drafts."""
        return RuleBar(self.precision, self.judged)


class ListOptions(Struct, frozen=True):
    """The keys of one table [[list]]; "" and () where [mail], [surface] or [tree] say it."""

    name: str
    archive: str
    query: str = ""
    tree: str = ""
    branches: tuple[str, ...] = ()
    min_confidence: str = ""
    cc: str = ""
    wait_hours: int = 24
    days: int = 7
    most: int = 5


def list_of(table: Mapping[str, Any], where: str) -> ListOptions:
    """A table under [[list]]. Raises ConfigError, which begins with `where`, for one that cannot be used."""
    schema.check_table(table, _SPEC, where, ("name", "archive"))
    if not _NAME.fullmatch(table["name"]):
        raise ConfigError(f"{where}: name must be letters, digits and any of . + @ _ -, such as linux-mm")
    if not table["archive"].strip():
        raise ConfigError(f"{where}: archive is empty: name a server's URL, a folder of mails, or lei:QUERY")
    values: dict[str, Any] = {key: tuple(value) if type(value) is list else value for key, value in table.items()}
    return ListOptions(**values)
