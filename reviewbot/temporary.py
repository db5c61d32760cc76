"""A folder for temporary files out, where the user has them (TMPDIR); nothing of it is there afterwards."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from reviewbot import owned
from reviewbot.model import InputError


@contextmanager
def temporary() -> Iterator[Path]:
    """A folder that is gone afterwards, whatever stands in it. Raises InputError where none can be made.

    Those that other runs had no time to take away are gone as well.
    """
    with ExitStack() as stack:
        try:
            place = tempfile.gettempdir()
            if _is_last_resort(place):
                raise FileNotFoundError(0, "there is no folder for them")
            folder = stack.enter_context(owned.folder(Path(place)))
        except OSError as error:
            raise InputError(f"no temporary files can be written (TMPDIR): {error.strerror or error}") from error
        yield folder


def _is_last_resort(place: str) -> bool:
    """Whether Python found nothing better than the folder it runs in, which may be a work tree."""
    named = {os.environ.get(name) for name in ("TMPDIR", "TEMP", "TMP")}
    return place not in named | {"/tmp", "/var/tmp", "/usr/tmp"} and Path(place).samefile(".")  # noqa: S108
