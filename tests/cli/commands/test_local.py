"""`reviewbot local`: commits, staged and other changes are told apart, and each says where it went wrong."""

from __future__ import annotations

import json
import subprocess

import pytest

from desk import FILE, LEAK, LINE, MENDED, WHOLE
from report_readers import READERS
from reviewbot.report.registry import FORMATS

SCOPE_LEAK = (FILE, LINE, "scope-leak")


def test_each_group_is_a_patch_of_its_own(desk):
    desk.kernel.commit("exfoo: check", {FILE: LEAK})
    desk.stage("fs/exfoo/b.c", LEAK)
    desk.write("fs/exfoo/b.c", LEAK + LEAK.replace("made", "other"))
    desk.write("fs/exfoo/c.c", LEAK)
    groups = {"exfoo: check": ["scope-leak"], "staged": ["scope-leak"], "not staged": ["scope-leak"]}
    assert desk.groups("--base", desk.base) == groups
    assert desk.groups("--base", "HEAD") == {name: groups[name] for name in ("staged", "not staged")}
    assert desk.groups("--staged") == {"staged": ["scope-leak"]}
    assert desk.groups("--base", "HEAD", "--untracked") == {
        **{name: groups[name] for name in ("staged", "not staged")},
        "untracked": ["scope-leak"],
    }


def test_a_remark_is_a_line_that_a_terminal_makes_a_link_of(desk):
    desk.stage(FILE, LEAK)
    done = desk("--staged")
    assert done.code == 1
    title, remark, code, summary = done.out.splitlines()
    assert title == "staged"
    assert remark.startswith(f"{FILE}:{LINE}: error: the memalloc_nofs_save() scope is still open")
    assert remark.endswith(" [scope-leak, high]")
    assert code == f"{LINE:>7} |                 return -ENOMEM;"
    assert summary == "1 remark (1 error) on staged changes, 2 added lines, kernel 6.12"
    assert done.err == ""
    assert desk("--staged", "-q").out == "\n".join((title, remark, code, ""))


def test_paths_are_seen_from_the_current_folder(desk):
    desk.stage(FILE, LEAK)
    for folder, expected in (("fs", "exfoo/a.c"), ("fs/exfoo", "a.c"), ("mm", "../fs/exfoo/a.c")):
        desk.command.work = desk.folder / folder
        assert desk.remarks() == [(expected, LINE, "scope-leak")]
    desk.command.work = desk.folder.parent / "home"
    assert desk.remarks("--tree", desk.folder) == [("../linux/fs/exfoo/a.c", LINE, "scope-leak")]
    desk.command.work = desk.folder
    assert desk.remarks(GIT_PREFIX="mm/") == [("../fs/exfoo/a.c", LINE, "scope-leak")], "as in a hook, git was there"


def test_a_remark_stands_where_it_is_in_the_work_tree(desk):
    """What is staged moves with what is not, reviewed or not."""
    desk.stage(FILE, LEAK)
    desk.write(FILE, "/* one\n * two\n */\n" + LEAK)
    moved = [(FILE, LINE + 3, "scope-leak")]
    assert desk.remarks() == moved
    assert desk.remarks("--staged") == moved
    found = json.loads(desk("--staged", "--format", "json").out)
    assert found["patches"][0]["findings"][0]["line"] == LINE, "a program asks for the line of what is staged"


def test_what_a_later_group_mends_is_not_said(desk):
    desk.kernel.commit("exfoo: check", {FILE: LEAK})
    desk.write(FILE, MENDED)
    done = desk("--base", desk.base)
    assert (done.code, desk.remarks("--base", desk.base)) == (0, [])
    found = json.loads(desk("--base", desk.base, "--format", "json").out)
    assert [one["resolved_by"] for one in found["patches"][0]["findings"]] == ["not staged"]
    assert [patch["commit"] for patch in found["patches"]] == [desk.kernel.git("rev-parse", "HEAD"), None]


def test_what_was_wrong_before_is_not_said(desk):
    desk.base = desk.kernel.commit("exfoo: check", {FILE: LEAK})
    desk.stage(FILE, LEAK.replace("kmalloc(8", "kmalloc(16"))
    assert desk.groups("--staged") == {"staged": []}
    assert desk("--staged").code == 0


def test_the_reasoning_is_told_if_asked_for(desk):
    desk.stage(FILE, LEAK)
    told = desk("--staged", "--explain").out
    for part in (
        f"{FILE}:8: note: scope entered here in made()",
        "    > +                return -ENOMEM;",
        "The memalloc_nofs_save() scope is still open",
        "Why: The scope is a bit in current->flags.",
        "What to do: Restore before every return",
        "reviewbot rule scope-leak",
    ):
        assert part in told
    assert "Why:" not in desk("--staged").out


def test_what_is_not_sure_is_shown_here_and_not_to_a_ci(desk):
    desk.stage(
        FILE, WHOLE.replace("\tflags = m", "\tp = kmalloc(4, GFP_NOFS);\n\tx->p = kmalloc(8, GFP_KERNEL);\n\tflags = m")
    )
    found = json.loads(desk("--staged", "--format", "json").out)["patches"][0]["findings"]
    low = [one["rule"] for one in found if one["confidence"] == "low"]
    assert low
    assert set(low) <= {rule for _, _, rule in desk.remarks("--staged")}
    assert not set(low) & {rule for _, _, rule in desk.remarks("--staged", "--min-confidence", "medium")}
    (desk.command.home / "mine.toml").write_text('[surface]\nlocal = "high"\n')
    assert not set(low) & {rule for _, _, rule in desk.remarks("--staged", "--config", desk.command.home / "mine.toml")}


def test_every_format_knows_the_groups(desk):
    desk.stage(FILE, LEAK)
    folder = desk.folder.parent
    done = desk("--staged", *(f"--output={name}={folder}/{name}" for name in FORMATS))
    assert (done.code, done.out) == (1, desk("--staged").out)
    for name, rows in READERS.items():
        text = (folder / name).read_text()
        assert [row[:1] + row[2:4] for row in rows(text)] == [("scope-leak", FILE, LINE)]
    assert desk("--staged", "--format", "sarif").out == (folder / "sarif").read_text()
    assert "staged\n\n  error (high) scope-leak in made()\n" in (folder / "text").read_text()


def test_a_report_for_a_program_beside_what_is_read(desk):
    desk.stage(FILE, LEAK)
    path = desk.folder.parent / "review.sarif"
    assert desk.remarks("--staged", "--output", f"sarif={path}", "--output", f"local={path}.txt") == [SCOPE_LEAK]
    assert json.loads(path.read_text())["runs"][0]["results"][0]["ruleId"] == "scope-leak"
    assert f"{FILE}:{LINE}: error: " in path.with_name("review.sarif.txt").read_text()


@pytest.mark.parametrize(
    ("options", "code"),
    [
        ([], 1),
        (["--fail-on", "error"], 1),
        (["--fail-on", "never"], 0),
        (["--exit-zero"], 0),
        (["--min-confidence", "high"], 1),
    ],
)
def test_the_gate(desk, options, code):
    desk.stage(FILE, LEAK)
    done = desk("--staged", *options)
    assert (done.code, "scope-leak" in done.out) == (code, True)


def test_what_is_known_or_not_wanted_is_not_raised(desk):
    desk.stage(FILE, LEAK)
    known = desk.folder.parent / "known.json"
    assert desk("--staged", "--write-baseline", known).code == 0
    assert desk.remarks("--staged", "--baseline", known) == []
    (desk.command.home / "mine.toml").write_text('[[ignore]]\nrule = "scope-leak"\nreason = "so it is"\n')
    assert desk.remarks("--staged", "--config", desk.command.home / "mine.toml") == []


# --- what is not there ---


def test_nothing_to_review(desk):
    for options in ((), ("--staged",), ("--base", "HEAD")):
        done = desk(*options)
        assert done.code == (3 if options == () else 0)
    assert desk("--staged") == (0, "", "nothing to review: no change\n")
    assert desk("--staged", "-q") == (0, "", "")
    assert desk("--base", "HEAD").err == "nothing to review: no change since HEAD\n"
    desk.stage("Makefile", "VERSION = 7\n")
    assert (
        desk("--staged").err == "nothing to review: staged changes change no file that can be read (.c, .h, .inc, .S)\n"
    )
    assert desk("--staged").code == 0


def test_where_the_commits_begin_is_not_known(desk):
    desk.kernel.commit("exfoo: check", {FILE: LEAK})
    done = desk()
    assert (done.code, done.out.count("\n")) == (3, 1)
    assert done.out.startswith("not looked at: the commits: the branch has no upstream")
    assert "--base REV" in done.out
    desk.stage("fs/exfoo/b.c", LEAK)
    done = desk()
    assert done.code == 1
    assert "not looked at: the commits: " in done.out
    assert desk.groups() == {"staged": ["scope-leak"]}


def test_no_commit_yet(desk, tmp_path):
    desk.kernel.git("checkout", "--quiet", "--orphan", "fresh")
    desk.kernel.git("rm", "--quiet", "-r", "--cached", ".")
    assert desk("--staged") == (0, "", "nothing to review: no change\n")
    desk.stage(FILE, LEAK)
    assert desk.groups("--staged") == {"staged": ["scope-leak"]}
    desk.write(FILE, LEAK + LEAK.replace("made", "other"))
    assert desk.groups() == {"staged": ["scope-leak"], "not staged": ["scope-leak"]}
    assert desk("--base", "HEAD").code == 2


def test_a_repository_in_which_nothing_ever_was(desk, tmp_path):
    fresh = tmp_path / "fresh"
    fresh.mkdir()
    subprocess.run(["git", "init", "--quiet", fresh], check=True)
    desk.command.work = fresh
    assert desk() == (0, "", "nothing to review: no change\n")
    assert desk("--staged") == (0, "", "nothing to review: no change\n")
    (fresh / "a.c").write_text(LEAK)
    assert desk().err == "untracked, and not looked at: a.c (--untracked)\nnothing to review: no change\n"
    assert desk.groups("--untracked") == {"untracked": ["scope-leak"]}


def test_a_detached_head(desk):
    desk.kernel.git("checkout", "--quiet", "--detach")
    desk.stage(FILE, LEAK)
    assert desk.groups("--staged") == {"staged": ["scope-leak"]}
    assert desk("--base", "HEAD").code == 1
    ((_, reason),) = desk.unread()
    assert reason.startswith("the commits: HEAD is detached, and ")


def test_no_repository(desk, tmp_path):
    desk.command.work = tmp_path / "home"
    for options in ((), ("--staged",), ("-e",)):
        assert desk(*options) == (2, "", "reviewbot: the current folder is not a git repository\n")
    assert desk("--tree", "gone") == (2, "", "reviewbot: --tree gone: no such folder\n")


def test_a_bare_repository_has_commits_and_nothing_else(desk, tmp_path):
    desk.kernel.commit("exfoo: check", {FILE: LEAK})
    bare = tmp_path / "bare.git"
    subprocess.run(["git", "clone", "--quiet", "--bare", desk.folder, bare], check=True)
    desk.command.work = bare
    done = desk("--staged")
    assert (done.code, done.out) == (2, "")
    assert done.err == "reviewbot: --staged: the current folder has no work tree, so nothing is staged there\n"
    assert desk.remarks("--base", desk.base) == [SCOPE_LEAK]
    desk.command.work = desk.folder / ".git"
    assert desk("--staged").code == 2


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--staged", "--base", "HEAD"], "--staged looks at the index alone: it goes without --base"),
        (["--staged", "--untracked"], "--staged looks at the index alone: it goes without --untracked"),
        (["--staged", "a.patch"], "--staged is about the work tree: it goes without patch files"),
        (
            ["--edit", "a.patch"],
            "--edit opens files of the work tree, where the patches are not applied: edit them yourself",
        ),
        (["--base", "nope"], None),
    ],
)
def test_a_command_line_that_cannot_be_meant(desk, options, said):
    said = said or "nope: no such commit in ."
    assert desk(*options) == (2, "", f"reviewbot: {said}\n")


def test_untracked_files_are_named_once(desk):
    for name in "abcde":
        desk.write(f"fs/new/{name}.c", LEAK)
    desk.write("fs/new/notes.txt", "no source")
    desk.write(".gitignore", "*.mod.c\n")
    desk.write("fs/new/x.mod.c", LEAK)
    desk.kernel.git("add", ".gitignore")
    (desk.folder / ".git/info/exclude").write_text("d.c\n")
    (desk.command.home / ".config/git").mkdir(parents=True)
    (desk.command.home / ".config/git/ignore").write_text("e.c\n")
    err = desk("--base", "HEAD").err
    assert err.startswith("untracked, and not looked at: fs/new/a.c, fs/new/b.c, fs/new/c.c (--untracked)\n")
    (desk.folder / ".git/info/exclude").write_text("")
    assert "fs/new/c.c and 1 more (--untracked)" in desk("--base", "HEAD").err
    assert desk("--base", "HEAD", "-q").err == ""
    assert "untracked" not in desk("--staged").err
    desk.command.work = desk.folder / "fs/new"
    assert "not looked at: a.c, b.c, c.c and" in desk("--base", "HEAD").err
    (path, *_), *rest = desk.remarks("--base", "HEAD", "--untracked")
    assert (path, len(rest)) == ("a.c", 3)


# --- the same remark by another way ---


def test_a_change_has_the_same_fingerprint_whichever_way_it_is_reviewed(desk):
    """A baseline, an alert of a CI and an [[ignore]] hold from the first edit to the mail that is sent."""
    kernel = desk.kernel
    many = LEAK + WHOLE.replace("made", "other").replace("kmalloc(8, GFP_KERNEL", "kmalloc(8, GFP_NOFS | GFP_KERNEL")
    seen = {}

    def prints(text):
        found = json.loads(text)
        return sorted(
            (one["rule"], one["path"], one["fingerprint"]) for patch in found["patches"] for one in patch["findings"]
        )

    desk.write(FILE, many)
    seen["not staged"] = prints(desk("--base", "HEAD", "--format", "json").out)
    kernel.git("add", FILE)
    seen["staged"] = prints(desk("--staged", "--format", "json").out)
    diff = (kernel.git("diff", "--cached") + "\n").encode()
    seen["diff"] = prints(desk("-", "--format", "json", stdin=diff).out)
    kernel.commit("exfoo: change", {})
    seen["local"] = prints(desk("--base", desk.base, "--format", "json").out)
    seen["range"] = prints(desk.command("range", "HEAD~1..", "--format", "json").out)
    (mail,) = kernel.mails("-1")
    desk.command.work = desk.folder.parent
    seen["thread"] = prints(desk.command("thread", "-", "--tree", desk.folder, "--format", "json", stdin=mail).out)
    seen["mail"] = prints(desk.command("thread", "-", "--kernel", "6.12", "--format", "json", stdin=mail).out)
    assert len(seen["local"]) >= 2
    whole = {name: found for name, found in seen.items() if name != "mail"}
    assert whole == dict.fromkeys(whole, seen["local"])
    assert set(seen["mail"]) <= set(seen["local"]), "a hunk may show less of it, and nothing else"
    assert seen["mail"]
