"""Makes a folder for temporary files where the user has them (TMPDIR) and removes it afterwards."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from reviewbot.filesystem import unfinished
from reviewbot.model.errors import InputError

_NAMED = ("TMPDIR", "TEMP", "TMP")
_USUAL = ("/tmp", "/var/tmp", "/usr/tmp")  # noqa: S108


@contextmanager
def temporary() -> Iterator[Path]:
    """Make a temporary folder and remove it with all its content afterwards. Raises InputError where none can be made.

    It is at the first place where one can be, as with Python's own `tempfile`. That one does not clear away what other
    runs have left, and leaves more itself: a file with which it tries each place. The current folder, which it takes in
    the end, may be a work tree.
    """
    with ExitStack() as stack:
        yield _first(stack, [*filter(None, map(os.environ.get, _NAMED)), *_USUAL])


def _first(stack: ExitStack, places: list[str]) -> Path:
    why = ""
    for place in places:
        try:
            return stack.enter_context(unfinished.folder(Path(place).absolute()))
        except OSError as error:
            why = why or error.strerror or str(error)  # of the place that the user has named, if any
    raise InputError(f"cannot create temporary files (check TMPDIR): {why}")
