"""What reviews with an index keep of functions: the same answers, whoever writes, is killed or damages it."""

from __future__ import annotations

import os
import signal
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from reviewbot.index import place
from reviewbot.index.records import RecordFile

KEY, OTHER = b"k" * 16, b"o" * 16


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "index" / "records-0.db"


def child(work: Callable[[], object]) -> int:
    """Run something in another process; its exit status."""
    pid = os.fork()
    if not pid:
        try:
            work()
        finally:
            os._exit(0)
    return os.waitpid(pid, 0)[1]


def test_what_is_settled_is_there_for_the_next_run(path: Path) -> None:
    first = RecordFile(path)
    assert first.find(KEY) is None
    first.keep(KEY, b"one")
    assert first.find(KEY) == b"one"
    assert RecordFile(path).find(KEY) is None
    first.settle()
    first.settle()
    assert RecordFile(path).find(KEY) == b"one"
    assert path.stat().st_mode & 0o077 == 0 or path.parent.stat().st_mode & 0o077 == 0


def test_each_process_opens_it_itself(path: Path) -> None:
    mine = RecordFile(path)
    mine.keep(KEY, b"mine, not settled")

    def theirs() -> None:
        assert mine.find(KEY) is None
        mine.keep(OTHER, b"theirs")
        mine.settle()

    assert child(theirs) == 0
    assert mine.find(OTHER) == b"theirs"
    mine.settle()
    assert RecordFile(path).find(KEY) == b"mine, not settled"


def test_two_runs_write_the_same(path: Path) -> None:
    runs = [RecordFile(path) for _ in range(2)]
    for number in range(50):
        for run in runs:
            run.keep(b"%016d" % number, b"said")
            run.keep(b"%016d" % (number // 2), b"said")
            run.settle()
    assert RecordFile(path).find(b"%016d" % 49) == b"said"


def test_a_run_that_is_killed_leaves_whole_records(path: Path) -> None:
    """What was settled before is there, and the next run writes on."""

    def work() -> None:
        run = RecordFile(path)
        run.keep(KEY, b"one")
        run.settle()
        run.keep(OTHER, b"two")
        with sqlite3.connect(path, isolation_level=None) as database:
            database.execute("BEGIN IMMEDIATE")
            database.execute("INSERT INTO records (key, data) VALUES (?, ?)", (OTHER, b"half"))
            os.kill(os.getpid(), signal.SIGKILL)

    assert os.WTERMSIG(child(work)) == signal.SIGKILL
    after = RecordFile(path)
    assert (after.find(KEY), after.find(OTHER)) == (b"one", None)
    after.keep(OTHER, b"two")
    after.settle()
    assert RecordFile(path).find(OTHER) == b"two"


@pytest.mark.parametrize("damage", [b"", b"no database" * 1000])
def test_a_damaged_file_is_none_and_is_made_anew(path: Path, damage: bytes) -> None:
    path.parent.mkdir(mode=0o700)
    path.write_bytes(damage)
    run = RecordFile(path)
    assert run.find(KEY) is None
    run.keep(KEY, b"one")
    run.settle()
    again = RecordFile(path)
    again.keep(KEY, b"one")
    again.settle()
    assert RecordFile(path).find(KEY) == b"one"


def test_a_table_that_is_gone_ends_the_use_of_it(path: Path) -> None:
    run = RecordFile(path)
    run.keep(KEY, b"one")
    run.settle()
    with closing(sqlite3.connect(path)) as database, database:
        database.execute("DROP TABLE records")
    assert run.find(KEY) is None
    run.keep(KEY, b"one")
    run.settle()
    assert RecordFile(path).find(KEY) is None


def test_where_others_may_write_nothing_is_kept(path: Path) -> None:
    path.parent.mkdir()
    path.parent.chmod(0o777)
    run = RecordFile(path)
    run.keep(KEY, b"one")
    run.settle()
    assert run.find(KEY) is None
    assert [*path.parent.iterdir()] == []


def test_the_older_half_goes_where_it_grows_too_large(path: Path) -> None:
    run = RecordFile(path, most=200_000)
    for number in range(100):
        run.keep(b"%016d" % number, os.urandom(10_000))
        run.settle()
    assert run.find(b"%016d" % 0) is None
    assert run.find(b"%016d" % 99) is not None
    with closing(sqlite3.connect(path)) as database:
        assert 5 < database.execute("SELECT COUNT(*) FROM records").fetchone()[0] < 25


def test_another_program_has_another_file(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    here = place.records_path(path)
    assert here == place.records_path(path)
    assert here.parent == path.parent
    monkeypatch.setattr(place, "parser_files", lambda: ["/another/parser.so"])
    assert place.records_path(path) != here
