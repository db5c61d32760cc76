"""Opens a file of SQLite, reads from it and writes to it: what is written at once is there as a whole, or not at all.

A file has a format, a number of its own (PRAGMA user_version); one of another format is none.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any, Self

from reviewbot.model.errors import ConfigError, DamagedDatabase, InputError

_PATIENCE = 30  # seconds for another run to end what it writes


class Database:
    """A file that was opened. Close it.

    What reads and writes raises DamagedDatabase; what writes, InputError where the disk or somebody does not let it.
    """

    def __init__(self, connection: sqlite3.Connection, path: Path) -> None:
        self._connection, self._path = connection, path

    @classmethod
    def open(cls, path: Path, form: int) -> Self | None:
        """A file to read, None where there is none of this format."""
        if not path.is_file():
            return None
        with _reading():
            connection = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=_PATIENCE)
            if _format(connection) == form:
                return cls(connection, path)
            connection.close()
        return None

    @classmethod
    def make(cls, path: Path, form: int, schema: Sequence[str]) -> Self:
        """A file to write, a new one where there is none; `schema`: the statements that make its tables."""
        with _storing(path):
            made = cls(sqlite3.connect(path, timeout=_PATIENCE, isolation_level=None), path)
            with suppress(sqlite3.OperationalError):  # some file systems have no memory to share
                made._connection.execute("PRAGMA journal_mode = WAL")
            made._connection.execute("PRAGMA synchronous = NORMAL")
        with made.writing():
            if _format(made._connection) != form:
                for statement in schema:
                    made.run(statement)
                made.run(f"PRAGMA user_version = {form}")
        return made

    @classmethod
    def keep(cls, path: Path, steps: Sequence[Sequence[str]]) -> Self:
        """A file of state, brought to the newest format: step 1 makes it, each other one takes it to the next.

        Before a format changes, a copy is made beside it. Raises ConfigError for a file of a newer format, and for what
        is no such file.
        """
        with _storing(path):
            kept = cls(sqlite3.connect(path, timeout=_PATIENCE, isolation_level=None), path)
            try:
                with suppress(sqlite3.OperationalError):
                    kept._connection.execute("PRAGMA journal_mode = WAL")
                kept._connection.execute("PRAGMA synchronous = FULL")
                kept._advance(steps)
            except (sqlite3.DatabaseError, DamagedDatabase) as error:
                kept.close()
                if isinstance(error, sqlite3.OperationalError):
                    raise
                raise ConfigError(f"{path} is no memory of reviewbot, or a damaged one: {error}") from error
            except ConfigError:
                kept.close()
                raise
        return kept

    def _advance(self, steps: Sequence[Sequence[str]]) -> None:
        form = _format(self._connection)
        if form == len(steps):
            return
        if form > len(steps):
            raise ConfigError(f"{self._path} was written by a newer reviewbot (format {form}): update this one")
        if form:
            copy = self._path.with_name(f"{self._path.name}.{form}")
            copy.unlink(missing_ok=True)
            self._connection.execute("VACUUM INTO ?", (str(copy),))
        with self.writing():
            # another run may have done it meanwhile
            for number in range(_format(self._connection), len(steps)):
                for statement in steps[number]:
                    self.run(statement)
            self.run(f"PRAGMA user_version = {len(steps)}")

    def close(self) -> None:
        """Close the file."""
        self._connection.close()

    def rows(self, question: str, values: Iterable[object] = ()) -> list[Any]:
        """The rows that answer a question."""
        with _reading():
            return self._connection.execute(question, tuple(values)).fetchall()

    def run(self, statement: str, values: Iterable[object] = ()) -> int:
        """Run a statement inside of writing(); gives the number of the row that it has added, 0 for none."""
        return self._connection.execute(statement, tuple(values)).lastrowid or 0

    def run_all(self, statement: str, rows: Iterable[Sequence[object]]) -> None:
        """Run a statement for each of some rows, inside of writing()."""
        self._connection.executemany(statement, rows)

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Everything that is run inside is written at the end, nothing of it where that is not reached."""
        with _storing(self._path):
            try:
                self._connection.execute("BEGIN IMMEDIATE")
                yield
                self._connection.execute("COMMIT")
            finally:
                if self._connection.in_transaction:
                    with suppress(sqlite3.Error):
                        self._connection.execute("ROLLBACK")


@contextmanager
def _storing(path: Path) -> Iterator[None]:
    try:
        yield
    except sqlite3.DatabaseError as error:
        # a table that is not there is no fault of the disk
        if isinstance(error, sqlite3.OperationalError) and error.sqlite_errorcode != sqlite3.SQLITE_ERROR:
            raise InputError(f"{path} cannot be written: {error}") from error
        raise DamagedDatabase(str(error)) from error


@contextmanager
def _reading() -> Iterator[None]:
    try:
        yield
    except sqlite3.DatabaseError as error:
        raise DamagedDatabase(str(error)) from error


def _format(connection: sqlite3.Connection) -> int:
    with closing(connection.execute("PRAGMA user_version")) as found:
        return int(found.fetchone()[0])
