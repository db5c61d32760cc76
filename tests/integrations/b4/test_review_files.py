"""`reviewbot agent`: the text of its files, the folder they are put into, and where there is nothing to review."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from b4home import B4Home
from exfoo import CHANGE
from reviewbot.config import data_path
from reviewbot.filesystem import files
from reviewbot.integrations.b4 import earlier_remarks, review_dir, review_files
from reviewbot.integrations.b4.earlier_remarks import EarlierRemarks
from reviewbot.integrations.b4.review_files import PatchRemarks
from reviewbot.integrations.b4.tracking import Comment
from reviewbot.kernel.rules import load
from reviewbot.model.errors import InputError
from reviewbot.model.patch import Address, Patch
from reviewbot.model.review import Evidence, Finding, PatchReview
from reviewbot.patch import parse
from reviewbot.report.reply.body import annotated

DIFF = """\
diff --git a/fs/exfoo/a.c b/fs/exfoo/a.c
index 1111111..2222222 100644
--- a/fs/exfoo/a.c
+++ b/fs/exfoo/a.c
@@ -1,4 +1,5 @@ int made(void)
 int made(void)
 {
 \tvoid *p;
+\tp = kmalloc(8, GFP_NOFS);
 }
\\ No newline at end of file
diff --git a/fs/exfoo/b.c b/fs/exfoo/b.c
index 1111111..2222222 100644
--- a/fs/exfoo/b.c
+++ b/fs/exfoo/b.c
@@ -1,4 +1,5 @@ int made(void)
 int made(void)
 {
 \tvoid *p;
+\tp = kmalloc(8, GFP_NOFS);
 }
"""
LINE = "\tp = kmalloc(8, GFP_NOFS);"


def finding(path="fs/exfoo/a.c", line=4, question="Is GFP_NOFS needed here?", text=LINE, **more):
    message = more.pop("message", "GFP_NOFS is pointless")
    return Finding("toy", "note", "high", path, line, text, "made", message, question, **more)


def reviewed(diff=DIFF, *findings, number=1):
    files, _ = parse.parse_diff(diff)
    return PatchReview(Patch(number, 3, "exfoo: a patch", "", diff), findings, files=files)


def again(_function):
    return "Same question here."


def quoted(diff=DIFF, *findings):
    lines, loose = annotated(reviewed(diff), findings, again)
    return lines, loose


# --- the text ---


def test_no_line_of_the_diff_is_left_out():
    lines, loose = quoted(DIFF, finding(), finding(path="fs/exfoo/b.c"))
    assert [line[2:] for line in lines if line.startswith("> ")] == DIFF.splitlines()
    assert loose == []
    at = lines.index(f"> +{LINE}")
    assert lines[at + 1 : at + 5] == ["", "Is GFP_NOFS needed here?", "", "> " + " }"]
    below = lines.index(f"> +{LINE}", at + 1)
    assert lines[below + 2] == "Same question here."


def test_a_question_about_no_line_of_the_diff_is_a_note():
    lines, loose = quoted(DIFF, finding(line=400))
    assert not any("needed" in line for line in lines)
    assert loose == ["In fs/exfoo/a.c, made():", "", "Is GFP_NOFS needed here?"]


@pytest.mark.parametrize("odd", ["\f", "\v", "\r", "\x1c", "\x85", "\u2028"])
def test_a_line_that_b4_would_split_is_quoted_in_pieces(odd):
    lines, _ = quoted(DIFF.replace("\tvoid *p;", f"\tvoid{odd}*p;"), finding())
    assert all(line.startswith(">") for line in "\n".join(lines).splitlines() if "*p" in line)
    assert "> *p;" in lines


def test_bytes_that_are_no_text_do_not_stop_b4():
    """It opens the files as text, and ends where that fails."""
    diff = DIFF.replace("void *p;", "void *p; /* \udce9 */")
    content = review_files.files(
        [PatchRemarks(reviewed(diff), (finding(),))], Address("A", "a@b.c"), "rules x", again, True
    )
    assert "void *p; /* \ufffd */" in content["0001.txt"].decode("utf-8")


def test_no_line_of_a_question_looks_like_one_of_b4s():
    """It drops those with # and | when the maintainer saves, and takes > for the patch."""
    question = "Is " + "x" * 67 + " | GFP_NOFS meant?\n\n# not this\n\n> nor this\n\n[ ... ]"
    lines, _ = quoted(DIFF, finding(question=question))
    own = [line for line in lines if not line.startswith("> ")]
    assert not [line for line in own if line.startswith(("#", "|", ">"))]
    assert {" | GFP_NOFS meant?", " # not this", " > nor this"} <= set(own)


def test_the_files_of_a_review():
    one = reviewed(DIFF, number=2)
    asked = [
        PatchRemarks(reviewed(), ()),
        PatchRemarks(one, (finding(),), ("toy at fs/exfoo/b.c:4, which Rita has said",)),
    ]
    content = review_files.files(asked, Address('Holt, "M"', "m@example.org"), "kernel 6.12, rules abc", again, True)
    assert sorted(content) == ["0002.txt", "identity.txt", "series.txt"]
    assert content["identity.txt"] == b'"Holt, \\"M\\"" <m@example.org>\n'
    summary, blank, *_ = content["0002.txt"].decode().split("\n")
    assert (summary, blank) == ("1 question of reviewbot", "")
    assert b"Left out: toy at fs/exfoo/b.c:4, which Rita has said." in content["0002.txt"]
    assert content["series.txt"].decode().startswith("1 question of reviewbot on 1 of 2 patches\n\n")
    assert "series.txt" not in review_files.files(asked, Address("A", "a@b.c"), "x", again, False)
    assert review_files.files(asked[:1], Address("A", "a@b.c"), "x", again, True) == {}


@pytest.mark.parametrize(
    ("who", "expected"),
    [("m.holt@example.org", "m.holt+reviewbot@example.org"), ("reviewbot@example.org", "reviewbot@example.org")],
)
def test_the_address_is_apart_from_the_persons(who, expected):
    assert review_files.distinct_identity(Address("M", who)) == Address("M (reviewbot)", expected)


# --- what was said ---

CONTEXT = """\
== Follow-up: patch 1/3 \u2014 [PATCH 1/3] exfoo: a patch ==

From: Rita <rita@example.org> | 2024-06-11 10:15 +0200

On some day, A wrote:
> +\tp = kmalloc(8, GFP_NOFS);

Is that __GFP_FS again? NOFS is not needed.

> +\tq = kmalloc(8, GFP_NOFS);

And why 8?

From: Bob <bob@example.org> | 2024-06-11 10:15 +0200

> +\tq = other();
> +\tr = kmalloc(8, GFP_NOFS);
>
> Is &exfoo->extent_lock held here?

It is: exfoo->extent_lock.
"""
KERNEL, _ = load((data_path("rules"),), (6, 12))
LOCKED = Evidence("fs/exfoo/a.c", 2, "made", "\tspin_lock(&exfoo->extent_lock);", "lock taken")


@pytest.mark.parametrize(
    ("found", "who"),
    [
        (finding(), "Rita <rita@example.org>"),
        (finding(text="  p  =  kmalloc( 8,GFP_NOFS );"), "Rita <rita@example.org>"),
        (finding(text="\tq = kmalloc(8, GFP_NOFS);"), ""),
        (finding(text="\tr = kmalloc(8, GFP_NOFS);"), ""),
        (finding(text="\tr = kmalloc(8, GFP_NOFS);", evidence=(LOCKED,)), "Bob <bob@example.org>"),
        (finding(text=""), ""),
        (
            Finding("toy", "note", "high", "fs/exfoo/a.c", 4, LINE, "made", "something", "What is this?"),
            "Rita <rita@example.org>",
        ),
        (Finding("toy", "note", "high", "fs/exfoo/a.c", 4, "\tx = 1;", "made", "something", "What is this?"), ""),
    ],
    ids=["same", "other white space", "no name", "other name", "same lock", "no text", "name in the line", "no names"],
)
def test_who_has_said_it(found, who):
    earlier = EarlierRemarks(KERNEL, earlier_remarks.replies(CONTEXT, "somebody"))
    assert earlier.sayer(found, ()) == who


@pytest.mark.parametrize(
    "call",
    [
        "spin_lock_irqsave(&exfoo->extent_lock, flags);",
        "spin_unlock_irqrestore(&exfoo->extent_lock, flags);",
        "raw_spin_unlock_irq(&exfoo->extent_lock);",
        "exfoo_spin_lock(exfoo); spin_lock(&exfoo->extent_lock);",
    ],
)
def test_the_lock_is_found_in_any_call(call):
    """Also where the call turns off interrupts as well, or its name is the end of another one."""
    earlier = EarlierRemarks(KERNEL, earlier_remarks.replies(CONTEXT, "somebody"))
    there = Evidence("fs/exfoo/a.c", 2, "made", f"\t{call}", "lock taken")
    assert earlier.sayer(finding(text="\tr = kmalloc(8, GFP_NOFS);", evidence=(there,)), ()) == "Bob <bob@example.org>"


@pytest.mark.parametrize(
    ("comment", "known"),
    [
        (Comment("rita", "fs/exfoo/a.c", 4, f"+{LINE}", "NOFS again"), True),
        (Comment("rita", "fs/exfoo/a.c", 4, "", "NOFS again"), True),
        (Comment("rita", "fs/exfoo/a.c", 9, f"+{LINE}", "NOFS again"), True),
        (Comment("rita", "fs/exfoo/a.c", 4, f"+{LINE}", "a blank is missing"), False),
        (Comment("rita", "fs/exfoo/a.c", 5, "", "NOFS again"), False),
        (Comment("rita", "fs/exfoo/b.c", 4, f"+{LINE}", "NOFS again"), False),
    ],
)
def test_what_stands_in_b4_already(comment, known):
    assert bool(EarlierRemarks(KERNEL, ()).sayer(finding(), (comment,))) == known


# --- the folder ---

FILES = {"identity.txt": b"A <a@b.c>\n", "series.txt": b"one\n", "0001.txt": b"first\n"}


@pytest.fixture
def place(tmp_path: Path) -> Path:
    return tmp_path / "b4-review" / ("0" * 40)


def there(place: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in place.iterdir() if path.name != "reviewbot.json"}


def test_a_second_run_replaces_its_own_files(place):
    assert review_dir.put_review(place, FILES) == ()
    assert there(place) == FILES
    new = {"identity.txt": b"A <a@b.c>\n", "0002.txt": b"second\n"}
    assert review_dir.put_review(place, new) == ()
    assert there(place) == new
    assert review_dir.put_review(place, {}) == ()
    assert [path.name for path in place.parent.iterdir()] == []
    assert review_dir.put_review(place, {}) == ()


def test_what_others_put_there_or_have_edited_stays(place):
    review_dir.put_review(place, FILES)
    (place / "0001.txt").write_bytes(b"first, edited\n")
    (place / "0003.txt").write_bytes(b"theirs\n")
    assert review_dir.put_review(place, {**FILES, "0001.txt": b"new\n", "0003.txt": b"new\n"}) == (
        "0001.txt",
        "0003.txt",
    )
    assert there(place) == {**FILES, "0001.txt": b"first, edited\n", "0003.txt": b"theirs\n"}
    review_dir.put_review(place, {})
    assert there(place) == {"0001.txt": b"first, edited\n", "0003.txt": b"theirs\n"}


@pytest.mark.parametrize("names", [("identity.txt", "0001.txt"), ("0001.txt",)])
def test_the_review_of_another_is_not_mixed_with_ours(place, names):
    """b4 takes all files under the one name that identity.txt gives."""
    place.mkdir(parents=True)
    for name in names:
        (place / name).write_bytes(b"Other Agent <o@example.org>\n")
    before = there(place)
    with pytest.raises(InputError, match="let b4 take it in"):
        review_dir.put_review(place, FILES)
    assert there(place) == before


def test_a_run_that_was_cut_short_is_followed_by_a_whole_one(place, monkeypatch):
    review_dir.put_review(place, FILES)
    new = {**FILES, "0001.txt": b"new\n", "0002.txt": b"new too\n"}

    fill = files.fill_file

    def stop(descriptor, content):
        if content == b"new too\n":
            raise OSError(28, "No space left on device")
        fill(descriptor, content)

    monkeypatch.setattr(files, "fill_file", stop)
    with pytest.raises(InputError):
        review_dir.put_review(place, new)
    monkeypatch.undo()
    assert review_dir.put_review(place, new) == ()
    assert there(place) == new


def test_a_first_run_that_fails_leaves_nothing(place, monkeypatch):
    monkeypatch.setattr(review_dir, "_listed", lambda _sums: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        review_dir.put_review(place, FILES)
    assert list(place.parent.iterdir()) == []


@pytest.mark.parametrize("listed", [b"", b"[]", b"{", json.dumps({"../x": ["a"], "0001.txt": 7}).encode()])
def test_a_list_that_is_broken_makes_nothing_ours(place, listed):
    review_dir.put_review(place, FILES)
    (place / "reviewbot.json").write_bytes(listed)
    with pytest.raises(InputError):
        review_dir.put_review(place, FILES)
    assert there(place) == FILES


# --- where it cannot be used ---


@pytest.fixture
def home(tmp_path: Path) -> B4Home:
    return B4Home(tmp_path)


def refused(home: B4Home) -> str:
    done = home.reviewbot("agent")
    assert (done.code, done.out) == (3, "")
    assert done.err.startswith("reviewbot: ")
    assert done.err.count("\n") == 1
    assert not (home.tree.folder / ".git" / "b4-review").exists()
    return done.err


def test_a_branch_that_is_no_review_branch(home):
    assert "main is no review branch of b4" in refused(home)


def test_no_branch_at_all(home):
    home.git("checkout", "-q", "--detach")
    assert "HEAD is detached" in refused(home)


def test_no_repository(home):
    home.reviewbot.work = home.reviewbot.home
    home.reviewbot.env["GIT_CEILING_DIRECTORIES"] = str(home.reviewbot.home.parent)
    assert "not inside a git work tree" in refused(home)


@pytest.mark.parametrize(
    ("message", "why"),
    [
        ("a patch", "is not the one that b4 keeps its tracking data in"),
        ("x\n\n--- b4-review-tracking ---\n{", "cannot be read"),
        ("x\n\n--- b4-review-tracking ---\n[]", "says nothing of a series"),
        ('x\n\n--- b4-review-tracking ---\n# a comment\n{"series": {"change-id": 7, "x": 1}}', "are not on its branch"),
    ],
)
def test_a_review_branch_without_usable_data(home, message, why):
    home.git("checkout", "-q", "-b", f"b4/review/{CHANGE}")
    home.git("commit", "-q", "--allow-empty", "-m", message)
    assert why in refused(home)


def test_a_repository_in_which_b4_finds_nothing(home):
    """Its `.git` is a file, and there is no main work tree either."""
    git, apart = home.tree.folder / ".git", home.tree.folder.parent / "apart"
    home.git("checkout", "-q", "-b", f"b4/review/{CHANGE}")
    home.git("commit", "-q", "--allow-empty", "-m", 'x\n\n--- b4-review-tracking ---\n{"series": {"x": 1}}')
    shutil.move(git, apart)
    git.write_text(f"gitdir: {apart}\n")
    done = home.reviewbot("agent")
    assert (done.code, "b4 finds no review files here" in done.err) == (3, True)


def test_nobody_to_write_as(home):
    (home.reviewbot.home / ".gitconfig").write_text("")
    assert home.reviewbot("agent").code == 2
