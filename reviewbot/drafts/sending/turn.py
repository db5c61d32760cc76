"""Lets one run at a time hand out drafts, and one that was cut short only be followed when nothing of it runs on."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from reviewbot.filesystem.files import reason_of
from reviewbot.model.errors import InputError


@contextmanager
def sending_turn(memory: Path) -> Iterator[int]:
    """Take the lock beside a memory. The descriptor is for programs that go on alone when this one is ended.

    Raises InputError where another run has it, or what an ended run has started.
    """
    path = memory.with_name(f"{memory.name}.sending")
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise InputError(f"{path} cannot be written: {reason_of(error)}") from error
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise InputError("drafts are being sent by another run, or git send-email still works for one") from error
        except OSError:
            pass  # a file system without locks: the outbox alone keeps two runs apart
        yield descriptor
    finally:
        os.close(descriptor)
