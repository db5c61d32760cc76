"""Where the lines of a change stand in the files it leads from and to."""

from __future__ import annotations

import difflib

from hypothesis import example, given
from hypothesis import strategies as st

from reviewbot.patch import parse
from reviewbot.patch.relocate import relocate

OLD = "".join(f"row {at}\n" for at in range(40))


def change_of(diff: str):
    (found,), unread = parse.parse_diff(diff)
    assert unread == ()
    return found


def diff_of(old: str, new: str, context: int = 3) -> str:
    rows = difflib.unified_diff(old.splitlines(True), new.splitlines(True), "a/x.c", "b/x.c", n=context)
    return "".join(rows)


def numbers(placed):
    return [(line.mark, line.old, line.new) for hunk in placed.hunks for line in hunk.lines]


def test_what_fits_keeps_its_numbers():
    new = OLD.replace("row 20\n", "row 20\nmore\n")
    change = change_of(diff_of(OLD, new))
    assert relocate(change, OLD, new) == change


def test_a_patch_that_applies_some_lines_off_gets_the_numbers_of_the_files():
    new = OLD.replace("row 20\n", "row 20\nmore\n")
    change = change_of(diff_of(OLD, new))
    above = "a line above\n" * 7
    placed = relocate(change, above + OLD, above + new)
    assert placed is not None
    assert [(mark, old and old - 7, fresh and fresh - 7) for mark, old, fresh in numbers(placed)] == numbers(change)
    assert [hunk.header for hunk in placed.hunks] == [hunk.header for hunk in change.hunks]  # it is quoted as sent


def test_of_two_places_the_nearer_one_is_taken():
    old = "same\nsame\n" * 30
    new = "same\nsame\n" * 15 + "new\n" + "same\nsame\n" * 15
    change = change_of(diff_of(old, new))
    placed = relocate(change, old, new)
    assert placed is not None
    assert numbers(placed) == numbers(change)


def test_a_new_file_and_a_deleted_one_have_one_side():
    created = change_of("--- /dev/null\n+++ b/x.c\n@@ -0,0 +1,2 @@\n+one\n+two\n")
    assert relocate(created, None, "one\ntwo\n") == created
    deleted = change_of("--- a/x.c\n+++ /dev/null\n@@ -1,2 +0,0 @@\n-one\n-two\n")
    assert relocate(deleted, "one\ntwo\n", None) == deleted


def test_files_that_are_not_what_the_hunks_say_are_refused():
    new = OLD.replace("row 20\n", "row 20\nmore\n")
    change = change_of(diff_of(OLD, new))
    assert relocate(change, OLD, OLD) is None
    assert relocate(change, None, new) is None
    assert relocate(change, OLD, new + "and something else\n") is None
    assert relocate(change, OLD.replace("row 19", "row nineteen"), new) is None


def test_a_hunk_that_stands_twice_is_refused():
    new = OLD.replace("row 20\n", "row 20\nmore\n")
    change = change_of(diff_of(OLD, new))
    twice = type(change)(change.path, change.old_path, change.hunks * 2)
    assert relocate(twice, OLD, new) is None


def test_the_carriage_returns_of_a_file_do_not_matter():
    new = OLD.replace("row 20\n", "row 20\nmore\n")
    change = change_of(diff_of(OLD, new))
    assert relocate(change, OLD.replace("\n", "\r\n"), new.replace("\n", "\r\n")) == change


@given(
    st.lists(st.sampled_from("ab;{}"), max_size=40),
    st.lists(st.tuples(st.integers(0, 40), st.sampled_from(["", "c", "d\nd"])), max_size=4),
    st.integers(0, 3),
)
@example(["a"] * 6, [(0, ""), (3, "")], 0)  # the second hunk has no old lines, and stands below a first one that grew
def test_whatever_diff_says_is_found_again(rows, edits, context):
    changed = list(rows)
    for at, text in edits:
        if changed:
            changed[at % len(changed)] = text
    old, new = ("".join(f"{row}\n" for row in side) for side in (rows, changed))
    diff = diff_of(old, new, context)
    if not diff:
        return
    change = change_of(diff)
    placed = relocate(change, old, new)
    assert placed is not None
    for hunk in placed.hunks:
        for line in hunk.lines:
            assert line.old is None or old.split("\n")[line.old - 1] == line.text
            assert line.new is None or new.split("\n")[line.new - 1] == line.text
