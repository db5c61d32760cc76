"""With b4 itself: its checks run ours as it was set up, and its review branches take our review files."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from b4home import OWN, B4Home
from b4mails import CODINGS
from exfoo import CHANGE, LEAK, LEAKS_AT, MENDED, WHOLE, message_id, with_mask
from kerneltree import KernelTree

NOTE = with_mask("GFP_KERNEL | __GFP_IO")
ODD = with_mask("GFP_KERNEL | GFP_NOFS")
QUERY = "?fs=%C3%A9&x=20"  # what a second decoding would not leave alone


@pytest.fixture
def home(tmp_path: Path) -> B4Home:
    made = B4Home(tmp_path)
    made.tree.base = made.tree.commit("exfoo: made()", {"fs/exfoo/a.c": WHOLE, "fs/exfoo/b.c": WHOLE})
    return made


def sent(tree: KernelTree, *states: dict[str, str], cover: bool = True) -> list[bytes]:
    """A commit for each state of some files, as mails; the tree is then as it was."""
    for number, files in enumerate(states, 1):
        tree.commit(f"exfoo: part {number}\n\nWhy: https://example.org/{QUERY}", files)
    mails = tree.mails(*(["--cover-letter"] if cover else []), tree.base)
    tree.back()
    return mails


# --- checks ---


def test_b4_shows_pass_warn_and_fail_as_meant(home):
    done = home.reviewbot("setup", "b4", "--write", "--series")
    assert done.code == 0
    mails = sent(
        home.tree,
        {"fs/exfoo/c.c": WHOLE},
        {"fs/exfoo/d.c": NOTE},
        {"fs/exfoo/e.c": ODD},
        {"fs/exfoo/b.c": LEAK},
        {"Documentation/exfoo.rst": "words\n"},
    )
    found = home.b4("check", home.mbox(mails))
    rows = [[(row["tool"], row["status"]) for row in results] for results in found["patches"]]
    assert rows == [[("gfp", "pass")], [("gfp", "pass")], [("gfp", "warn")], [("gfp", "fail")], []]
    assert found["patches"][1][0]["summary"].startswith("1 note: ")
    assert found["series"] == []  # it is not checked out
    # what b4 remembers is what it was told, and what it was not told it asks again
    assert sorted(found["cached"]) == sorted(map(message_id, mails[1:5]))
    assert found["cached"][message_id(mails[4])][0]["details"] == found["patches"][3][0]["details"]


@pytest.mark.parametrize("coding", CODINGS)
def test_a_patch_is_read_in_whatever_coding_it_was_sent(home, coding):
    home.reviewbot("setup", "b4", "--write")
    mails = sent(home.tree, {"fs/exfoo/b.c": LEAK}, cover=False)
    (plain,) = home.b4("check", home.mbox(mails))["patches"]
    (coded,) = home.b4("check", home.mbox([CODINGS[coding](one) for one in mails]))["patches"]
    assert [row["status"] for row in coded] == ["fail"]
    assert coded == plain
    for key in ("prep", "am"):
        (said,) = home.b4("local_check", home.mbox([CODINGS[coding](one) for one in mails]), key)
        assert [flag for flag, _ in said] == ["fail"]
        assert f"fs/exfoo/b.c:{LEAKS_AT}: ERROR: scope-leak: " in said[0][1]


def test_b4_am_and_prep_read_lines_as_meant(home):
    home.reviewbot("setup", "b4", "--write")
    mails = sent(home.tree, {"fs/exfoo/c.c": WHOLE}, {"fs/exfoo/d.c": NOTE}, {"fs/exfoo/e.c": ODD})
    prep = home.b4("local_check", home.mbox(mails), "prep")
    assert [[flag for flag, _ in said] for said in prep] == [["success"], ["warning"], ["warning", "warning"]]
    assert prep[0][0][1] == "reviewbot: passed all checks"
    am = home.b4("local_check", home.mbox(mails), "am")
    assert [[flag for flag, _ in said] for said in am] == [["success"], ["success"], ["warning"]]


def test_a_real_prep_branch(home):
    """`b4 prep --check` from start to end, and its cache: a new set-up is another question."""
    home.git("config", "b4.prep-cover-strategy", "commit")
    assert home.b4("run", "prep", "-n", "exfoo-leak", "-f", home.tree.base)["code"] == 0
    for text in (LEAK, MENDED):
        (home.tree.folder / "fs/exfoo/a.c").write_text(text)
        home.git("commit", "-qam", "exfoo: a change\n\nWhy.")
    home.reviewbot("setup", "b4", "--write")
    said = home.b4("run", "prep", "--check")["said"]
    assert f"reviewbot: fs/exfoo/a.c:{LEAKS_AT}: ERROR: scope-leak: " in said
    assert "Success: 1, Warning: 0, Error: 1" in said
    (home.reviewbot.home / "config" / "reviewbot").mkdir(parents=True)
    (home.reviewbot.home / "config" / "reviewbot" / "config.toml").write_text("[rules]\ndisable = ['scope-leak']\n")
    assert "scope-leak" in home.b4("run", "prep", "--check")["said"]
    home.reviewbot("setup", "b4", "--write")
    assert "Success: 2, Warning: 0, Error: 0" in home.b4("run", "prep", "--check")["said"]


def test_a_mailbox_through_b4_am(home):
    home.reviewbot("setup", "b4", "--write")
    box = home.mbox(sent(home.tree, {"fs/exfoo/a.c": LEAK}, {"fs/exfoo/a.c": MENDED}))
    asked = ("am", "-m", box, "--check", "--no-parent", "-o", str(home.reviewbot.home))
    said = home.b4("run", *asked)["said"]
    assert f"reviewbot: fs/exfoo/a.c:{LEAKS_AT}: ERROR: scope-leak: " in said
    assert "reviewbot: passed all checks" in said


# --- a review branch ---


@pytest.fixture(scope="module")
def reviewed(tmp_path_factory):
    """A series that b4 has checked out for review: 1/3 leaks, 2/3 is odd in two places, 3/3 is as it should be."""
    home = B4Home(tmp_path_factory.mktemp("reviewed"))
    home.tree.base = home.tree.commit("exfoo: made()", {"fs/exfoo/a.c": WHOLE, "fs/exfoo/b.c": WHOLE})
    mails = sent(
        home.tree,
        {"fs/exfoo/a.c": LEAK},
        {"fs/exfoo/b.c": ODD, "fs/exfoo/odd name.c": NOTE},
        {"fs/exfoo/c.c": WHOLE},
    )
    home.b4("review", home.mbox(mails), CHANGE, home.tree.base)
    return home, mails


@pytest.fixture
def branch(reviewed, tmp_path):
    """A copy of it, to be changed."""
    made, mails = reviewed
    shutil.copytree(made.tree.folder.parent, tmp_path / "copy", symlinks=True)
    home = B4Home.__new__(B4Home)
    home.__dict__.update(made.__dict__)
    home.move(made.tree.folder.parent, tmp_path / "copy")
    return home, mails


def comments(tracking: dict) -> list[list[tuple[str, int, str]]]:
    """Path, line and what is remarked, patch by patch, whoever says it."""
    return [
        [
            (one["path"], one["line"], one["text"])
            for said in patch.get("reviews", {}).values()
            for one in said.get("comments", [])
        ]
        for patch in tracking["patches"]
    ]


def test_b4_takes_the_remarks_in_at_their_lines(branch):
    home, _ = branch
    done = home.reviewbot("agent")
    assert (done.code, done.out) == (1, "")
    (folder,) = (home.tree.folder / ".git" / "b4-review").iterdir()
    assert folder.name == home.git("rev-parse", "HEAD")
    assert sorted(path.name for path in folder.iterdir()) == [
        "0001.txt",
        "0002.txt",
        "identity.txt",
        "reviewbot.json",
        "series.txt",
    ]
    found = home.b4("load", CHANGE)
    places = [[(path, line) for path, line, _ in said] for said in comments(found["tracking"])]
    assert places[0] == [("b/fs/exfoo/a.c", LEAKS_AT)]
    assert {path.rstrip("\t") for path, _ in places[1]} == {"b/fs/exfoo/b.c", "b/fs/exfoo/odd name.c"}
    assert places[2] == []
    text = (home.tree.folder / "fs/exfoo/a.c").read_text().split("\n")
    assert text[LEAKS_AT - 1] == "\t\treturn -ENOMEM;"
    assert not folder.exists()  # b4 has consumed it
    assert home.git("rev-parse", f"b4/review/{CHANGE}") != folder.name


def test_the_remarks_are_offered_and_not_sent(branch):
    """b4 sends what stands under the maintainer's own address, so ours stand under another."""
    home, _ = branch
    home.reviewbot("agent")
    found = home.b4("load", CHANGE)
    assert found["sent"] == []
    (who,) = found["tracking"]["patches"][0]["reviews"]
    assert who == OWN.replace("@", "+reviewbot@")
    assert "| Maya Maintainer (reviewbot) <maintainer+reviewbot@example.org>:\n|\n| " in found["editors"][0]


def test_an_adopted_remark_is_sent_under_the_maintainers_name(branch):
    home, _ = branch
    home.reviewbot("agent")
    editor = home.b4("load", CHANGE)["editors"][0]
    adopted = "\n".join(line.removeprefix("| ") if line != "|" else "" for line in editor.split("\n"))
    adopted = adopted.replace("Maya Maintainer (reviewbot) <maintainer+reviewbot@example.org>:\n", "")
    reply = home.b4("adopt", CHANGE, 1, adopted)
    (one,) = reply["comments"]
    assert (one["path"], one["line"]) == ("b/fs/exfoo/a.c", LEAKS_AT)
    assert reply["from"] == f"Maya Maintainer <{OWN}>"
    assert ">+\t\treturn -ENOMEM;\n\n" in reply["mail"].replace("> +", ">+")
    assert one["text"] in reply["mail"]


def test_the_same_question_is_not_laid_down_twice(branch):
    """Once b4 has it, whoever it belongs to by now, it is known."""
    home, _ = branch
    home.reviewbot("agent")
    before = comments(home.b4("load", CHANGE)["tracking"])
    done = home.reviewbot("agent", "-v")
    assert (done.code, "nothing to ask about: no review files" in done.err) == (0, True)
    assert (
        f"1/3 exfoo: part 1: left out: scope-leak at fs/exfoo/a.c:{LEAKS_AT}, which maintainer+reviewbot@" in done.err
    )
    assert comments(home.b4("load", CHANGE)["tracking"]) == before


def test_questions_are_bounded_as_in_a_mail(branch):
    home, _ = branch
    (home.reviewbot.home / "config" / "reviewbot").mkdir(parents=True)
    (home.reviewbot.home / "config" / "reviewbot" / "config.toml").write_text("[mail]\nmost = 1\n")
    assert "left out: 2 more (most under [mail]" in home.reviewbot("agent", "-v").err
    assert [len(said) for said in comments(home.b4("load", CHANGE)["tracking"])] == [1, 1, 0]


def test_what_is_ignored_is_not_asked(branch):
    home, _ = branch
    (home.reviewbot.home / "config" / "reviewbot").mkdir(parents=True)
    (home.reviewbot.home / "config" / "reviewbot" / "config.toml").write_text(
        '[[ignore]]\npath = "fs/exfoo/a.c"\nreason = "is rewritten soon"\n'
    )
    home.reviewbot("agent")
    assert comments(home.b4("load", CHANGE)["tracking"])[0] == []


def test_as_the_agent_that_b4_runs(branch):
    """b4 appends a sentence for the agent, and takes any exit code but 0 for a failure."""
    home, _ = branch
    done = home.reviewbot("agent", "Read and execute the prompt from /home/m/linux/README")
    assert (done.code, "questions in" in done.err) == (0, True)


def test_a_skipped_patch_gets_no_file(branch):
    home, _ = branch
    home.b4("change", CHANGE, ["patches", 0, "reviews"], {OWN: {"name": "M", "patch-state": "skip"}})
    home.b4("change", CHANGE, ["series", "reviews"], {OWN: {"name": "M", "patch-state": "skip"}})
    home.git("checkout", "-q", f"b4/review/{CHANGE}")
    done = home.reviewbot("agent", "-v")
    assert "1/3 exfoo: part 1: left out, it is marked as skipped" in done.err
    (folder,) = (home.tree.folder / ".git" / "b4-review").iterdir()
    assert sorted(path.name for path in folder.glob("*.txt")) == ["0002.txt", "identity.txt"]
    assert comments(home.b4("load", CHANGE)["tracking"])[0] == []


def reply(mail: bytes, text: str) -> bytes:
    subject = mail.partition(b"\nSubject: ")[2].partition(b"\n")[0].decode()
    return (
        f"From: Rita Reviewer <rita@example.org>\nDate: Tue, 11 Jun 2024 10:15:02 +0200\nSubject: Re: {subject}\n"
        f"Message-Id: <reply-1@example.org>\nIn-Reply-To: <{message_id(mail)}>\n"
        f"References: <{message_id(mail)}>\n\nOn some day, A wrote:\n{text}"
    ).encode()


@pytest.mark.parametrize(
    ("text", "left_out"),
    [
        ("> +\t\treturn -ENOMEM;\n\nmemalloc_nofs_restore() is missing here.\n", True),
        ("> +\t\treturn -ENOMEM;\n\nDo we need this?\n", False),
        ("> +\tif (!p)\n\nmemalloc_nofs_restore() is missing somewhere.\n", False),
        ("memalloc_nofs_restore() is missing somewhere.\n", False),
    ],
    ids=["the same remark", "another one", "at another line", "with no line"],
)
def test_what_somebody_has_said_in_the_thread_is_not_said_again(branch, text, left_out):
    home, mails = branch
    home.b4("thread", home.mbox([*mails, reply(mails[1], text)]), CHANGE)
    home.git("reset", "-q", "--hard", f"b4/review/{CHANGE}")
    done = home.reviewbot("agent", "-v")
    assert (f"a.c:{LEAKS_AT}, which Rita Reviewer <rita@example.org> has said" in done.err) == left_out
    assert bool(comments(home.b4("load", CHANGE)["tracking"])[0]) == (not left_out)


def test_a_branch_in_a_linked_work_tree(branch):
    """b4 looks below `.git` of the tree it runs in, which is no folder there; the main tree finds the files."""
    home, _ = branch
    main = home.tree.folder
    home.git("checkout", "-q", "main")
    linked = main.parent / "linked"
    home.git("worktree", "add", "-q", str(linked), f"b4/review/{CHANGE}")
    home.reviewbot.work = linked
    done = home.reviewbot("agent")
    assert done.code == 1
    assert f"when it opens the series in {main}: " in done.err
    assert comments(home.b4("load", CHANGE)["tracking"])[0] != []


def test_b4_does_find_nothing_in_a_linked_work_tree(branch):
    """If this fails, b4 has learned it, and the line about the main work tree can go."""
    home, _ = branch
    home.git("checkout", "-q", "main")
    linked = home.tree.folder.parent / "linked"
    home.git("worktree", "add", "-q", str(linked), f"b4/review/{CHANGE}")
    home.reviewbot.work = home.tree.folder = linked
    home.reviewbot("agent")
    assert comments(home.b4("load", CHANGE)["tracking"])[0] == []
