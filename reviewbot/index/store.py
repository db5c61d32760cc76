"""Keeps the words of files in one SQLite file: what each content says, which contents name what, and trees of them.

A content is known by its key, see content_key(), and has a number. What is written at once is there as a whole or not
at all, whoever is killed; a reader sees what was written last while another run writes.
"""

from __future__ import annotations

import time
from array import array
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from itertools import count
from pathlib import Path
from typing import NamedTuple, Self

from reviewbot.filesystem.database import Database
from reviewbot.index.serialized import FORMAT, from_bytes
from reviewbot.model.errors import DamagedDatabase
from reviewbot.review.neighbourhood.function_words import FileWords

# what a content does with a name
KINDS = range(13)
DEFINES, CALLS, RUNS, MACROS, LOCKS, WAITS, STRUCTURES, POINTERS, PUTS, THROUGH, STORES, TAKERS, GIVERS = KINDS
_MOST_TREES = 4  # the ones that were indexed last
_SCHEMA = (
    "CREATE TABLE contents (number INTEGER PRIMARY KEY, key BLOB NOT NULL UNIQUE, words BLOB NOT NULL)",
    # of the lists of contents in `names`, one for each time that some were added; `last`: the last number given by then
    "CREATE TABLE parts (part INTEGER PRIMARY KEY, last INTEGER NOT NULL)",
    "CREATE TABLE names (name TEXT NOT NULL, kind INTEGER NOT NULL, part INTEGER NOT NULL, contents BLOB NOT NULL,"
    " PRIMARY KEY (name, kind, part)) WITHOUT ROWID",
    # their names are asked for all at once
    "CREATE INDEX helpers ON names (kind, name) WHERE kind >= 11",
    "CREATE TABLE trees (number INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, called TEXT NOT NULL,"
    " made INTEGER NOT NULL, files INTEGER NOT NULL)",
    "CREATE TABLE work (called TEXT NOT NULL, before INTEGER NOT NULL, fresh INTEGER NOT NULL)",  # a row at most
    "CREATE TABLE places (tree INTEGER NOT NULL, path TEXT NOT NULL, content INTEGER NOT NULL,"
    " PRIMARY KEY (tree, path)) WITHOUT ROWID",
    "CREATE INDEX places_of ON places (tree, content)",
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


def content_key(path: str, id_: str) -> bytes:
    """The key of a file's content: what a header defines is for others, so it counts as another one."""
    return bytes.fromhex(id_) + (b"h" if path.endswith(".h") else b"c")


class Store:
    """The index in a file; see Database for what is raised. Close it."""

    def __init__(self, database: Database) -> None:
        self._db = database

    @classmethod
    def open(cls, path: Path) -> Self | None:
        """An index to read, None where there is none."""
        found = Database.open(path, FORMAT)
        return cls(found) if found is not None else None

    @classmethod
    def make(cls, path: Path) -> Self:
        """An index to write, a new one where there is none."""
        return cls(Database.make(path, FORMAT, _SCHEMA))

    def close(self) -> None:
        """Close the file."""
        self._db.close()

    def numbers(self, keys: Collection[bytes]) -> dict[bytes, int]:
        """The numbers of those contents that are there, by key."""
        rows = ((key, self._db.rows("SELECT number FROM contents WHERE key = ?", (key,))) for key in keys)
        return {key: found[0][0] for key, found in rows if found}

    def content_id(self, number: int) -> str:
        """The id of a content."""
        for (key,) in self._db.rows("SELECT key FROM contents WHERE number = ?", (number,)):
            return bytes(key[:-1]).hex()
        raise DamagedDatabase(f"it has no content {number}")

    def words(self, number: int) -> FileWords:
        """What a content says."""
        for (data,) in self._db.rows("SELECT words FROM contents WHERE number = ?", (number,)):
            try:
                return from_bytes(data)
            except ValueError as error:
                raise DamagedDatabase(str(error)) from error
        raise DamagedDatabase(f"it has no content {number}")

    def naming(self, name: str, kind: int) -> Sequence[int]:
        """The numbers of the contents that do something with a name, see KINDS."""
        rows = self._db.rows("SELECT contents FROM names WHERE name = ? AND kind = ?", (name, kind))
        return [number for (numbers,) in rows for number in array("I", numbers)]

    def beginning(self, start: str, kind: int, most: int) -> Sequence[str]:
        """Up to so many of the names that begin so and that a content does something with, see KINDS."""
        rows = self._db.rows(
            "SELECT DISTINCT name FROM names WHERE name >= ? AND name < ? AND kind = ? LIMIT ?",
            (start, start + chr(0x10FFFF), kind, most),
        )
        return [row[0] for row in rows]

    def helpers(self, kind: int) -> frozenset[str]:
        """The names of all functions and macros that take a lock for others, or give one back: TAKERS or GIVERS."""
        rows = self._db.rows("SELECT DISTINCT name FROM names WHERE kind >= 11 AND kind = ?", (kind,))
        return frozenset(row[0] for row in rows)

    def trees(self) -> Sequence[IndexedTree]:
        """The trees that are there as a whole, the last one first."""
        rows = self._db.rows("SELECT number, id, called, made, files FROM trees ORDER BY made DESC, number DESC")
        return [IndexedTree(*row) for row in rows]

    def content_at(self, tree: int, path: str) -> int | None:
        """The number of the content at a path of a tree, None where nothing is there."""
        rows = self._db.rows("SELECT content FROM places WHERE tree = ? AND path = ?", (tree, path))
        return rows[0][0] if rows else None

    def paths_of(self, tree: int, contents: Sequence[int]) -> Sequence[str]:
        """The paths at which a tree has some contents, by their numbers."""
        question = (  # the numbers as one array: one question costs as much as another
            "SELECT places.path FROM json_each(?) AS asked CROSS JOIN places"
            " WHERE tree = ? AND content = asked.value ORDER BY content, places.path"
        )
        return [row[0] for row in self._db.rows(question, (str([*contents]), tree))] if contents else []

    def progress(self) -> tuple[int, IndexingWork | None]:
        """How many contents there are, and what a run is at, or was when it was stopped."""
        ((contents,),) = self._db.rows("SELECT COUNT(*) FROM contents")
        rows = self._db.rows("SELECT called, before, fresh FROM work")
        return contents, IndexingWork(*rows[0]) if rows else None

    def begin(self, called: str, fresh: int) -> None:
        """Say what will be added."""
        with self._db.writing():
            self._db.run("DELETE FROM work")
            self._db.run("INSERT INTO work SELECT ?, COUNT(*), ? FROM contents", (called, fresh))

    def add(self, contents: Sequence[ReadContent]) -> None:
        """Add contents. Those that are there by now stay as they are."""
        with self._db.writing():
            known = self.numbers([one.key for one in contents])
            fresh = {one.key: one for one in contents if one.key not in known}
            # a number is never given twice: in `names` stand those of contents that are gone as well
            ((part, last),) = self._db.rows("SELECT COALESCE(MAX(part), 0) + 1, COALESCE(MAX(last), 0) FROM parts")
            numbered = list(zip(count(last + 1), fresh.values(), strict=False))
            rows = ((number, one.key, one.words) for number, one in numbered)
            self._db.run_all("INSERT INTO contents VALUES (?, ?, ?)", rows)
            self._db.run("INSERT INTO parts VALUES (?, ?)", (part, last + len(numbered)))
            names = ((*key, part, numbers) for key, numbers in _by_name(numbered))
            self._db.run_all("INSERT INTO names VALUES (?, ?, ?, ?)", names)

    def add_tree(self, id_: str, called: str, places: Mapping[str, bytes]) -> None:
        """Add a tree whose contents are all there, given by path, and forget the oldest where there are too many."""
        with self._db.writing():
            known = self.numbers({*places.values()})
            self._db.run("DELETE FROM work")
            self._db.run("DELETE FROM trees WHERE id = ?", (id_,))  # it may have been added without some files
            number = self._db.run(
                "INSERT INTO trees (id, called, made, files) VALUES (?, ?, ?, ?)",
                (id_, called, int(time.time()), len(places)),
            )
            rows = ((number, path, known[places[path]]) for path in sorted(places))
            self._db.run_all("INSERT INTO places VALUES (?, ?, ?)", rows)
            for old in self.trees()[_MOST_TREES:]:
                self._db.run("DELETE FROM trees WHERE number = ?", (old.number,))
            self._db.run("DELETE FROM places WHERE tree NOT IN (SELECT number FROM trees)")
            self._db.run("DELETE FROM contents WHERE number NOT IN (SELECT content FROM places)")

    def touch(self, id_: str, called: str) -> None:
        """Say that a tree was asked for again."""
        with self._db.writing():
            self._db.run("DELETE FROM work")
            self._db.run("UPDATE trees SET called = ?, made = ? WHERE id = ?", (called, int(time.time()), id_))


def _by_name(contents: Iterable[tuple[int, ReadContent]]) -> Iterator[tuple[tuple[str, int], bytes]]:
    """For each name and kind the numbers of the contents, as bytes, in the order of the table."""
    names: defaultdict[tuple[str, int], array[int]] = defaultdict(lambda: array("I"))
    for number, one in contents:
        for kind in KINDS:
            for name in one.names[kind]:
                names[name, kind].append(number)
    for key in sorted(names):
        yield key, names[key].tobytes()
