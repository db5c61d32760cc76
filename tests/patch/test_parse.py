"""Diffs as git, plain diff, SVN, mailers and vandals write them, into files, hunks and what was unreadable."""

from __future__ import annotations

import subprocess
import time
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from reviewbot.model.patch import DiffLine, FileChange, Unread
from reviewbot.patch.parse import parse_diff

GIT = "diff --git a/mm/x.c b/mm/x.c\nindex 1111111..2222222 100644\n"
NAMES = "--- a/mm/x.c\n+++ b/mm/x.c\n"
FIRST = "@@ -1,3 +1,4 @@ int first(void)\n one\n-two\n+TWO\n+2b\n three\n"
SECOND = "@@ -20,3 +21,3 @@\n a\n-b\n+B\n c\n"
WHOLE = GIT + NAMES + FIRST + SECOND
OTHER = "diff --git a/fs/y.c b/fs/y.c\n--- a/fs/y.c\n+++ b/fs/y.c\n@@ -7 +7 @@\n-old\n+new\n"


def check(diff: str, paths: list[str], *reasons: str, **bounds: int) -> tuple[FileChange, ...]:
    """The files come out as named, in order, and each unread reason holds the words given."""
    files, unread = parse_diff(diff, **bounds)
    assert [file.path for file in files] == paths, unread
    assert len(unread) == len(reasons), unread
    for missed, reason in zip(unread, reasons, strict=True):
        assert reason in missed.reason
    return files


def added(file: FileChange) -> list[str]:
    return [line.text for hunk in file.hunks for line in hunk.lines if line.mark == "+"]


def test_both_sides_are_numbered() -> None:
    (file,) = check(WHOLE, ["mm/x.c"])
    assert file.header == tuple((GIT + NAMES).splitlines())
    assert (file.old_path, file.created, file.deleted) == ("mm/x.c", False, False)
    assert [hunk.section for hunk in file.hunks] == ["int first(void)", ""]
    assert file.hunks[0].header == "@@ -1,3 +1,4 @@ int first(void)"
    assert file.hunks[0].lines == (
        DiffLine(" ", "one", 1, 1),
        DiffLine("-", "two", 2, None),
        DiffLine("+", "TWO", None, 2),
        DiffLine("+", "2b", None, 3),
        DiffLine(" ", "three", 3, 4),
    )
    assert [(line.old, line.new) for line in file.hunks[1].lines] == [(20, 21), (21, None), (None, 22), (22, 23)]


@pytest.mark.parametrize("text", ["", "\n", "only prose\n", "\0\0\0", "@@ -1 +1 @@\n-a\n+b\n", "--- a/x\n+++ b/x\n"])
def test_no_diff_is_nothing(text: str) -> None:
    check(text, [])


NAMING = {
    "no prefix": ("diff --git mm/x.c mm/x.c\n--- mm/x.c\n+++ mm/x.c\n", "mm/x.c"),
    "prefix-like directory": ("diff --git a/x.c a/x.c\n--- a/x.c\n+++ a/x.c\n", "a/x.c"),
    "mnemonic": ("diff --git i/mm/x.c w/mm/x.c\n--- i/mm/x.c\n+++ w/mm/x.c\n", "mm/x.c"),
    "plain": ("--- a/mm/x.c\n+++ b/mm/x.c\n", "mm/x.c"),
    "plain with dates": ("--- mm/x.c\t2020-01-01 10:00:00 +0000\n+++ mm/x.c\t2020-01-02 10:00:00 +0000\n", "mm/x.c"),
    "dates after a space": ("--- a/mm/x.c 2020-01-01 10:00:00\n+++ b/mm/x.c 2020-01-02 10:00:00\n", "mm/x.c"),
    "two trees": (
        "diff -urN old/mm/x.c new/mm/x.c\n--- old/mm/x.c\t2020-01-01\n+++ new/mm/x.c\t2020-01-01\n",
        "mm/x.c",
    ),
    "two names": ("--- x.c\n+++ y.c\n", "y.c"),
    "SVN": (f"Index: mm/x.c\n{'=' * 67}\n--- mm/x.c\t(revision 1)\n+++ mm/x.c\t(working copy)\n", "mm/x.c"),
    "quilt": (f"Index: linux/mm/x.c\n{'=' * 67}\n--- linux.orig/mm/x.c\n+++ linux/mm/x.c\n", "mm/x.c"),
    "quoted": ('diff --git "a/\\303\\244.c" "b/\\303\\244.c"\n--- "a/\\303\\244.c"\n+++ "b/\\303\\244.c"\n', "ä.c"),
    "quoted, no UTF-8": ('--- "a/\\344.c"\n+++ "b/\\344.c"\n', "\udce4.c"),
    "spaces": ("diff --git a/my file.c b/my file.c\n--- a/my file.c\t\n+++ b/my file.c\t\n", "my file.c"),
    "renamed": ("diff --git a/a.c b/b.c\nrename from a.c\nrename to b.c\n--- a/a.c\n+++ b/b.c\n", "b.c"),
    "wrapped git line": ("diff --git a/mm/x.c\nb/mm/x.c\n--- a/mm/x.c\n+++ b/mm/x.c\n", "mm/x.c"),
}


@pytest.mark.parametrize("case", NAMING)
def test_names(case: str) -> None:
    header, path = NAMING[case]
    (file,) = check("Prose.\n\n" + header + FIRST, [path])
    assert added(file) == ["TWO", "2b"]


def test_created_and_deleted() -> None:
    git = "diff --git a/n.c b/n.c\nnew file mode 100644\nindex 0..1\n--- /dev/null\n+++ b/n.c\n@@ -0,0 +1 @@\n+x\n"
    plain = "--- a/n.c\t1970-01-01 00:00:00.0 +0000\n+++ b/n.c\t2020-01-01 00:00:00.0 +0000\n@@ -0,0 +1 @@\n+x\n"
    gone = "diff --git a/n.c b/n.c\ndeleted file mode 100644\n--- a/n.c\n+++ /dev/null\n@@ -1 +0,0 @@\n-x\n"
    for diff in (git, plain):
        (file,) = check(diff, ["n.c"])
        assert (file.created, file.deleted, file.old_path) == (True, False, None)
    (file,) = check(gone, ["n.c"])
    assert (file.created, file.deleted, file.old_path) == (False, True, "n.c")
    assert file.hunks[0].lines == (DiffLine("-", "x", 1, None),)


WITHOUT_HUNKS = {
    "mode": "diff --git a/s.sh b/s.sh\nold mode 100644\nnew mode 100755\n",
    "rename": "diff --git a/r.c b/s.sh\nsimilarity index 100%\nrename from r.c\nrename to s.sh\n",
    "empty new": "diff --git a/s.sh b/s.sh\nnew file mode 100644\nindex 0000000..e69de29\n",
    "empty gone": "diff --git a/s.sh b/s.sh\ndeleted file mode 100644\nindex e69de29..0000000\n",
    "binary": "diff --git a/s.sh b/s.sh\nindex 11..22 100644\nBinary files a/s.sh and b/s.sh differ\n",
    "binary in text": "diff --git a/s.sh b/s.sh\nGIT binary patch\ndelta 6\nNcmdlrU|?nd0RRBM\n\ndelta 6\nN\n\n",
}


@pytest.mark.parametrize("case", WITHOUT_HUNKS)
def test_files_without_hunks(case: str) -> None:
    first, second = check(WITHOUT_HUNKS[case] + OTHER + "-- \n2.47.0\n", ["s.sh", "fs/y.c"])
    assert first.hunks == ()
    assert first.old_path == {"rename": "r.c", "empty new": None}.get(case, "s.sh")
    assert (first.created, first.deleted) == (case == "empty new", case == "empty gone")
    assert not any("Ncmd" in line for line in first.header)
    assert added(second) == ["new"]


BROKEN = {
    "wrapped line": (
        FIRST.replace("+TWO\n", "+a line far too long\nfor the mailer\n"),
        "line 3 of the hunk was wrapped",
    ),
    "wrapped @@ line": (FIRST.replace("int first", "static int\nfirst"), "the @@ line was wrapped by a mailer"),
    "truncated": ("@@ -1,3 +1,4 @@ int first(void)\n one\n-two\n", "the hunk ends before the -3 +4 lines"),
    "truncated by a signature": ("@@ -1,5 +1,6 @@\n one\n-two\n-- \n2.47.0\n", "the hunk ends before"),
    "signature counted in": ("@@ -1,3 +1,1 @@\n one\n-two\n-- \n2.47.0\n", "the hunk ends before"),
    "one line too many": (FIRST.replace("-1,3 +1,4", "-1,3 +1,3"), "line 5 of the hunk is one too many"),
    "more lines below": (FIRST + "+four\n", "more lines follow than the -3 +4 its @@ line says"),
    "too few for one side": (FIRST.replace("-1,3 +1,4", "-1,1 +1,4"), "line 2 of the hunk is one too many"),
    "absurd count": (FIRST.replace("+1,4", "+1," + "9" * 5000), "the @@ line cannot be read"),
    "absurd but short": (FIRST.replace("+1,4", "+1,999999999"), "the hunk ends before the -3 +999999999"),
    "other digits": (FIRST.replace("+1,4", "+1,\u0664"), "the @@ line cannot be read"),
}


@pytest.mark.parametrize("case", BROKEN)
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_a_broken_hunk_leaves_the_rest(case: str, end: str) -> None:
    bad, reason = BROKEN[case]
    text = (GIT + NAMES + SECOND + bad + SECOND.replace("-20,3 +21,3", "-90,3 +92,3") + OTHER).replace("\n", end)
    files, unread = parse_diff(text)
    assert [file.path for file in files] == ["mm/x.c", "fs/y.c"]
    assert [hunk.lines[0].old for hunk in files[0].hunks] == [20, 90]
    assert unread[0].path == "mm/x.c" and unread[0].reason.startswith("@@ -1")
    assert reason in unread[0].reason and len(unread) == 1


def test_a_file_that_is_all_broken_is_not_returned() -> None:
    check(GIT + NAMES + BROKEN["truncated"][0] + OTHER, ["fs/y.c"], "the hunk ends before")
    check(GIT + OTHER, ["fs/y.c"], "no change follows")
    check(GIT + NAMES, [], "no change follows")
    check("diff --git a/mm/x.c b/mm/x.c\n@@ -1 +1 @@\n-a\n+b\n" + OTHER, ["fs/y.c"], "no change follows")


ENDS = {
    "signature": "-- \n2.47.0\n\n",
    "stripped signature": "--\n2.47.0\n",
    "footer": "\n_____________\nlinux-foo mailing list\nlinux-foo@example.org\n",
    "no end of line": "",
    "blank lines": "\n\n\n",
    "form feed": "\f\n",
}


@pytest.mark.parametrize("case", ENDS)
def test_what_follows_the_last_hunk(case: str) -> None:
    (file,) = check(WHOLE.removesuffix("\n" if case == "no end of line" else "") + ENDS[case], ["mm/x.c"])
    assert file.hunks[-1].lines[-1] == DiffLine(" ", "c", 22, 23)


def test_odd_characters_stay_in_their_lines() -> None:
    odd = "a\fb\u2028c\x85d\x1ce\vf\udcff\rg"
    (file,) = check(GIT + NAMES + f"@@ -1 +1,2 @@ s\f1\n {odd}\n+{odd}\r\n", ["mm/x.c"])
    assert [line.text for line in file.hunks[0].lines] == [odd, odd + "\r"]
    assert file.hunks[0].section == "s\f1"


def test_crlf_of_the_mail_goes_and_that_of_the_file_stays() -> None:
    (mail,) = check(WHOLE.replace("\n", "\r\n"), ["mm/x.c"])
    assert mail == parse_diff(WHOLE)[0][0]
    (file,) = check(GIT + NAMES + "@@ -1,2 +1,2 @@\n\r\n-a\r\n+b\r\n", ["mm/x.c"])
    assert [line.text for line in file.hunks[0].lines] == ["\r", "a\r", "b\r"]


def test_blank_context_that_lost_its_space() -> None:
    (file,) = check(GIT + NAMES + "@@ -1,3 +1,4 @@\n one\n\n+two\n three\n", ["mm/x.c"])
    assert file.hunks[0].lines[1] == DiffLine(" ", "", 2, 2)


def test_no_newline_markers_are_dropped() -> None:
    mark = "\\ No newline at end of file\n"
    (file,) = check(GIT + NAMES + f"@@ -1 +1 @@\n-a\n{mark}+b\n{mark}" + SECOND, ["mm/x.c"])
    assert [line.text for line in file.hunks[0].lines] == ["a", "b"]
    assert len(file.hunks) == 2


def test_content_that_looks_like_a_diff() -> None:
    inner = "@@ -1,4 +1,4 @@\n--- a/no.c\n+++ b/no.c\n-@@ -1 +1 @@\n+@@ -1 +1 @@\n diff --git a/no.c b/no.c\n last\n"
    (file,) = check(GIT + NAMES + inner + SECOND, ["mm/x.c"])
    assert added(file) == ["++ b/no.c", "@@ -1 +1 @@", "B"]
    assert len(file.hunks) == 2


PROSE = {
    "names": "--- before\n+++ after\n\n",
    "hunk": "@@ -1 +1 @@\n-a\n+b\n\n",
    "git line": "diff --git is what git prints\n\n",
    "rule": "---\nA note below the line.\n\n",
    "indented": "".join(f"    {line}\n" for line in OTHER.splitlines()),
    "quoted": "".join(f"> {line}\n" for line in OTHER.splitlines()),
}


@pytest.mark.parametrize("case", PROSE)
def test_lookalikes_before_the_diff(case: str) -> None:
    (file,) = check(PROSE[case] + WHOLE, ["mm/x.c"])
    assert file == parse_diff(WHOLE)[0][0]


def test_a_diff_in_the_commit_message_is_named_and_not_reviewed() -> None:
    stat = "\nSigned-off-by: A\n---\n mm/x.c | 3 +-\n 1 file changed, 2 insertions(+)\n\n"
    check("It was\n" + OTHER + stat + WHOLE, ["mm/x.c"], "a diff inside the commit message")
    check(OTHER + "---\nno diffstat here\n" + WHOLE, ["fs/y.c", "mm/x.c"])


MERGE = "index 1,2..3\n--- a/mm/x.c\n+++ b/mm/x.c\n@@@ -1,2 -1,2 +1,3 @@@\n  a\n++b\n  c\n"


@pytest.mark.parametrize("first", ["diff --cc mm/x.c\n", "diff --combined mm/x.c\n", ""])
def test_a_combined_diff_is_unread(first: str) -> None:
    files, unread = parse_diff(first + MERGE + OTHER)
    assert [file.path for file in files] == ["fs/y.c"]
    assert unread == (Unread("mm/x.c", "a combined diff of a merge has more than two sides"),)


HOSTILE = {
    "up": ("a/../../etc/passwd", "../../etc/passwd"),
    "up inside": ("a/mm/../../x", "mm/../../x"),
    "absolute": ("/etc/passwd", "/etc/passwd"),
    "absolute below a prefix": ("a//etc/passwd", "/etc/passwd"),
    "NUL": ("a/x\0y", "x\\x00y"),
    "backslash": ("a/..\\x", "..\\\\x"),
    "escape": ('"a/\\033[2Jx"', "\\x1b[2Jx"),
    "newline": ('"a/x\\ny"', "x\\ny"),
    "git's own": ("a/.git/hooks/post-commit", ".git/hooks/post-commit"),
    "empty": ("a/", ""),
    "long": ("a/../" + "x" * 5000, "../" + "x" * 197 + "..."),
}


@pytest.mark.parametrize("case", HOSTILE)
def test_paths_that_leave_the_tree(case: str) -> None:
    name, shown = HOSTILE[case]
    target = name.replace("a/", "b/", 1)
    for old, new in ((name, target), ("/dev/null", target), (name, "/dev/null")):
        files, unread = parse_diff(f"--- {old}\n+++ {new}\n{FIRST}{OTHER}")
        assert [file.path for file in files] == ["fs/y.c"]
        assert unread == (Unread(shown, "the path leaves the tree or is no path"),)
    check(f"diff --git {name} {target}\nold mode 100644\nnew mode 100755\n" + OTHER, ["fs/y.c"], "the path leaves")


def test_a_rename_out_of_the_tree() -> None:
    move = "diff --git a/f b/f\nsimilarity index 100%\nrename from {}\nrename to {}\n"
    check(move.format("../f", "f") + OTHER, ["fs/y.c"], "the path leaves the tree")
    check(move.format("f", "/tmp/f") + OTHER, ["fs/y.c"], "the path leaves the tree")


def test_what_is_shown_of_a_hunk_cannot_move_a_cursor() -> None:
    _, (missed,) = parse_diff(GIT + NAMES + "@@ -1,9 +1,9 @@ \x1b[2J\u202e\n a\n")
    assert missed.reason.startswith("@@ -1,9 +1,9 @@ \\x1b[2J\\u202e: ")


def test_the_same_file_twice() -> None:
    files = check(WHOLE + WHOLE, ["mm/x.c", "mm/x.c"])
    assert files[0] == files[1]


def test_bounds_are_named() -> None:
    check(WHOLE + OTHER, ["fs/y.c"], "11 lines, more than the 5 that", max_lines=5)
    check(WHOLE + OTHER, ["mm/x.c"], "more than 1 files", max_files=1)
    check(WHOLE + OTHER.replace("new", "n" * 99), ["mm/x.c"], "longer than the 50 characters", max_width=50)
    big = GIT + NAMES + "@@ -0,0 +1,200000 @@\n" + "+x\n" * 200_000
    check(big + OTHER, ["fs/y.c"], "200001 lines, more than the 100000 that are looked at in one file")


@pytest.mark.parametrize(
    "text",
    [
        "---\n" * 300_000,
        "diff --git a/x b/x\n" + "index 1\n" * 150_000 + "@@ -1 +1 @@\n" * 150_000,
        "--- a/x\n+++ b/x\n" + "@@ -1,9 +1,9 @@\n" * 200_000,
        "--- a/x\n+++ b/x\n@@ -1 +1 @@\n" * 100_000,
        OTHER + " a\n" * 300_000,
        (OTHER + "---\n") * 30_000,
        "--- a" + " " * 2_000_000 + "\n+++ b" + " " * 2_000_000 + "\n" + FIRST,
        '--- "a/' + "\\1" * 1_000_000 + '"\n+++ "b/' + "\\" * 2_000_000 + '"\n' + FIRST,
    ],
    ids=["rules", "headers", "hunks", "names", "tail", "messages", "spaces", "quotes"],
)
@pytest.mark.alone
def test_time_grows_with_the_text_alone(text: str) -> None:
    start = time.process_time()
    parse_diff(text)
    assert time.process_time() - start < 10  # about one second; anything quadratic takes minutes


@pytest.mark.alone
def test_a_megabyte() -> None:
    hunk = "@@ -{0},4 +{0},6 @@ int f(void)\n a line of context;\n+\tan added line;\n+\tanother;\n one\n two\n three\n"
    file = GIT + NAMES + "".join(hunk.format(1 + 10 * number) for number in range(100))
    diff = file * (1_000_000 // len(file) + 1)
    start = time.process_time()
    files, unread = parse_diff(diff)
    assert time.process_time() - start < 5  # a quarter of a second on a slow machine
    assert not unread and sum(len(added(each)) for each in files) == 200 * len(files)


# --- against git itself ---

LINE = st.text(
    st.characters(codec="utf-8", exclude_characters="\n\0") | st.sampled_from("-+ @\\\r\f\t"), max_size=12
) | st.sampled_from(["-- ", "--- a/x", "+++ b/x", "@@ -1 +1 @@", "diff --git a/x b/x", "", "2.47.0", "---"])
LINES = st.lists(LINE, max_size=40)


def content(lines: list[str], ended: bool) -> bytes:
    return ("\n".join(lines) + ("\n" if ended and lines else "")).encode()


def line_count(data: bytes) -> int:
    return data.count(b"\n") + (data != b"" and not data.endswith(b"\n"))


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(LINES, LINES, LINES, st.booleans(), st.integers(0, 3))
def test_what_git_prints_comes_back(
    tmp_path: Path, kept: list[str], before: list[str], after: list[str], ended: bool, context: int
) -> None:
    sides = {"a": content(kept + before + kept, ended), "b": content(kept + after + kept, True)}
    for name, data in sides.items():
        (tmp_path / name).mkdir(exist_ok=True)
        (tmp_path / name / "my file.c").write_bytes(data)
    command = ["git", "diff", "--no-index", "--text", "--no-prefix", f"-U{context}", "a", "b"]
    run = subprocess.run(command, cwd=tmp_path, capture_output=True, check=False)
    files, unread = parse_diff(run.stdout.decode("utf-8", "surrogateescape") + "-- \n2.47.0\n")
    assert not unread
    assert bool(files) == (sides["a"] != sides["b"])
    old = sides["a"].decode().split("\n")
    new = sides["b"].decode().split("\n")
    for file in files:
        assert (file.path, file.old_path) == ("my file.c", "my file.c")
        lines = [line for hunk in file.hunks for line in hunk.lines]
        assert all(line.text == new[line.new - 1] for line in lines if line.new is not None)
        assert all(line.text == old[line.old - 1] for line in lines if line.old is not None)
        assert {line.mark for line in lines} <= {" ", "+", "-"}
        shift = sum((line.mark == "+") - (line.mark == "-") for line in lines)
        assert shift == line_count(sides["b"]) - line_count(sides["a"])


@settings(max_examples=300, deadline=None)
@given(st.text(st.characters() | st.sampled_from("-+@ \n\r\\"), max_size=200))
def test_any_text_is_survived(text: str) -> None:
    parse_diff(text)


@settings(max_examples=400, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 40), st.sampled_from(["drop", "copy", "swap", "cut", "join", "put"]), LINE)))
def test_any_mutated_diff_is_survived(changes: list[tuple[int, str, str]]) -> None:
    lines = (OTHER + WITHOUT_HUNKS["rename"] + WHOLE).split("\n")
    for where, what, text in changes:
        at = where % len(lines)
        edits = {
            "drop": [],
            "copy": [lines[at], lines[at]],
            "swap": [lines[at][::-1]],
            "cut": [lines[at][: len(lines[at]) // 2], lines[at][len(lines[at]) // 2 :]],
            "join": [lines[at] + text],
            "put": [text, lines[at]],
        }
        lines[at : at + 1] = edits[what]
        lines = lines or [""]
    files, unread = parse_diff("\n".join(lines))
    for file in files:
        assert ".." not in file.path.split("/") and not file.path.startswith("/")
        for hunk in file.hunks:
            news = [line.new for line in hunk.lines if line.new is not None]
            assert news == list(range(news[0], news[0] + len(news))) if news else True
    assert all(missed.reason.isprintable() for missed in unread)
