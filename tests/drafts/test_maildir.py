"""A folder of drafts that others write to as well, is not what it should be, or has lost what was written there."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest
from msgspec.structs import replace

from placing import DEMO, MADE, OLD, many, one, remembered, there, write_drafts
from report_cases import ALLOC, only, review, reviewed
from reviewbot.drafts import maildir, write
from reviewbot.filesystem import unfinished
from reviewbot.model.errors import InputError, UsageError


def mails(folder: Path) -> list[str]:
    return [name for name in there(folder) if name != OLD]


# --- beside each other ---


@pytest.mark.parametrize("before", [False, True])
def test_runs_beside_each_other_write_each_draft_once(tmp_path, before):
    folder = tmp_path / "drafts"
    if before:
        write_drafts(many(1), folder)
    script = f"""
import sys
from pathlib import Path
sys.path[:0] = [{str(Path(__file__).parent)!r}, {str(Path(__file__).parents[1] / "helpers")!r}]
from test_maildir import many, write_drafts
sys.stdin.readline()
done = write_drafts(many(20), Path({str(folder)!r}))
print(len(done.written), len(done.kept), len(done.gone), done.wrong)
"""
    runs = [
        subprocess.Popen([sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        for _ in range(4)
    ]
    for run in runs:
        run.stdin.write("\n")
        run.stdin.flush()
    said = [run.communicate(timeout=60)[0] for run in runs]
    assert [run.returncode for run in runs] == [0] * 4
    counts = [line.split() for line in said]
    assert sum(int(line[0]) for line in counts) == 20 - before
    assert all((int(line[0]) + int(line[1]), *line[2:]) == (20, "0", "[]") for line in counts)
    assert len(mails(folder)) == 20
    assert len(remembered(folder)) == 20


def test_two_whole_runs_beside_each_other_end_alike(command):
    runs = [
        subprocess.Popen(
            [sys.executable, "-m", "reviewbot", *map(str, DEMO), "drafts"],
            cwd=command.work,
            env=command.env,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(2)
    ]
    said = [run.communicate(timeout=120)[1] for run in runs]
    assert [run.returncode for run in runs] == [1, 1], said
    folder = command.work / "drafts"
    assert len(mails(folder)) == sum(int(one.split(" new draft")[0].rsplit("\n", 1)[-1]) for one in said)
    assert all(name.startswith("new/") for name in mails(folder))


def test_a_run_that_does_not_end_is_not_waited_for_without_end(tmp_path, monkeypatch):
    monkeypatch.setattr(unfinished, "_PATIENCE", 0)
    with unfinished.alone(tmp_path), pytest.raises(InputError, match="another run is writing to"):
        write_drafts([one()], tmp_path)


def test_a_file_system_without_locks_will_do(tmp_path, monkeypatch):
    def none(_descriptor, _how):
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(unfinished.fcntl, "flock", none)
    left = tmp_path / "tmp" / f".reviewbot-{'0' * 16}.part"
    write_drafts([one()], tmp_path)
    left.write_bytes(b"whose is it?")
    assert len(write_drafts([only(review(reviewed([ALLOC])))], tmp_path).written) == 1
    assert left.exists()


@pytest.mark.parametrize("number", [errno.EPERM, errno.EOPNOTSUPP])
def test_a_file_system_without_links_will_do(tmp_path, monkeypatch, number):
    def none(*_, **__):
        raise OSError(number, "no links here")

    monkeypatch.setattr(maildir.os, "link", none)
    assert len(write_drafts(many(2), tmp_path).written) == 2
    assert len(mails(tmp_path)) == 2
    assert not list((tmp_path / "tmp").iterdir())


def test_a_mail_that_is_renamed_meanwhile_is_not_missed(tmp_path, monkeypatch):
    """A mail program sets a flag between our look at the folder and our look into the file."""
    (path,) = write_drafts([one()], tmp_path).written
    path = path.rename(tmp_path / "cur" / "1.host:2,")
    real = maildir._head

    def renaming(name, folder):
        if name == "1.host:2,":
            path.rename(path.with_name("1.host:2,S"))
        return real(name, folder)

    monkeypatch.setattr(maildir, "_head", renaming)
    done = write_drafts([one()], tmp_path)
    assert (done.written, done.kept) == ([], [tmp_path / "cur" / "1.host:2,S"])


# --- links, and what is no folder ---


@pytest.mark.parametrize("part", ["new", "cur", "tmp"])
def test_a_link_in_place_of_a_folder_is_not_followed(tmp_path, part):
    folder, elsewhere = tmp_path / "drafts", tmp_path / "elsewhere"
    folder.mkdir()
    elsewhere.mkdir()
    (folder / part).symlink_to(elsewhere)
    with pytest.raises(UsageError, match=f"{part} is a link; drafts need a folder"):
        write_drafts([one()], folder)
    (folder / part).unlink()
    (folder / part).write_bytes(b"x")
    with pytest.raises(UsageError, match=f"{part} is a file; drafts need a folder"):
        write_drafts([one()], folder)
    assert list(elsewhere.iterdir()) == []
    assert mails(folder) == [part]


def test_the_folder_itself_may_be_a_link_to_one(tmp_path):
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    write_drafts([one()], tmp_path / "link")
    assert len(mails(tmp_path / "real")) == 1
    (tmp_path / "nowhere").symlink_to("absent")
    with pytest.raises(UsageError, match="nowhere is a link; drafts need a folder"):
        write_drafts([one()], tmp_path / "nowhere")
    assert not (tmp_path / "absent").exists()


def test_links_where_files_will_be_are_not_followed(tmp_path):
    """Whatever the names: of the draft below tmp and new, and of what an older version has noted."""
    target = tmp_path / "precious"
    target.write_bytes(b"precious")
    folder = tmp_path / "drafts"
    (path,) = write_drafts([one()], folder).written
    for link in (folder / "tmp" / path.name, folder / "new" / path.name, folder / OLD):
        link.unlink(missing_ok=True)
        link.symlink_to(target)
    done = write_drafts([one()], folder)
    assert (done.written, done.kept) == ([], [path])  # the name is taken
    assert target.read_bytes() == b"precious"


def test_what_is_no_mail_does_not_hold_it_up(tmp_path):
    write_drafts([], tmp_path)
    os.mkfifo(tmp_path / "new" / "pipe")
    (tmp_path / "cur" / "folder").mkdir()
    (tmp_path / "cur" / "loop").symlink_to("loop")
    (tmp_path / "cur" / "nothing").symlink_to("absent")
    done = write_drafts([one()], tmp_path)
    assert len(done.written) == 1
    assert [line.rpartition("/")[2] for line in done.wrong] == [
        "loop cannot be read: too many levels of symbolic links"
    ]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_that_is_read_only_will_do_where_all_is_there(tmp_path):
    write_drafts([one()], tmp_path)
    for part in ("new", "cur", "tmp", "."):
        (tmp_path / part).chmod(0o500)
    done = write_drafts([one()], tmp_path)
    assert (len(done.kept), done.wrong) == (1, [])
    with pytest.raises(InputError, match="permission denied"):
        write_drafts(many(2), tmp_path)


# --- what is gone ---


def test_what_is_gone_is_not_written_again(tmp_path):
    drafts = many(3)
    first = write_drafts(drafts, tmp_path)
    for path in first.written[:2]:
        path.unlink()
    second = write_drafts(drafts, tmp_path)
    assert (second.written, second.kept, second.gone) == ([], first.written[2:], list(drafts[:2]))
    third = write_drafts(drafts, tmp_path, again=True)
    assert (third.written, third.kept, third.gone) == (first.written[:2], first.written[2:], [])


def test_newer_rules_that_ask_the_same_ask_it_once(tmp_path):
    """The message id is another one then."""
    (path,) = write_drafts([one()], tmp_path).written
    other = one(digest="d2")
    assert other.message_id != one().message_id
    done = write_drafts([other], tmp_path)
    assert (done.written, done.kept) == ([], [path])
    path.unlink()
    assert write_drafts([other], tmp_path).gone == [other]


# --- what older versions have noted in the maildir ---


def noted(folder: Path, *drafts, more: bytes = b"") -> None:
    folder.mkdir(exist_ok=True)
    lines = "".join(f"{draft.asks} {draft.message_id}\n" for draft in drafts)
    (folder / OLD).write_bytes(b"# drafts that reviewbot has written here\n" + lines.encode() + more)


def test_what_an_older_version_has_noted_is_taken_over_and_left_alone(tmp_path):
    folder = tmp_path / "replies"
    first, second, third = many(3)
    (path,) = write.write_drafts(MADE, [first], folder, None, 0.0).written  # as a version without a memory did
    noted(folder, first, second)
    before = (folder / OLD).read_bytes()
    done = write_drafts([first, second, third], folder)
    assert (done.kept, done.gone, len(done.written)) == ([path], [second], 1)
    assert (folder / OLD).read_bytes() == before
    states = {one.message_id: (one.state, one.subject) for one in remembered(folder)}
    assert states == {
        first.message_id: ("placed", first.subject),
        second.message_id: ("handled", ""),
        third.message_id: ("placed", third.subject),
    }
    noted(folder)  # it is not read again
    assert write_drafts([second], folder).gone == [second]


def test_newer_ids_of_an_older_version_count(tmp_path):
    """It noted each id under which the same was asked, the newest last."""
    folder, draft = tmp_path / "replies", one()
    noted(folder, replace(draft, message_id="old@x"), draft)
    assert write_drafts([draft], folder).gone == [draft]
    assert [one.message_id for one in remembered(folder)] == [draft.message_id]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"\xff\xfe\0garbage\n", "1 line of reviewbot-written cannot be read"),
        (b"one\ntwo\n0123 x\n", "3 lines of reviewbot-written cannot be read"),
        (b"\n\n", ""),
        (b"#" * 5_000_000 + b"\n", ""),
    ],
    ids=["garbage", "lines", "blank", "large"],
)
def test_lines_that_say_nothing_are_said_once(tmp_path, content, said):
    folder = tmp_path / "replies"
    folder.mkdir()
    noted(folder, one())
    whole = (folder / OLD).read_bytes()
    (folder / OLD).write_bytes(content + whole)
    done = write_drafts([one()], folder)
    assert (len(done.written), len(done.gone), len(done.wrong)) == (0, 1, bool(said))
    assert all(line.startswith(said) for line in done.wrong)
    assert write_drafts([one()], folder).wrong == []


@pytest.mark.parametrize("what", ["folder", "pipe", "device"])
def test_what_is_no_file_is_said(tmp_path, what):
    folder = tmp_path / "replies"
    folder.mkdir()
    if what == "folder":
        (folder / OLD).mkdir()
    elif what == "pipe":
        os.mkfifo(folder / OLD)
    else:
        (folder / OLD).symlink_to("/dev/zero")
    done = write_drafts([one()], folder)
    assert (len(done.written), len(done.wrong)) == (1, 1)
    assert done.wrong[0].startswith("reviewbot-written cannot be read (")
