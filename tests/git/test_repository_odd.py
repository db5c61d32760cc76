"""Names, environments and settings that get in a program's way: the series comes to stand where it always does."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest
from msgspec.structs import replace

from kerneltree import NOBODY, KernelTree, nothing_is_left, placed, reasons, snapshot, steps, trees_of, two
from reviewbot.filesystem import temporary
from reviewbot.git.repository import Repository
from reviewbot.model.errors import InputError, UsageError

__all__ = ["nothing_is_left"]


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A repository, a series whose base is not its HEAD, and the trees the series leads through."""
    kernel = KernelTree(tmp_path_factory.mktemp("made") / "linux")
    kernel.base = kernel.commit("another case", {"FS/A.c": "int upper;\n"})
    found, trees = two(kernel)
    kernel.back()
    kernel.edit("fs/a.c", 20, "int later;")
    return kernel.folder, found, steps(trees)


def git(*arguments: str) -> None:
    subprocess.run(("git", *arguments), env=NOBODY, check=True, capture_output=True)


def stands(path: Path, made) -> None:
    """The base is found by the blob ids, which takes every kind of command, and nothing is changed."""
    _, found, trees = made
    before = snapshot(path)
    done = placed(path, found)
    assert (done.reason, done.base and done.base.how) == ("", "blob ids of the diff")
    assert trees_of(done) == trees
    assert snapshot(path) == before


NAMES = (
    *("with blank", "line\nbreak", "at the end\n", "-dash", "--", '"quoted"', '"\n\\n"', "#hash", "a:b", "back\\slash"),
    *("$HOME", "${x}%d{0}", "~", "*?[a]", "caf\u00e9", os.fsdecode(b"\xff\xfe"), "\x1b[1m", "x" * 255),
)


@pytest.mark.parametrize("name", NAMES, ids=ascii)
def test_a_folder_may_have_any_name(made, tmp_path, monkeypatch, name):
    shutil.copytree(made[0], tmp_path / name)
    stands(tmp_path / name, made)
    monkeypatch.chdir(tmp_path)
    stands(Path(name), made)


@pytest.mark.parametrize("name", ["line\nbreak", '"quoted"', "a:b", "$HOME", os.fsdecode(b"\xff")], ids=ascii)
def test_so_may_the_temporary_folder(made, tmp_path, monkeypatch, name):
    (tmp_path / name).mkdir()
    monkeypatch.setenv("TMPDIR", str(tmp_path / name))
    stands(made[0], made)
    assert list((tmp_path / name).iterdir()) == []


ELSEWHERE = "/nonexistent"
ENVIRONMENTS = (
    # a hook, git rebase -x, and a receiving repository
    {"GIT_DIR": ELSEWHERE, "GIT_WORK_TREE": ELSEWHERE, "GIT_INDEX_FILE": ELSEWHERE, "GIT_PREFIX": "fs/"},
    {"GIT_DIR": ".git", "GIT_REFLOG_ACTION": "rebase", "GIT_INTERNAL_GETTEXT_SH_SCHEME": "x", "GIT_EDITOR": ":"},
    {"GIT_OBJECT_DIRECTORY": ELSEWHERE, "GIT_ALTERNATE_OBJECT_DIRECTORIES": ELSEWHERE, "GIT_QUARANTINE_PATH": "x"},
    {"GIT_CONFIG_PARAMETERS": "'core.bare'='false' 'apply.whitespace'='error-all' 'log.showsignature'='true'"},
    {
        "GIT_COMMON_DIR": ELSEWHERE,
        "GIT_NAMESPACE": "x",
        "GIT_IMPLICIT_WORK_TREE": "0",
        "GIT_INTERNAL_SUPER_PREFIX": "x",
    },
    {"GIT_GRAFT_FILE": ELSEWHERE, "GIT_SHALLOW_FILE": ELSEWHERE, "GIT_REPLACE_REF_BASE": "refs/heads/"},
    # how a command would take its arguments
    {"GIT_LITERAL_PATHSPECS": "1"},
    {"GIT_ICASE_PATHSPECS": "1"},
    {
        "GIT_NOGLOB_PATHSPECS": "1",
        "GIT_INDEX_VERSION": "4",
        "GIT_DEFAULT_HASH": "sha256",
        "GIT_TEMPLATE_DIR": ELSEWHERE,
    },
    {"GIT_EXTERNAL_DIFF": "/bin/false", "GIT_DIFF_OPTS": "-u0", "GIT_ATTR_SOURCE": "HEAD", "GIT_NO_LAZY_FETCH": "0"},
    # what it prints
    {"GIT_TRACE": "1", "GIT_TRACE2": "1", "GIT_TRACE_SETUP": "1", "GIT_TRACE_PACK_ACCESS": "1", "GIT_ADVICE": "1"},
    {"LC_ALL": "de_DE.UTF-8", "LANGUAGE": "de:fr", "LANG": "tr_TR.UTF-8"},
    # where it begins to look
    {"GIT_CEILING_DIRECTORIES": "/", "HOME": ELSEWHERE, "XDG_CONFIG_HOME": ELSEWHERE},
    {"GIT_PYTHON_GIT_EXECUTABLE": ELSEWHERE, "GIT_PYTHON_TRACE": "full", "GIT_PYTHON_REFRESH": "raise"},
)


@pytest.mark.parametrize("env", ENVIRONMENTS, ids=lambda env: next(iter(env)))
def test_the_environment_says_nothing_of_this_repository(made, monkeypatch, env):
    for name, value in env.items():
        monkeypatch.setenv(name, value)
    stands(made[0], made)
    first = made[1].patches[0]
    made_again = "diff --git a/fs/a.c b/fs/a.c\nnew file mode 100644\n--- /dev/null\n+++ b/fs/a.c\n@@ -0,0 +1 @@\n+x\n"
    done = placed(made[0], replace(made[1], patches=(replace(first, diff=made_again),)), "HEAD")
    told = "fs/a.c: already exists in index"
    assert reasons(done.series.patches[0]) == [f"whole files: the patch does not apply: {told}"], "in git's own English"
    assert {name: os.environ[name] for name in env} == env


SETTINGS = (
    {"core.worktree": ELSEWHERE, "core.bare": "false"},
    {"core.bare": "true"},
    {"include.path": ELSEWHERE, "core.attributesFile": "/dev/zero", "core.excludesFile": "/dev/zero"},
    {
        "log.showSignature": "true",
        "log.follow": "true",
        "log.decorate": "full",
        "log.date": "human",
        "color.ui": "always",
    },
    {"diff.renames": "copies", "diff.noprefix": "true", "diff.external": "/bin/false", "format.pretty": "oneline"},
    {"core.abbrev": "4", "core.quotePath": "false", "core.ignoreCase": "true", "core.precomposeUnicode": "true"},
    {"core.autocrlf": "true", "core.eol": "crlf", "core.safecrlf": "true", "core.whitespace": "tab-in-indent"},
    {"apply.whitespace": "error-all", "apply.ignoreWhitespace": "change", "core.fileMode": "false"},
    {"core.sparseCheckout": "true", "core.splitIndex": "true", "index.sparse": "true", "feature.manyFiles": "true"},
    {"core.sharedRepository": "0000", "core.fsync": "all", "core.logAllRefUpdates": "always"},
    {"core.packedGitLimit": "1k", "core.bigFileThreshold": "1", "core.commitGraph": "false"},
    {"gc.auto": "1", "maintenance.auto": "true", "gc.autoDetach": "false"},
    {"core.useReplaceRefs": "true", "fsck.skipList": ELSEWHERE, "submodule.recurse": "true", "status.branch": "true"},
)


@pytest.mark.parametrize("settings", SETTINGS, ids=lambda settings: next(iter(settings)))
def test_settings_of_the_repository_change_nothing(made, tmp_path, settings):
    copy = tmp_path / "copy"
    shutil.copytree(made[0], copy)
    with (copy / ".git" / "config").open("a") as config:
        for key, value in settings.items():
            config.write("[{}]\n\t{} = {}\n".format(*key.split("."), value))
    stands(copy, made)


def test_settings_of_the_user_change_nothing(made, tmp_path, monkeypatch):
    """A bare repository that is named is meant, even by those who do not want to step into one."""
    settings = tmp_path / "gitconfig"
    settings.write_text(
        "[core]\n\tautocrlf = true\n\twhitespace = tab-in-indent\n[apply]\n\twhitespace = error-all\n"
        f"[safe]\n\tbareRepository = explicit\n[trace2]\n\tnormalTarget = 2\n[core]\n\tfsmonitor = {tmp_path}/trap\n"
    )
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(settings))
    monkeypatch.setenv("GIT_CONFIG_COUNT", "1")
    monkeypatch.setenv("GIT_CONFIG_KEY_0", "apply.ignoreWhitespace")
    monkeypatch.setenv("GIT_CONFIG_VALUE_0", "change")
    stands(made[0], made)
    stands(shutil.copytree(made[0] / ".git", tmp_path / "bare"), made)


# --- where it lies ---


def test_a_git_folder_elsewhere(made, tmp_path):
    shutil.copytree(made[0], tmp_path / "copy")
    (tmp_path / "copy" / ".git").rename(tmp_path / "elsewhere")
    (tmp_path / "copy" / ".git").write_text("gitdir: ../elsewhere\n")
    (tmp_path / "link").symlink_to("copy")
    for name in ("copy", "copy/fs", "elsewhere", "elsewhere/objects", "link", "link/fs/.."):
        stands(tmp_path / name, made)


def test_objects_behind_a_link(made, tmp_path):
    shutil.copytree(made[0], tmp_path / "copy")
    (tmp_path / "copy" / ".git" / "objects").rename(tmp_path / "objects")
    (tmp_path / "copy" / ".git" / "objects").symlink_to("../../objects")
    stands(tmp_path / "copy", made)


def test_objects_of_a_chain_of_other_repositories(made, tmp_path):
    last = made[0] / ".git"
    for name in ("one", "two", "three"):
        git("clone", "--quiet", "--bare", "--shared", str(last), str(tmp_path / name))
        alternates = tmp_path / name / "objects" / "info" / "alternates"
        alternates.write_text(os.path.relpath(last / "objects", tmp_path / name / "objects") + "\n")
        last = tmp_path / name
    stands(last, made)


def test_a_damaged_commit_graph(made, tmp_path):
    shutil.copytree(made[0], tmp_path / "copy")
    info = tmp_path / "copy" / ".git" / "objects" / "info"
    info.mkdir(exist_ok=True)
    (info / "commit-graph").write_bytes(b"garbage" * 100)
    stands(tmp_path / "copy", made)


def test_nothing_but_reading_is_needed(made, tmp_path):
    """Root may write all the same: for root a look at what was changed has to do."""
    copy = tmp_path / "copy"
    shutil.copytree(made[0], copy)
    modes = {path: path.stat().st_mode for path in (copy, *copy.rglob("*"))}
    for path, mode in modes.items():
        path.chmod(mode & ~0o222)
    try:
        stands(copy, made)
    finally:
        for path, mode in modes.items():
            path.chmod(mode)


# --- what is refused ---


@pytest.mark.parametrize(
    "name", ["a\0b", "\ud800", "x" * 300_000, "", " ", "-h", "--help", ":/nothing like it", "@{-9}"]
)
def test_a_branch_that_is_no_name(made, name):
    done = placed(made[0], made[1], branches=(name, "HEAD"))
    assert trees_of(done) == made[2]
    with Repository(made[0]) as repository:
        assert repository.commit(name) is None


def test_the_folder_of_somebody_else_is_named_as_git_does(made, tmp_path, monkeypatch):
    """What is asked for may be a folder inside; and its name may need quotes."""
    shutil.copytree(made[0], tmp_path / "of others")
    monkeypatch.setenv("GIT_TEST_ASSUME_DIFFERENT_OWNER", "1")
    with pytest.raises(UsageError) as refused:
        Repository(tmp_path / "of others" / "fs")
    command = f"git config --global --add safe.directory '{tmp_path}/of others'"
    assert str(refused.value).endswith(f"if you trust it, run: {command}")


@pytest.mark.parametrize("key", ["core.repositoryFormatVersion", "extensions.nobody"])
def test_a_repository_of_another_kind(made, tmp_path, key):
    shutil.copytree(made[0], tmp_path / "copy")
    for one, value in (("core.repositoryFormatVersion", "1"), (key, "99")):
        git("config", "--file", str(tmp_path / "copy" / ".git" / "config"), one, value)
    with pytest.raises(UsageError, match=r"git cannot use this repository: .*(version|extension)"):
        Repository(tmp_path / "copy")


def test_temporary_files_go_nowhere_near_the_tree(made, monkeypatch):
    """Python takes the folder it runs in where it finds no other."""
    monkeypatch.chdir(made[0])
    monkeypatch.setattr(temporary, "_USUAL", ("/nonexistent",))
    for name in ("TMPDIR", "TEMP", "TMP"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(InputError, match=r"cannot create temporary files .*No such file"):
        Repository(made[0])
    monkeypatch.setenv("TMPDIR", "/dev/null")
    with pytest.raises(InputError, match=r"cannot create temporary files .*Not a directory"):
        Repository(made[0])


def test_there_is_another_place_for_temporary_files(made, monkeypatch, tmp_path):
    other = tmp_path / "other"
    other.mkdir()
    monkeypatch.setenv("TMPDIR", "/nonexistent")
    monkeypatch.setattr(temporary, "_USUAL", (str(other),))
    with Repository(made[0]) as repository:
        assert repository.folder.parent == other
    assert list(other.iterdir()) == []


def test_trees_that_were_not_fetched(made, tmp_path):
    """A clone without trees has the commits, and that is what is said."""
    folder, found, _ = made
    shutil.copytree(folder, tmp_path / "copy")
    git("-C", str(tmp_path / "copy"), "config", "uploadpack.allowFilter", "true")
    git("clone", "--quiet", "--bare", "--filter=tree:0", f"file://{tmp_path}/copy", str(tmp_path / "clone"))
    before = snapshot(tmp_path / "clone")
    with Repository(tmp_path / "clone") as repository:
        head = repository.commit("HEAD") or ""
    done = placed(tmp_path / "clone", replace(found, base=head))
    assert done.base is None
    for how in ("base-commit trailer", "HEAD"):
        assert f"the files of {head[:12]} ({how}) are not here, in a partial clone" in done.reason
    with pytest.raises(UsageError, match=r"--base HEAD: the files of \w+ \(--base\) are not here, in a partial clone"):
        placed(tmp_path / "clone", found, "HEAD")
    assert snapshot(tmp_path / "clone") == before
