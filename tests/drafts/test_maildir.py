"""A folder of drafts that others write to as well, is not what it should be, or has lost what was written there."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest

from command import THREADS
from report_cases import ALLOC, SCOPE, composed, only, review, reviewed
from reviewbot.drafts import maildir, memory
from reviewbot.drafts.memory import NAME
from reviewbot.drafts.write import write_drafts
from reviewbot.filesystem import files, unfinished
from reviewbot.model.errors import InputError, UsageError

DEMO = ("thread", THREADS / "demo.mbox", "--kernel", "6.10", "--config", THREADS / "demo.toml", "--drafts")


def one(**options):
    return only(review(reviewed([SCOPE])), **options)


def many(count: int):
    patches = [reviewed([SCOPE], number=number, total=count) for number in range(1, count + 1)]
    return composed(review(*patches), common=count + 1).drafts


def there(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if not path.is_dir() or path.is_symlink())


def mails(folder: Path) -> list[str]:
    return [name for name in there(folder) if name != NAME]


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
    assert len((folder / NAME).read_text().splitlines()) == 21


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
    (tmp_path / NAME).unlink()
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
    """Whatever the names: of the draft below tmp and new, and of what remembers it."""
    target = tmp_path / "precious"
    target.write_bytes(b"precious")
    folder = tmp_path / "drafts"
    (path,) = write_drafts([one()], folder).written
    for link in (folder / "tmp" / path.name, folder / "new" / path.name, folder / NAME):
        link.unlink(missing_ok=True)
        link.symlink_to(target)
    done = write_drafts([one()], folder)
    assert (done.written, done.kept) == ([], [path])  # the name is taken
    path.unlink()
    done = write_drafts([one()], folder)
    assert done.written == [path]
    assert path.read_bytes() == one().content
    assert [NAME in line for line in done.wrong] == [True]
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


def test_what_an_earlier_version_has_left_is_remembered(tmp_path):
    (path,) = write_drafts([one()], tmp_path).written
    (tmp_path / NAME).unlink()
    assert write_drafts([one()], tmp_path).kept == [path]
    path.unlink()
    assert write_drafts([one()], tmp_path).gone == [one()]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"\xff\xfe\0garbage\n", "1 line of reviewbot-written cannot be read"),
        (b"one\ntwo\n0123 x\n", "3 lines of reviewbot-written cannot be read"),
        (b"0" * 24 + b" a@b\n0123", "1 line of reviewbot-written cannot be read"),
        (b"", ""),
        (b"\n\n", ""),
    ],
    ids=["garbage", "lines", "no end", "empty", "blank"],
)
def test_a_damaged_memory_is_said_and_mended(tmp_path, content, said):
    write_drafts([one()], tmp_path)
    whole = (tmp_path / NAME).read_bytes()
    (tmp_path / NAME).write_bytes(whole + content)
    (tmp_path / "new" / mails(tmp_path)[0].removeprefix("new/")).unlink()
    done = write_drafts([one(), only(review(reviewed([ALLOC])))], tmp_path)
    assert (len(done.written), len(done.gone)) == (1, 1)
    assert len(done.wrong) == bool(said)
    assert all(line.startswith(said) for line in done.wrong)
    last = write_drafts([one(), only(review(reviewed([ALLOC])))], tmp_path)
    assert (len(last.kept), len(last.gone), last.wrong) == (1, 1, [])
    assert (tmp_path / NAME).read_bytes().startswith(whole)


@pytest.mark.parametrize("what", ["folder", "pipe", "device"])
def test_a_memory_that_is_no_file_is_said(tmp_path, what):
    path = tmp_path / NAME
    if what == "folder":
        path.mkdir()
    elif what == "pipe":
        os.mkfifo(path)
    else:
        path.symlink_to("/dev/zero")
    done = write_drafts([one()], tmp_path)
    assert (len(done.written), len(done.wrong)) == (1, 1)
    assert done.wrong[0].startswith("reviewbot-written cannot be read (")


def test_a_memory_that_takes_no_more_is_said(tmp_path, monkeypatch):
    real = files.fill_file

    def full(descriptor, content):
        if content.startswith((b"#", b"0")):
            raise OSError(errno.ENOSPC, "No space left on device")
        real(descriptor, content)

    monkeypatch.setattr(files, "fill_file", full)
    done = write_drafts(many(2), tmp_path)
    assert len(done.written) == 2
    assert done.wrong == [
        "reviewbot-written cannot be written (the disk is full): drafts of this run that are gone may be written again"
    ]


def test_the_memory_has_a_bound(tmp_path, monkeypatch):
    monkeypatch.setattr(memory, "_MOST", 10)
    monkeypatch.setattr(memory, "_LARGEST", 2000)
    for number in range(30):
        draft = only(review(reviewed([(SCOPE, {"fingerprint": f"{number:016x}"})])))
        (path,) = write_drafts([draft], tmp_path).written
        path.unlink()
        assert len((tmp_path / NAME).read_bytes()) < 2000
        assert len((tmp_path / NAME).read_text().splitlines()) <= 11
    assert write_drafts([draft], tmp_path).gone == [draft]
    with (tmp_path / NAME).open("ab") as file:
        file.write(b"1" * 24 + b" old@example.org\n" + b"#" * 5000 + b"\n" + b"2" * 24 + b" new@example.org\n")
    kept = memory.DraftMemory(os.open(tmp_path, os.O_RDONLY))
    assert ("1" * 24 in kept, "2" * 24 in kept) == (False, True)


def test_what_is_said(command):
    first = command(*DEMO, "drafts")
    new = list((command.work / "drafts" / "new").iterdir())
    assert f"{len(new)} new drafts in drafts/new" in first.err
    for path in new[1:]:
        path.unlink()
    gone = len(new) - 1
    assert gone > 1
    second = command(*DEMO, "drafts")
    assert second.code == first.code
    assert "0 new drafts in drafts/new, 1 already there" in second.err
    assert f"{gone} drafts were written before and are gone; --again writes them" in second.err
    assert f"{gone} new drafts in drafts/new, 1 already there" in command(*DEMO, "drafts", "--again").err
    new[0].unlink()
    assert "1 draft was written before and is gone; --again writes it" in command(*DEMO, "drafts").err
    refused = command(*DEMO[:-1], "--again")
    assert (refused.code, "--again is about drafts: it needs --drafts DIR" in refused.err) == (2, True)
