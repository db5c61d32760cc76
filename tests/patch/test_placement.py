"""Where hunks stand in a file that is another than the one they were made for, and which of them fit nowhere."""

from __future__ import annotations

import difflib
import subprocess
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from reviewbot.patch import parse
from reviewbot.patch.placement import place_hunks

BODY = "\tint err;\n\n\terr = prepare(x);\n\tif (err)\n\t\treturn err;\n\treturn 0;\n}\n\n"


def function(name: str) -> str:
    return f"static int {name}(struct x *x)\n{{\n{BODY}"


def filler(count: int) -> str:
    return "".join(f"/* row {at} */\n" for at in range(count))


def change_of(old: str, new: str, section: str = "", path: str = "fs/x.c"):
    rows = difflib.unified_diff(old.splitlines(True), new.splitlines(True), f"a/{path}", f"b/{path}", n=3)
    (found,), unread = parse.parse_diff("".join(rows).replace(" @@\n", f" @@ {section}\n"))
    assert unread == ()
    return found


def edited(text: str, name: str) -> str:
    """The text with a change in the middle of a function's body, whose hunk does not show the function's name."""
    first, whole, rest = text.partition(function(name))
    assert whole
    return first + whole.replace("\tif (err)\n", "\tif (err < 0)\n") + rest


def placed(old: str, new: str, here: str, section: str = "", path: str = "fs/x.c"):
    return place_hunks(change_of(old, new, section, path), here.splitlines())


OLD = filler(20) + function("one") + function("two")
ONE, TWO = "static int one(struct x *x)", "static int two(struct x *x)"


def test_what_stands_where_the_diff_says_is_not_moved():
    new = edited(OLD, "one")
    done = placed(OLD, new, OLD, ONE)
    assert (done.rows, done.moved, done.misfits) == (new.splitlines(), (), ())


def test_a_hunk_forty_lines_off_is_placed_and_named():
    done = placed(OLD, edited(OLD, "one"), filler(40) + OLD, ONE)
    assert done.rows == (filler(40) + edited(OLD, "one")).splitlines()
    assert list(map(str, done.moved)) == ["fs/x.c: hunk 1 (line 23) stands on line 63"]


def test_the_function_that_is_gone_is_not_replaced_by_one_that_looks_alike():
    here = filler(20) + function("two")
    done = placed(OLD, edited(OLD, "one"), here, ONE)
    assert done.rows is None
    assert str(done.misfits[0]) == "fs/x.c: hunk 1 (line 23) fits only in another function: two()"


def test_a_nearer_function_that_looks_alike_is_no_place_either():
    """git would put it there: the right one has moved away."""
    here = filler(20) + function("two") + filler(30) + function("one")
    done = placed(OLD, edited(OLD, "one"), here, ONE)
    assert str(done.misfits[0]) == "fs/x.c: hunk 1 (line 23) would be put into another function: two()"


def test_a_renamed_function_is_another_one_also_at_its_line():
    """Nobody can tell it from one that has taken the place of a removed one."""
    done = placed(OLD, edited(OLD, "one"), OLD.replace("one(", "uno("), ONE)
    assert done.misfits[0].why == "fits only in another function: uno()"


def test_what_stands_between_functions_is_told_by_its_own_rows():
    """git names the function above, and there may be another one above now."""
    old = filler(4) + function("one") + "/*\n * a note\n */\nint limit;\n"
    new = old.replace(" * a note\n", " * a remark\n")
    here = filler(4) + function("one") + function("more") + "/*\n * a note\n */\nint limit;\n"
    assert [one.here for one in placed(old, new, here, ONE).moved] == [23]


def test_a_changed_line_of_parameters_does_not_make_another_function():
    here = filler(7) + OLD.replace("static int one(struct x *x)", "int one(void)")
    assert [one.here for one in placed(OLD, edited(OLD, "one"), here, ONE).moved] == [30]


def test_several_places_and_no_function_to_tell_them_apart():
    here = filler(27) + function("two") + function("three")
    done = placed(OLD, edited(OLD, "one"), here)
    assert str(done.misfits[0]) == "fs/x.c: hunk 1 (line 23) fits in several places"


def test_labels_and_other_languages_tell_no_function():
    here = filler(9) + OLD
    assert placed(OLD, edited(OLD, "one"), here, "out:").misfits[0].why == "fits in several places"
    assert placed(OLD, edited(OLD, "one"), here, "def one(self):", "a.py").misfits[0].why == "fits in several places"
    only = filler(20) + function("one")
    for path, section in (("a.py", "def one(self):"), ("x.c", "out:")):
        assert placed(only, edited(only, "one"), filler(9) + only, section, path).rows is not None


def test_the_second_hunk_is_named_by_its_number_and_line():
    new = edited(edited(OLD, "one"), "two").replace("/* row 2 */", "/* two */")
    done = placed(OLD, new, OLD.replace("\tint err;\n", "\tint ret;\n"))
    assert [str(one) for one in done.misfits] == ["fs/x.c: hunk 2 (line 23) fits nowhere"]
    assert done.rows is None


def test_the_ends_of_a_file_are_places():
    """As for git: a hunk that begins at the first row, or ends with the last one, stands there."""
    old = "a\nb\nc\nd\ne\nf\ng\nh\n"
    assert placed(old, old.replace("a\n", "x\n"), "new\n" + old).rows is None
    assert placed(old, old.replace("h\n", "x\n"), old + "new\n").rows is None
    assert placed(old, old.replace("h\n", "x\n"), "new\n" + old).rows is not None


def test_a_large_file_of_equal_rows():
    old = "int x;\n" * 150
    here = "int x;\n" * 100_000
    change = change_of(old, old[:700] + "int y;\n" + old[700:])
    assert len(place_hunks(change, here.splitlines()).rows) == 100_001


ROWS = st.lists(st.sampled_from(["a", "b", "c", "d"]), min_size=1, max_size=14)


@given(old=ROWS, new=ROWS, above=ROWS, below=ROWS)
def test_what_is_placed_is_where_git_puts_it(tmp_path_factory, old, new, above, below):
    """Or it is refused: git knows no functions, and takes the nearest of several places."""
    texts = ["".join(f"{row}\n" for row in rows) for rows in (old, new, [*above, *old, *below])]
    if texts[0] == texts[1]:
        return
    done = place_hunks(change_of(texts[0], texts[1]), texts[2].splitlines())
    folder: Path = tmp_path_factory.mktemp("apply")
    (folder / "fs").mkdir()
    (folder / "fs/x.c").write_text(texts[2])
    rows = difflib.unified_diff(texts[0].splitlines(True), texts[1].splitlines(True), "a/fs/x.c", "b/fs/x.c")
    said = subprocess.run(
        ["git", "apply", "-"], cwd=folder, input="".join(rows), text=True, capture_output=True, check=False
    )
    if done.rows is not None:
        assert said.returncode == 0, said.stderr
        assert (folder / "fs/x.c").read_text().splitlines() == done.rows
