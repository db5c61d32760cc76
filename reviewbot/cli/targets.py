"""Parses --format and --output: which report goes where."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from reviewbot.model.errors import UsageError
from reviewbot.report.registry import NAMES

STDOUT = "-"


class Target(NamedTuple):
    """A report to write. `path`: None for standard output."""

    format: str
    path: Path | None


def targets(chosen: str | None, outputs: Sequence[str], names: Sequence[str] = NAMES) -> tuple[Target, ...]:
    """The reports to write: the one for standard output, by default in the first format of `names`; then the files.

    `chosen`: the value of --format; `outputs`: those of --output. Raises UsageError for an unknown format, and if two
    reports would go to the same place.
    """
    asked = [_parsed(output, names) for output in outputs]
    printed = [Target(chosen, None)] if chosen is not None else []
    printed += [target for target in asked if target.path is None]
    if len(printed) > 1:
        raise UsageError(f"both {printed[0].format} and {printed[1].format} would go to standard output")
    files: dict[Path, Target] = {}
    for target in asked:
        if target.path is not None and files.setdefault(target.path.absolute(), target) is not target:
            raise UsageError(f"--output: two reports would be written to {target.path}")
    return (*(printed or [Target(names[0], None)]), *files.values())


def _parsed(output: str, names: Sequence[str]) -> Target:
    name, equals, path = output.partition("=")
    if not equals or not path:
        raise UsageError(f"--output {output}: write it FORMAT=FILE, such as sarif=review.sarif")
    if name not in names:
        raise UsageError(f"--output {output}: no format {name!r}; there are {', '.join(names)}")
    return Target(name, None if path == STDOUT else Path(path))
