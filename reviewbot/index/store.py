"""Keeps the words of files in one SQLite file: what each content says, which contents name what, and trees of them.

A content is known by its key, see content_key(), and has a number. What is written at once is there as a whole or not
at all, whoever is killed; a reader sees what was written last while another run writes.
"""

from __future__ import annotations

import sqlite3
import time
from array import array
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from itertools import count
from pathlib import Path
from typing import Any, NamedTuple, Self

from reviewbot.index.serialized import FORMAT, from_bytes
from reviewbot.model.errors import InputError
from reviewbot.review.neighbourhood.function_words import FileWords
from reviewbot.review.neighbourhood.word_tables import UnreadableWords

KINDS = DEFINES, CALLS, RUNS, MACROS = range(4)  # what a content does with a name
_MOST_TREES = 4  # the ones that were indexed last
_PATIENCE = 30  # seconds for another run to end what it writes
_TABLES = (
    "contents (number INTEGER PRIMARY KEY, key BLOB NOT NULL UNIQUE, words BLOB NOT NULL)",
    # of the lists of contents in `names`, one for each time that some were added; `last`: the last number given by then
    "parts (part INTEGER PRIMARY KEY, last INTEGER NOT NULL)",
    "names (name TEXT NOT NULL, kind INTEGER NOT NULL, part INTEGER NOT NULL, contents BLOB NOT NULL,"
    " PRIMARY KEY (name, kind, part)) WITHOUT ROWID",
    "trees (number INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, called TEXT NOT NULL, made INTEGER NOT NULL,"
    " files INTEGER NOT NULL)",
    "work (called TEXT NOT NULL, before INTEGER NOT NULL, fresh INTEGER NOT NULL)",  # a row at most
    "places (tree INTEGER NOT NULL, path TEXT NOT NULL, content INTEGER NOT NULL,"
    " PRIMARY KEY (tree, path)) WITHOUT ROWID",
)


class IndexedTree(NamedTuple):
    """A tree that is in the index as a whole. `called`: how the user named it; `made`: when, in seconds since 1970."""

    number: int
    id: str
    called: str
    made: int
    files: int


class IndexingWork(NamedTuple):
    """A tree that is not there as a whole yet: how many contents were there before, and how many it adds."""

    called: str
    before: int
    fresh: int


class ReadContent(NamedTuple):
    """A content that was read: its key, its words as bytes, and the names in it, a collection for each of KINDS."""

    key: bytes
    words: bytes
    names: Sequence[Collection[str]]


class DamagedIndex(UnreadableWords):
    """The file holds no index, or not a whole one, or cannot be read."""


def content_key(path: str, id_: str) -> bytes:
    """The key of a file's content: what a header defines is for others, so it counts as another one."""
    return bytes.fromhex(id_) + (b"h" if path.endswith(".h") else b"c")


class Store:
    """The index in a file. Close it. What reads raises DamagedIndex, what writes InputError as well."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._db = connection

    @classmethod
    def open(cls, path: Path) -> Self | None:
        """An index to read, None where there is none."""
        if not path.is_file():
            return None
        with _reading():
            connection = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=_PATIENCE)
            if _format(connection) == FORMAT:
                return cls(connection)
            connection.close()
        return None

    @classmethod
    def make(cls, path: Path) -> Self:
        """An index to write, a new one where there is none."""
        with _storing():
            store = cls(sqlite3.connect(path, timeout=_PATIENCE, isolation_level=None))
            with suppress(sqlite3.OperationalError):  # some file systems have no memory to share
                store._db.execute("PRAGMA journal_mode = WAL")
            store._db.execute("PRAGMA synchronous = NORMAL")
        with store._writing():
            if _format(store._db) != FORMAT:
                for table in _TABLES:
                    store._db.execute(f"CREATE TABLE {table}")
                store._db.execute("CREATE INDEX places_of ON places (tree, content)")
                store._db.execute(f"PRAGMA user_version = {FORMAT}")
        return store

    def close(self) -> None:
        """Close the file."""
        self._db.close()

    def numbers(self, keys: Collection[bytes]) -> dict[bytes, int]:
        """The numbers of those contents that are there, by key."""
        rows = ((key, self._rows("SELECT number FROM contents WHERE key = ?", (key,))) for key in keys)
        return {key: found[0][0] for key, found in rows if found}

    def words(self, number: int) -> FileWords:
        """What a content says."""
        for (data,) in self._rows("SELECT words FROM contents WHERE number = ?", (number,)):
            try:
                return from_bytes(data)
            except ValueError as error:
                raise DamagedIndex(str(error)) from error
        raise DamagedIndex(f"it has no content {number}")

    def naming(self, name: str, kind: int) -> Sequence[int]:
        """The numbers of the contents that do something with a name, see KINDS."""
        rows = self._rows("SELECT contents FROM names WHERE name = ? AND kind = ?", (name, kind))
        return [number for (numbers,) in rows for number in array("I", numbers)]

    def trees(self) -> Sequence[IndexedTree]:
        """The trees that are there as a whole, the last one first."""
        rows = self._rows("SELECT number, id, called, made, files FROM trees ORDER BY made DESC, number DESC")
        return [IndexedTree(*row) for row in rows]

    def content_at(self, tree: int, path: str) -> int | None:
        """The number of the content at a path of a tree, None where nothing is there."""
        rows = self._rows("SELECT content FROM places WHERE tree = ? AND path = ?", (tree, path))
        return rows[0][0] if rows else None

    def paths_of(self, tree: int, content: int) -> Sequence[str]:
        """The paths at which a tree has a content."""
        return [row[0] for row in self._rows("SELECT path FROM places WHERE tree = ? AND content = ?", (tree, content))]

    def progress(self) -> tuple[int, IndexingWork | None]:
        """How many contents there are, and what a run is at, or was when it was stopped."""
        ((contents,),) = self._rows("SELECT COUNT(*) FROM contents")
        rows = self._rows("SELECT called, before, fresh FROM work")
        return contents, IndexingWork(*rows[0]) if rows else None

    def begin(self, called: str, fresh: int) -> None:
        """Say what will be added."""
        with self._writing():
            self._db.execute("DELETE FROM work")
            self._db.execute("INSERT INTO work SELECT ?, COUNT(*), ? FROM contents", (called, fresh))

    def add(self, contents: Sequence[ReadContent]) -> None:
        """Add contents. Those that are there by now stay as they are."""
        with self._writing():
            known = self.numbers([one.key for one in contents])
            fresh = {one.key: one for one in contents if one.key not in known}
            # a number is never given twice: in `names` stand those of contents that are gone as well
            ((part, last),) = self._rows("SELECT COALESCE(MAX(part), 0) + 1, COALESCE(MAX(last), 0) FROM parts")
            numbered = list(zip(count(last + 1), fresh.values(), strict=False))
            rows = ((number, one.key, one.words) for number, one in numbered)
            self._db.executemany("INSERT INTO contents VALUES (?, ?, ?)", rows)
            self._db.execute("INSERT INTO parts VALUES (?, ?)", (part, last + len(numbered)))
            names = ((*key, part, numbers) for key, numbers in _by_name(numbered))
            self._db.executemany("INSERT INTO names VALUES (?, ?, ?, ?)", names)

    def add_tree(self, id_: str, called: str, places: Mapping[str, bytes]) -> None:
        """Add a tree whose contents are all there, given by path, and forget the oldest where there are too many."""
        with self._writing():
            known = self.numbers({*places.values()})
            self._db.execute("DELETE FROM work")
            made = self._db.execute(
                "INSERT INTO trees (id, called, made, files) VALUES (?, ?, ?, ?)",
                (id_, called, int(time.time()), len(places)),
            )
            rows = ((made.lastrowid, path, known[places[path]]) for path in sorted(places))
            self._db.executemany("INSERT INTO places VALUES (?, ?, ?)", rows)
            for old in self.trees()[_MOST_TREES:]:
                self._db.execute("DELETE FROM trees WHERE number = ?", (old.number,))
            self._db.execute("DELETE FROM places WHERE tree NOT IN (SELECT number FROM trees)")
            self._db.execute("DELETE FROM contents WHERE number NOT IN (SELECT content FROM places)")

    def touch(self, id_: str, called: str) -> None:
        """Say that a tree was asked for again."""
        with self._writing():
            self._db.execute("UPDATE trees SET called = ?, made = ? WHERE id = ?", (called, int(time.time()), id_))

    def _rows(self, question: str, values: Iterable[object] = ()) -> list[Any]:
        with _reading():
            return self._db.execute(question, tuple(values)).fetchall()

    @contextmanager
    def _writing(self) -> Iterator[None]:
        with _storing():
            try:
                self._db.execute("BEGIN IMMEDIATE")
                yield
                self._db.execute("COMMIT")
            finally:
                if self._db.in_transaction:
                    with suppress(sqlite3.Error):
                        self._db.execute("ROLLBACK")


@contextmanager
def _storing() -> Iterator[None]:
    try:
        yield
    except sqlite3.DatabaseError as error:
        # a table that is not there is no fault of the disk
        if isinstance(error, sqlite3.OperationalError) and error.sqlite_errorcode != sqlite3.SQLITE_ERROR:
            raise InputError(f"the index cannot be written: {error}") from error
        raise DamagedIndex(str(error)) from error


@contextmanager
def _reading() -> Iterator[None]:
    try:
        yield
    except sqlite3.DatabaseError as error:
        raise DamagedIndex(str(error)) from error


def _format(connection: sqlite3.Connection) -> int:
    with closing(connection.execute("PRAGMA user_version")) as found:
        return int(found.fetchone()[0])


def _by_name(contents: Iterable[tuple[int, ReadContent]]) -> Iterator[tuple[tuple[str, int], bytes]]:
    """For each name and kind the numbers of the contents, as bytes, in the order of the table."""
    names: defaultdict[tuple[str, int], array[int]] = defaultdict(lambda: array("I"))
    for number, one in contents:
        for kind in KINDS:
            for name in one.names[kind]:
                names[name, kind].append(number)
    for key in sorted(names):
        yield key, names[key].tobytes()
