"""Which commits are still to be sent: what b4 says of a branch that it prepares, what git says of any other."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from desk import LEAK
from kerneltree import NOBODY, KernelTree, nothing_is_left, snapshot
from reviewbot.git import upstream, worktree
from reviewbot.git.repository import Repository
from reviewbot.git.upstream import MARKER, Upstream, parsed

__all__ = ["nothing_is_left"]


@pytest.fixture
def kernel(tmp_path) -> KernelTree:
    made = KernelTree(tmp_path / "linux")
    made.git("config", "user.name", "A")
    made.git("config", "user.email", "a@b")
    return made


def b4(kernel: KernelTree, *arguments: str) -> None:
    run = ("-c", "import sys; from b4.command import cmd; cmd()", *arguments)
    home = str(kernel.folder.parent)
    env = {**NOBODY, "HOME": home, "XDG_CACHE_HOME": home, "XDG_DATA_HOME": home, "GIT_EDITOR": "true"}
    del env["GIT_COMMITTER_EMAIL"], env["GIT_COMMITTER_NAME"]
    done = subprocess.run([sys.executable, *run], cwd=kernel.folder, env=env, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def found(kernel: KernelTree) -> Upstream | str:
    before = snapshot(kernel.folder)
    with Repository(kernel.folder) as repository:
        place = worktree.work_tree_of(repository)
        head = repository.commit("HEAD")
        done = upstream.find(repository, head, place.rebased() if place else None)
    assert snapshot(kernel.folder) == before
    return done


def subjects(kernel: KernelTree) -> list[str]:
    """Of the commits that are to be sent, oldest first."""
    done = found(kernel)
    assert isinstance(done, Upstream), done
    rows = kernel.git("log", "--reverse", "--format=%H %s", f"{done.commit}..HEAD").splitlines()
    return [row.partition(" ")[2] for row in rows if row.partition(" ")[0] != done.cover]


def series(kernel: KernelTree, strategy: str = "commit", name: str = "exfoo") -> None:
    """A branch as `b4 prep` makes it, on main, with two commits; main has gone on since."""
    kernel.git("config", "b4.prep-cover-strategy", strategy)
    b4(kernel, "prep", "-n", name, "-f", "main")
    kernel.commit("first", {"fs/a.c": "int first;\n"})
    kernel.commit("second", {"fs/a.c": "int second;\n"})
    if strategy == "tip-commit":  # b4 keeps its cover letter on top
        rows = kernel.git("log", "-3", "--format=%H").splitlines()
        kernel.git("reset", "--quiet", "--hard", f"{rows[2]}~1")
        kernel.git("cherry-pick", "--allow-empty", rows[1], rows[0], rows[2])
    kernel.git("checkout", "--quiet", "main")
    kernel.commit("news", {"fs/b.c": "int news;\n"})
    kernel.git("checkout", "--quiet", f"b4/{name}")


STRATEGIES = ("commit", "tip-commit", "branch-description")


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_a_series_that_b4_prepares(kernel, strategy):
    series(kernel, strategy)
    assert subjects(kernel) == ["first", "second"]
    assert found(kernel).how.startswith("the b4 series ")
    assert "-exfoo-" in found(kernel).how
    assert found(kernel).how.endswith(" v1")


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_what_b4_says_goes_before_an_upstream(kernel, strategy):
    """The branch was pushed somewhere, to be kept safe."""
    series(kernel, strategy)
    kernel.git("update-ref", "refs/remotes/mine/exfoo", "HEAD")
    kernel.git("config", "branch.b4/exfoo.remote", "mine")
    kernel.git("config", "branch.b4/exfoo.merge", "refs/heads/exfoo")
    kernel.git("config", "remote.mine.url", "nowhere")
    kernel.git("config", "remote.mine.fetch", "+refs/heads/*:refs/remotes/mine/*")
    assert kernel.git("rev-parse", "@{u}") == kernel.git("rev-parse", "HEAD")
    assert subjects(kernel) == ["first", "second"]


def test_a_series_on_another_one(kernel):
    series(kernel)
    b4(kernel, "prep", "-n", "more")
    kernel.commit("third", {"fs/a.c": "int third;\n"})
    assert subjects(kernel) == ["third"]


def test_a_series_that_is_being_rebased(kernel):
    series(kernel)
    failed = subprocess.run(
        ("git", "-C", kernel.folder, "rebase", "--quiet", "--keep-empty", "--exec", "false", "main"),
        env=NOBODY,
        capture_output=True,
    )
    assert failed.returncode != 0
    assert subprocess.run(("git", "-C", kernel.folder, "symbolic-ref", "-q", "HEAD")).returncode == 1
    assert subjects(kernel) == []
    assert found(kernel).how.startswith("the b4 series ")


def test_a_cover_letter_of_somebody_else_is_none_of_ours(kernel):
    series(kernel)
    kernel.git("config", "user.email", "other@b")
    assert isinstance(found(kernel), str)


def test_a_cover_letter_that_went_upstream_by_mistake_is_none(kernel):
    series(kernel)
    kernel.git("update-ref", "refs/remotes/origin/main", "HEAD")
    kernel.git("symbolic-ref", "refs/remotes/origin/HEAD", "refs/remotes/origin/main")
    kernel.git("checkout", "--quiet", "-b", "topic")
    kernel.commit("mine", {"fs/a.c": "int mine;\n"})
    assert subjects(kernel) == ["mine"]
    assert found(kernel).how == "origin/HEAD"


def test_a_rewritten_base_branch(kernel):
    """git knows by its log of the branch where the series left it."""
    series(kernel, "branch-description")
    kernel.git("checkout", "--quiet", "main")
    kernel.git("reset", "--quiet", "--hard", "main~1")
    kernel.git("commit", "--quiet", "--amend", "--allow-empty", "-m", "first, again")
    kernel.git("checkout", "--quiet", "b4/exfoo")
    assert subjects(kernel) == ["first", "second"]


def tracked(kernel: KernelTree) -> None:
    kernel.git("checkout", "--quiet", "-b", "topic", "--track", "main")


def far(kernel: KernelTree) -> None:
    kernel.git("update-ref", "refs/remotes/origin/main", "main")
    kernel.git("symbolic-ref", "refs/remotes/origin/HEAD", "refs/remotes/origin/main")
    kernel.git("update-ref", "refs/remotes/other/main", "main~0")
    kernel.git("symbolic-ref", "refs/remotes/other/HEAD", "refs/remotes/other/main")
    kernel.git("checkout", "--quiet", "-b", "topic")


def only(kernel: KernelTree) -> None:
    kernel.git("update-ref", "refs/remotes/linus/main", "main")
    kernel.git("symbolic-ref", "refs/remotes/linus/HEAD", "refs/remotes/linus/main")
    kernel.git("checkout", "--quiet", "--detach")


@pytest.mark.parametrize(
    ("arranged", "how"), [(tracked, "main"), (far, "origin/HEAD"), (only, "linus/HEAD")], ids=["u", "origin", "only"]
)
def test_a_branch_that_b4_knows_nothing_of(kernel, arranged, how):
    arranged(kernel)
    kernel.commit("mine", {"fs/a.c": "int mine;\n"})
    assert subjects(kernel) == ["mine"]
    assert found(kernel).how == how


def test_an_upstream_that_is_gone_leaves_the_default_branch(kernel):
    far(kernel)
    kernel.git("config", "branch.topic.remote", "origin")
    kernel.git("config", "branch.topic.merge", "refs/heads/gone")
    kernel.commit("mine", {"fs/a.c": "int mine;\n"})
    assert subjects(kernel) == ["mine"]


def test_why_nobody_knows(kernel):
    assert found(kernel).startswith("the branch has no upstream, ")
    kernel.git("checkout", "--quiet", "--detach")
    assert found(kernel).startswith("HEAD is detached, and ")
    for name in ("one", "two"):
        kernel.git("update-ref", f"refs/remotes/{name}/main", "HEAD")
        kernel.git("symbolic-ref", f"refs/remotes/{name}/HEAD", f"refs/remotes/{name}/main")
    assert isinstance(found(kernel), str), "there are two defaults, and none is called origin"


def test_a_branch_may_have_an_odd_name(kernel):
    kernel.git("checkout", "--quiet", "-b", "b4/a.b=c$(x)'#", "--track", "main")
    kernel.commit("mine", {"fs/a.c": "int mine;\n"})
    assert subjects(kernel) == ["mine"]


BROKEN = (
    *("", MARKER, f"{MARKER}\nno object", f"{MARKER}\n{{", f"{MARKER}\n[]", f"{MARKER}\n" + "{" * 100_000),
    *(f'{MARKER}\n{{"series": {value}}}' for value in ("1", "null", '"x"', "[]")),
    *(
        f'{MARKER}\n{{"series": {{"base-branch": {value}}}}}'
        for value in ("1", "null", '"gone"', '"-x"', '"HEAD"', '""')
    ),
)


@pytest.mark.parametrize("body", BROKEN, ids=range(len(BROKEN)))
def test_what_is_no_tracking_data_is_passed_over(kernel, body):
    tracked(kernel)
    message = kernel.folder.parent / "message"
    message.write_text(f"cover\n\n{body}\n")
    kernel.git("commit", "--quiet", "--allow-empty", "-F", str(message))
    kernel.commit("mine", {"fs/a.c": "int mine;\n"})
    assert found(kernel).how == "main"
    kernel.git("config", "branch.topic.b4-tracking", body.removeprefix(MARKER).strip()[:1000])
    assert found(kernel).how == "main"


def test_the_object_is_the_last_thing_of_a_cover_letter():
    said = {"series": {"revision": 3}}
    assert parsed(f"{MARKER} is in the text, too\n\n{MARKER}\n# {MARKER[:3]}\n{json.dumps(said, indent=2)}\n") == said


def test_the_whole_program_takes_the_series(desk):
    """With the cover letter left out, and whatever is not committed yet beside it."""
    desk.kernel.git("config", "user.name", "A")
    desk.kernel.git("config", "user.email", "a@b")
    b4(desk.kernel, "prep", "-n", "exfoo", "-f", "main")
    desk.kernel.commit("exfoo: check", {"fs/exfoo/a.c": LEAK})
    desk.stage("fs/exfoo/b.c", LEAK)
    assert desk.groups() == {"exfoo: check": ["scope-leak"], "staged": ["scope-leak"]}
    done = desk("-v")
    assert " on 1 commit since the b4 series " in done.out
    assert "commits since the b4 series " in done.err
