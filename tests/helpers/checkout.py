"""This checkout, copied: its files as they are now, new ones included, without what git ignores."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

from cisystems import TOP

_LISTED = ("git", "ls-files", "-z", "--cached", "--others", "--exclude-standard")


def tracked() -> Iterator[str]:
    """The files, by their path in the checkout."""
    done = subprocess.run(_LISTED, cwd=TOP, capture_output=True, text=True, check=True)
    yield from (name for name in done.stdout.split("\0") if name and (TOP / name).is_file())


def copied(folder: Path) -> Path:
    """A copy in that folder, which is made."""
    for name in tracked():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes((TOP / name).read_bytes())
    return folder
