"""Keeps what reviews with an index have read of functions in one SQLite file beside it; see program/recorded/.

Nothing depends on the file: where it cannot be read or written, or is damaged, everything is worked out again.
"""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

from reviewbot.filesystem.database import Database
from reviewbot.index import place
from reviewbot.model.errors import DamagedDatabase, InputError

FORMAT = 1
_AT_ONCE = 400  # records that wait to be written
_MOST_BYTES = 256 << 20  # of the records; above that the older half of them is deleted
_SCHEMA = (
    "CREATE TABLE records (number INTEGER PRIMARY KEY AUTOINCREMENT, key BLOB NOT NULL UNIQUE, data BLOB NOT NULL)",
)
_OLDER = "DELETE FROM records WHERE number <= (SELECT (MIN(number) + MAX(number)) / 2 FROM records)"


class RecordFile:
    """The records in a file, which is made when it is first asked; see Records.

    It is opened again in another process.
    """

    def __init__(self, path: Path, most: int = _MOST_BYTES) -> None:
        self._path, self._most = path, most
        self._process = 0
        self._opened: list[Database] = []  # those of the processes that have begun this one: they are not to be closed
        self._db: Database | None = None
        self._waiting: dict[bytes, bytes] = {}

    def find(self, key: bytes) -> bytes | None:
        """See Records."""
        self._open()
        if key in self._waiting or self._db is None:
            return self._waiting.get(key)
        try:
            found = self._db.rows("SELECT data FROM records WHERE key = ?", (key,))
        except DamagedDatabase:
            self._give_up()
            return None
        return found[0][0] if found and isinstance(found[0][0], bytes) else None

    def keep(self, key: bytes, data: bytes) -> None:
        """See Records."""
        self._open()
        if self._db is not None:
            self._waiting[key] = data
            if len(self._waiting) >= _AT_ONCE:
                self.settle()

    def settle(self) -> None:
        """See Records."""
        if self._process != os.getpid() or self._db is None or not self._waiting:
            return
        try:
            with self._db.writing():
                self._db.run_all("INSERT OR REPLACE INTO records (key, data) VALUES (?, ?)", [*self._waiting.items()])
                if self._bytes(self._db) > self._most:
                    self._db.run(_OLDER)
            self._waiting.clear()
        except DamagedDatabase:
            self._give_up()
        except InputError:  # no room, or nobody may write there: what there is may be read all the same
            self._waiting.clear()

    @staticmethod
    def _bytes(database: Database) -> int:
        """The bytes of what is there; what was deleted leaves room in the file."""
        ((pages,),), ((free,),), ((size,),) = (
            database.rows(f"PRAGMA {name}") for name in ("page_count", "freelist_count", "page_size")
        )
        return int((pages - free) * size)

    def _open(self) -> None:
        if self._process == os.getpid():
            return
        self._process, self._waiting = os.getpid(), {}
        self._opened += [self._db] if self._db is not None else []
        self._db = None
        try:
            place.prepared(self._path)
            self._db = Database.make(self._path, FORMAT, _SCHEMA)
        except (InputError, OSError):
            self._db = self._read_only()
        except DamagedDatabase:
            self._give_up()

    def _read_only(self) -> Database | None:
        try:
            return Database.open(self._path, FORMAT)
        except DamagedDatabase:
            return None

    def _give_up(self) -> None:
        """Have no records any more in this run; the next one begins with none."""
        self._db = None
        self._waiting.clear()
        with suppress(OSError):
            place.removed(self._path)
