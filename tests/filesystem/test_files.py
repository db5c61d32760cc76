"""Files that are there whole, or as they were."""

from __future__ import annotations

import os
import stat
import threading
from pathlib import Path

import pytest

from reviewbot.filesystem import files
from reviewbot.model.errors import InputError

ROOT = os.geteuid() == 0


def left(folder):
    return sorted(path.name for path in folder.iterdir())


def test_a_new_file_and_one_that_is_there(tmp_path):
    path = tmp_path / "report.json"
    files.require_writable(path)
    assert left(tmp_path) == []
    files.write_file(path, b"one")
    path.chmod(0o640)
    files.require_writable(path)
    files.write_file(path, b"two")
    assert path.read_bytes() == b"two"
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    assert left(tmp_path) == ["report.json"]


def test_a_new_file_is_for_whom_the_umask_lets(tmp_path):
    before = os.umask(0o027)
    try:
        files.write_file(tmp_path / "a", b"")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "a").stat().st_mode) == 0o640


def test_a_link_stays_a_link(tmp_path):
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real/report")
    files.require_writable(tmp_path / "link")
    files.write_file(tmp_path / "link", b"x")
    files.write_file(tmp_path / "link", b"y")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "real" / "report").read_bytes() == b"y"
    assert left(tmp_path / "real") == ["report"]


def test_a_pipe_is_written_to_and_a_device_stays_one(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    got = []
    reader = threading.Thread(target=lambda: got.append((tmp_path / "pipe").read_bytes()))
    reader.start()
    files.require_writable(tmp_path / "pipe")
    files.write_file(tmp_path / "pipe", b"x")
    reader.join(10)
    assert got == [b"x"]
    assert stat.S_ISFIFO((tmp_path / "pipe").stat().st_mode)
    files.write_file(Path("/dev/null"), b"x")
    assert Path("/dev/null").is_char_device()


def test_a_disk_that_is_full_leaves_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "report"
    path.write_bytes(b"old")

    def full(_descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(InputError, match=r"cannot write .*report: the disk is full"):
        files.write_file(path, b"new")
    assert path.read_bytes() == b"old"
    assert left(tmp_path) == ["report"]
    with pytest.raises(InputError, match="the disk is full"):
        files.write_file(Path("/dev/full"), b"new")


def test_an_interrupt_leaves_the_old_file(tmp_path, monkeypatch):
    def interrupted(_descriptor):
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", interrupted)
    with pytest.raises(KeyboardInterrupt):
        files.write_file(tmp_path / "report", b"new")
    assert left(tmp_path) == []


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("absent/report", "no such file or directory"),
        ("folder", "is a directory"),
        ("file/report", "not a directory"),
        ("loop", "too many levels of symbolic links"),
        ("x" * 300, "file name too long"),
    ],
)
def test_what_cannot_be_written_is_known_before(tmp_path, name, why):
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").write_bytes(b"")
    (tmp_path / "loop").symlink_to("loop")
    for attempt in (files.require_writable, lambda path: files.write_file(path, b"")):
        with pytest.raises(InputError, match=why):
            attempt(tmp_path / name)
    assert left(tmp_path) == ["file", "folder", "loop"]


@pytest.mark.skipif(ROOT, reason="root may write anywhere")
def test_a_folder_or_a_file_that_may_not_be_written(tmp_path):
    (tmp_path / "mine").write_bytes(b"")
    (tmp_path / "mine").chmod(0o444)
    with pytest.raises(InputError, match="permission denied"):
        files.require_writable(tmp_path / "mine")
    tmp_path.chmod(0o555)
    with pytest.raises(InputError, match="permission denied"):
        files.require_writable(tmp_path / "new")


def test_append(tmp_path):
    files.append(tmp_path / "summary", b"a")
    files.append(tmp_path / "summary", b"b")
    assert (tmp_path / "summary").read_bytes() == b"ab"
    with pytest.raises(InputError, match="is a directory"):
        files.append(tmp_path, b"")
