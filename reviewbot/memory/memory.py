"""Opens the memory: one SQLite file of this user, which several runs may use at once.

What is written inside of writing() is there as a whole or not at all, whoever is killed.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Self

from reviewbot.filesystem.database import Database
from reviewbot.filesystem.files import reason_of
from reviewbot.memory.schema import STEPS
from reviewbot.model.errors import ConfigError, InputError

NAME = "memory.sqlite"


def memory_path(env: Mapping[str, str]) -> Path:
    """The file of the memory by the environment: in the folder of state that the XDG specification has.

    Raises ConfigError where there is no home folder.
    """
    state = env.get("XDG_STATE_HOME") or (f"{env['HOME']}/.local/state" if env.get("HOME") else "")
    if not state:
        raise ConfigError("no place for the memory: set HOME or XDG_STATE_HOME, or file under [memory] in config.toml")
    return Path(state, "reviewbot", NAME)


class Memory:
    """A memory that was opened, also as a context manager. What reads and writes raises what Database raises."""

    def __init__(self, database: Database, path: Path) -> None:
        self.path = path
        self._db = database

    @classmethod
    def open(cls, path: Path) -> Self:
        """The memory in a file, made where there is none; only this user can read it.

        Raises InputError where it cannot be written, ConfigError where the file is something else.
        """
        try:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
        except OSError as error:
            raise InputError(f"the memory {path} cannot be written: {reason_of(error)}") from error
        return cls(Database.keep(path, STEPS), path)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._db.close()

    def writing(self) -> AbstractContextManager[None]:
        """See Database.writing()."""
        return self._db.writing()

    def rows(self, question: str, *values: object) -> list[Any]:
        """The rows that answer a question."""
        return self._db.rows(question, values)

    def run(self, statement: str, *values: object) -> int:
        """Run a statement inside of writing(); gives the number of the row that it has added, 0 for none."""
        return self._db.run(statement, values)
