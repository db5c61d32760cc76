"""What a run that was killed has left is cleared by the next one, and nothing else is."""

from __future__ import annotations

import fcntl
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from reviewbot.filesystem import files, unfinished
from reviewbot.filesystem.temporary import temporary
from reviewbot.integrations.b4 import review_dir as review_folder

ID = "0123456789abcdef"
PART, HIDDEN, PLAIN = f".reviewbot-{ID}.part", f".reviewbot-{ID}", f"reviewbot-{ID}"
HOLD = """
import sys, time
from pathlib import Path
from reviewbot.filesystem import unfinished as owned
place = Path(sys.argv[1])
with owned.handle(place) as handle, owned.part(handle), owned.folder(place), owned.folder(place, hidden=True) as made:
    (made / "inside").write_bytes(b"x")
    print("ready", flush=True)
    time.sleep(100)
"""


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def clear(folder: Path) -> None:
    with unfinished.handle(folder) as descriptor:
        unfinished.clear(descriptor)


def test_what_a_killed_run_had_is_cleared_and_what_a_living_one_has_is_not(tmp_path):
    run = subprocess.Popen([sys.executable, "-c", HOLD, str(tmp_path)], stdout=subprocess.PIPE)
    assert run.stdout.readline() == b"ready\n"
    held = names(tmp_path)
    clear(tmp_path)
    assert (len(held), names(tmp_path)) == (3, held)
    run.send_signal(signal.SIGKILL)
    run.communicate()
    assert names(tmp_path) == held
    clear(tmp_path)
    assert names(tmp_path) == []


@pytest.mark.parametrize(
    "name",
    [
        *("reviewbot-drafts", "reviewbot-linuxfix", f"{PLAIN}0", f"x{PLAIN}", f"{PLAIN}.part", ".reviewbot-x.part"),
        *(PART.upper(), f"{PART}\n", f"{HIDDEN}\n", ".reviewbot", "reviewbot-written"),
    ],
)
def test_another_name_is_somebody_elses(tmp_path, name):
    (tmp_path / name).mkdir()
    (tmp_path / "below").mkdir()
    (tmp_path / "below" / name).write_bytes(b"x")
    clear(tmp_path)
    clear(tmp_path / "below")
    assert (names(tmp_path), names(tmp_path / "below")) == (sorted([name, "below"]), [name])


def test_what_is_of_another_kind_is_no_leftover(tmp_path):
    """A link, which is not followed; a pipe, which is not waited for; a folder or a file where we make the other."""
    target = tmp_path / "precious"
    target.mkdir()
    (target / "file").write_bytes(b"x")
    place = tmp_path / "place"
    place.mkdir()
    (place / HIDDEN).symlink_to(target)
    (place / PART).symlink_to(target / "file")
    (place / PLAIN).write_bytes(b"x")
    os.mkfifo(place / PART.replace("0", "1"))
    before = names(place)
    clear(place)
    assert names(place) == before
    assert names(target) == ["file"]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may give files away")
def test_what_belongs_to_another_user_stays(tmp_path):
    (tmp_path / PART).write_bytes(b"x")
    (tmp_path / PLAIN).mkdir()
    for name in (PART, PLAIN):
        os.chown(tmp_path / name, 65534, 65534)
    clear(tmp_path)
    assert names(tmp_path) == sorted([PART, PLAIN])


def test_every_place_that_is_written_to_is_cleared(tmp_path, monkeypatch):
    (tmp_path / PART).write_bytes(b"half")
    files.require_writable(tmp_path / "report")
    assert names(tmp_path) == []
    (tmp_path / PART).write_bytes(b"half")
    files.write_file(tmp_path / "report", b"x")
    assert names(tmp_path) == ["report"]

    (tmp_path / "tmp").mkdir()
    (tmp_path / "tmp" / PLAIN / "git").mkdir(parents=True)
    monkeypatch.setenv("TMPDIR", str(tmp_path / "tmp"))
    with temporary() as made:
        assert names(tmp_path / "tmp") == [made.name]
    assert names(tmp_path / "tmp") == []

    there = tmp_path / "git" / "b4-review" / ("0" * 40)
    for content in ({}, {"identity.txt": b"A <a@b.c>\n"}, {"identity.txt": b"A <a@b.c>\n"}, {}):
        (there.parent / HIDDEN).mkdir(parents=True)
        (there.parent / HIDDEN / "identity.txt").write_bytes(b"x")
        if there.exists():
            (there / PART).write_bytes(b"half")
        review_folder.put_review(there, content)
        assert names(there.parent) == [there.name] * bool(content)
        assert not there.exists() or names(there) == ["identity.txt", "reviewbot.json"]


def test_a_folder_that_cannot_be_read_can_be_written(tmp_path):
    """Root reads it all the same: then there is nothing to see here, and it works as well."""
    (tmp_path / "box").mkdir()
    (tmp_path / "box").chmod(0o300)
    files.require_writable(tmp_path / "box" / "report")
    files.write_file(tmp_path / "box" / "report", b"x")
    with unfinished.folder(tmp_path / "box") as made:
        (made / "file").write_bytes(b"x")
    (tmp_path / "box").chmod(0o700)
    assert names(tmp_path / "box") == ["report"]


def test_a_new_thing_that_another_run_clears_away_is_made_again(tmp_path, monkeypatch):
    """Between its making and its lock nobody can see whose it is."""
    real, done = fcntl.flock, []

    def late(descriptor, how):
        if len(done) < 2:
            done.append(descriptor)
            for path in tmp_path.iterdir():
                path.rmdir() if path.is_dir() else path.unlink()
        real(descriptor, how)

    monkeypatch.setattr(unfinished.fcntl, "flock", late)
    with unfinished.folder(tmp_path) as made:
        assert made.is_dir()
    done.clear()
    with unfinished.handle(tmp_path) as handle, unfinished.part(handle) as part:
        assert names(tmp_path) == [part.name]
    assert names(tmp_path) == []


def test_a_lock_is_not_handed_to_other_programs(tmp_path):
    """git may outlive a run that is killed."""
    with unfinished.folder(tmp_path) as made:
        child = subprocess.Popen(["sleep", "100"])
        try:
            descriptors = Path(f"/proc/{child.pid}/fd")
            assert str(made) not in {str(path.readlink()) for path in descriptors.iterdir()}
        finally:
            child.kill()
            child.wait()
