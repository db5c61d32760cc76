"""Lists the formats of --format and --output, for every command, and renders a review in one of them.

A renderer is a module of this package with `render(review, context) -> str`, imported when it is first used.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import TYPE_CHECKING

from msgspec import Struct

from reviewbot.support.ci_commands import JSON, OWN, TEXT, XML, disarmed

if TYPE_CHECKING:
    from reviewbot.model.review import Review
    from reviewbot.report.remarks import ReportContext


class Format(Struct, frozen=True):
    """A format. `module`: its renderer, below reviewbot.report; `unread`: whether it can say what was not read.

    `spelling`: how CI commands in it are disarmed; see support.ci_commands.disarmed().
    """

    module: str
    spelling: str
    unread: bool = True

    def render(self, review: Review, frame: ReportContext) -> str:
        """The whole report, "" where the format says nothing of a clean review."""
        made: Callable[[Review, ReportContext], str] = import_module(f"reviewbot.report.{self.module}").render
        return disarmed(made(review, frame), self.spelling)


_LOCAL = "local"
MAIL = "mail"
KCIDB = "kcidb"
# all that remarks go to by --format; the configuration has a bar for each, in this order
_EVERY: Mapping[str, Format | None] = {
    "text": Format("terminal.text", TEXT),
    _LOCAL: Format("terminal.local", TEXT),
    "json": Format("formats.json_v1", JSON),
    MAIL: None,  # the drafts: no report, but a format of standard output all the same
    "sarif": Format("formats.sarif", JSON),
    "github": Format("formats.github", OWN),
    "gitlab": Format("formats.gitlab", JSON, unread=False),
    "junit": Format("formats.junit", XML),
    "checkstyle": Format("formats.checkstyle", XML),
    "rdjson": Format("formats.rdjson", JSON, unread=False),
    "html": Format("html.review", XML),
    "rdjsonl": Format("formats.rdjsonl", JSON, unread=False),
    KCIDB: Format("kcidb.submission", JSON),
}
_REPORTS = {name: one for name, one in _EVERY.items() if one is not None}
FORMATS: Mapping[str, Format] = {name: one for name, one in _REPORTS.items() if name != _LOCAL}
LOCAL: Mapping[str, Format] = {_LOCAL: _REPORTS[_LOCAL], **FORMATS}  # of what is on somebody's own disk
NAMES = (*FORMATS, MAIL)
SURFACES = tuple(_EVERY)
