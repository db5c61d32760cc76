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


FORMATS: Mapping[str, Format] = {
    "text": Format("terminal.text", TEXT),
    "json": Format("formats.json_v1", JSON),
    "sarif": Format("formats.sarif", JSON),
    "github": Format("formats.github", OWN),
    "gitlab": Format("formats.gitlab", JSON, unread=False),
    "junit": Format("formats.junit", XML),
    "checkstyle": Format("formats.checkstyle", XML),
    "rdjson": Format("formats.rdjson", JSON, unread=False),
    "rdjsonl": Format("formats.rdjsonl", JSON, unread=False),
}
LOCAL: Mapping[str, Format] = {"local": Format("terminal.local", TEXT), **FORMATS}  # of what is on somebody's own disk
MAIL = "mail"  # the drafts: no report, but a format of standard output all the same
NAMES = (*FORMATS, MAIL)
SURFACES = (*LOCAL, MAIL)  # each has its bar in the configuration
