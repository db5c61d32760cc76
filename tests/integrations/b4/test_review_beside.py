"""The folder that b4 takes a review from: two runs at once, and links where files and folders should be."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from reviewbot.integrations.b4 import review_dir
from reviewbot.model.errors import InputError

FILES = {"identity.txt": b"A <a@b.c>\n", "series.txt": b"one\n", "0001.txt": b"first\n"}
PUT = """
import sys
from pathlib import Path
from reviewbot.integrations.b4 import review_dir
place, word = Path(sys.argv[1]), sys.argv[2].encode()
sys.stdin.readline()
for number in range(10):
    files = {"identity.txt": b"A <a@b.c>\\n", "0001.txt": word, f"{number % 3 + 2:04}.txt": word}
    assert review_dir.put_review(place, {} if number % 5 == 4 else files) == ()
assert review_dir.put_review(place, {"identity.txt": b"A <a@b.c>\\n", "0001.txt": word}) == ()
"""


@pytest.fixture
def place(tmp_path: Path) -> Path:
    (tmp_path / "git").mkdir()
    return tmp_path / "git" / "b4-review" / ("0" * 40)


def names(path: Path) -> list[str]:
    return sorted(one.name for one in path.iterdir())


def test_runs_beside_each_other_take_turns(place):
    runs = [
        subprocess.Popen([sys.executable, "-c", PUT, place, word], stdin=subprocess.PIPE, stderr=subprocess.PIPE)
        for word in ("one", "two", "three")
    ]
    for run in runs:
        run.stdin.write(b"\n")
        run.stdin.flush()
    said = [run.communicate(timeout=60)[1] for run in runs]
    assert [(run.returncode, one) for run, one in zip(runs, said, strict=True)] == [(0, b"")] * 3
    assert names(place.parent) == [place.name]
    assert names(place) == ["0001.txt", "identity.txt", "reviewbot.json"]
    assert (place / "0001.txt").read_bytes() in (b"one", b"two", b"three")


def test_a_folder_that_somebody_else_makes_meanwhile_is_theirs(place, monkeypatch):
    """Where there are no locks, or it is no run of this program."""
    rename = Path.rename

    def late(self, target):
        target.mkdir()
        (target / "identity.txt").write_bytes(b"Other Agent <o@example.org>\n")
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", late)
    with pytest.raises(InputError, match=r"holds the review of Other Agent <o@example\.org>"):
        review_dir.put_review(place, FILES)
    assert names(place) == ["identity.txt"]
    assert names(place.parent) == [place.name]


def test_no_link_is_followed(place, tmp_path):
    """Neither to the folder nor to a file in it, not even to one with our own content."""
    target = tmp_path / "precious"
    review_dir.put_review(place, FILES)
    target.write_bytes(FILES["0001.txt"])
    (place / "0001.txt").unlink()
    (place / "0001.txt").symlink_to(target)
    assert review_dir.put_review(place, {**FILES, "0001.txt": b"second\n"}) == ("0001.txt",)
    assert target.read_bytes() == FILES["0001.txt"]
    assert (place / "0001.txt").is_symlink()

    (place / "0001.txt").unlink()
    listed = (place / "reviewbot.json").read_bytes()
    target.write_bytes(listed)
    (place / "reviewbot.json").unlink()
    (place / "reviewbot.json").symlink_to(target)
    with pytest.raises(InputError, match="let b4 take it in"):  # the list is not ours, so nothing is
        review_dir.put_review(place, FILES)
    assert target.read_bytes() == listed

    elsewhere = place.rename(tmp_path / "elsewhere")
    place.symlink_to(elsewhere)
    before = names(elsewhere)
    with pytest.raises(InputError, match="cannot write"):
        review_dir.put_review(place, FILES)
    assert names(elsewhere) == before


def test_a_list_that_is_a_link_is_replaced_and_not_written_through(place, tmp_path):
    target = tmp_path / "precious"
    target.write_bytes(b"precious")
    place.mkdir(parents=True)
    (place / "reviewbot.json").symlink_to(target)
    assert review_dir.put_review(place, FILES) == ()
    assert target.read_bytes() == b"precious"
    assert not (place / "reviewbot.json").is_symlink()


@pytest.mark.parametrize("content", [FILES, {}])
def test_a_file_where_the_folder_should_be(place, content):
    place.parent.write_bytes(b"x")
    if content:
        with pytest.raises(InputError, match="cannot write"):
            review_dir.put_review(place, content)
    else:
        assert review_dir.put_review(place, content) == ()
    assert place.parent.read_bytes() == b"x"
