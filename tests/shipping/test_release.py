"""`make release` in a copy of this checkout: all of it, or nothing."""

from __future__ import annotations

import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from checkout import copied
from cisystems import TOP, Job, environment, run
from reviewbot import __version__


class Project:
    """A repository of its own, with one commit on main."""

    def __init__(self, folder: Path) -> None:
        self.top = copied(folder / "project")
        self.env = environment(folder / "home")
        settings = "[user]\nname = Ada Reader\nemail = ada@reader.example.org\n[init]\ndefaultBranch = main\n"
        (folder / "home/.gitconfig").write_text(settings)
        self.git("init", "--quiet")
        self.commit("all of it")

    def git(self, *arguments: str) -> str:
        done = subprocess.run(["git", *arguments], cwd=self.top, env=self.env, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def commit(self, subject: str) -> None:
        self.git("add", "--all")
        self.git("commit", "--quiet", "--message", subject)

    def release(self, version: str, answer: str = "yes") -> Job:
        command = ["sh", "-c", f"echo {answer} | {sys.executable} shipping/release.py {version}"]
        return run(command, self.top, self.env)

    def state(self) -> tuple[str, ...]:
        """All that a release may change."""
        dist = self.top / "dist"
        made = sorted(path.name for path in dist.iterdir()) if dist.exists() else []
        asked = (("for-each-ref",), ("rev-parse", "HEAD"), ("status", "--porcelain"), ("worktree", "list"))
        return (*(self.git(*one) for one in asked), *made)


@pytest.fixture(scope="module")
def whole(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("release")
    Project(folder)
    return folder


@pytest.fixture
def project(whole, tmp_path) -> Project:
    project = Project.__new__(Project)
    project.top, project.env = tmp_path / "project", environment(whole / "home")
    subprocess.run(["cp", "-r", whole / "project", project.top], check=True)
    return project


def test_a_release_is_one_command(project):
    done = project.release("0.1.0")
    assert (done.code, done.err) == (0, "")
    head = project.git("rev-parse", "HEAD")
    assert project.git("log", "-1", "--format=%s") == "release: 0.1.0"
    assert [project.git("rev-parse", f"{tag}^{{commit}}") for tag in ("v0.1.0", "v0")] == [head, head]
    assert "- Review of mail threads" in project.git("tag", "--list", "--format=%(contents)", "v0.1.0")
    assert "### Added" in project.git("tag", "--list", "--format=%(contents)", "v0.1.0")
    assert project.git("status", "--porcelain") == ""
    assert len(project.git("worktree", "list").splitlines()) == 1
    assert "## [Unreleased]\n\n## [0.1.0] - 20" in (project.top / "CHANGELOG.md").read_text()
    for page in ("README.md", "docs/ci.md"):
        text = (project.top / page).read_text()
        assert "reviewbot@v0\n" in text and "until the first release" not in text and "release yet" not in text
    assert "  git push origin main v0.1.0\n  git push --force origin v0\n" in done.out
    with tarfile.open(project.top / "dist/reviewbot-0.1.0.tar.gz") as sdist:
        assert "reviewbot-0.1.0/CHANGELOG.md" in sdist.getnames()
    assert (project.top / "dist/reviewbot-0.1.0-py3-none-any.whl").exists()


def test_releases_follow_one_another(project):
    assert project.release("0.1.0").code == 0
    first = project.git("rev-parse", "v0")
    for version, major in (("0.2.0", "v0"), ("1.0.0", "v1")):
        text = (project.top / "CHANGELOG.md").read_text()
        news = text.replace("## [Unreleased]\n", f"## [Unreleased]\n\n- {version} is new.\n")
        (project.top / "CHANGELOG.md").write_text(news)
        project.commit("news")
        done = project.release(version)
        assert done.code == 0, done.err
        assert project.git("rev-parse", major) == project.git("rev-parse", f"v{version}^{{commit}}")
        assert f'__version__ = "{version}"' in (project.top / "reviewbot/__init__.py").read_text()
        assert f"OWNER/reviewbot@{major}\n" in (project.top / "README.md").read_text()
        assert f"    rev: {major}\n" in (project.top / "docs/ci.md").read_text()
    assert project.git("rev-parse", "v0") not in (first, project.git("rev-parse", "HEAD"))
    told = (project.top / "CHANGELOG.md").read_text()
    assert told.index("[1.0.0]") < told.index("- 1.0.0 is new") < told.index("[0.2.0]") < told.index("[0.1.0]")
    assert "is not above v1.0.0" in project.release("0.9.0").err


@pytest.mark.parametrize(
    ("spoil", "version", "answer", "said"),
    [
        ("", "1.2", "yes", "is not a version"),
        ("", "", "yes", "is not a version"),
        ("", "0.0.9", "yes", "is below 0.1.0"),
        ("", "0.1.0", "no", "run .ci/run on"),
        ("echo x > new.txt", "0.1.0", "yes", "not clean: ?? new.txt"),
        ("git checkout -q -b topic", "0.1.0", "yes", "this is branch topic"),
        ("git tag v0.1.0", "0.1.0", "yes", "is not above v0.1.0"),
        ("echo '## [Unreleased]' > CHANGELOG.md; git commit -qam x", "0.1.0", "yes", "says nothing under"),
        ("echo 'raise Exception(1)' >> shipping/manpages.py; git commit -qam x", "0.1.0", "yes", "the build failed"),
        ("git tag v0.1.0/x", "0.1.0", "yes", "git tag: "),
        ("git tag v0/x", "0.1.0", "yes", "git tag: "),
        ("cp /bin/false .git/hooks/pre-commit", "0.1.0", "yes", "git commit"),
    ],
)
def test_what_fails_leaves_everything_as_it_was(project, spoil, version, answer, said):
    assert __version__ == "0.1.0", "write the versions above anew"
    subprocess.run(["sh", "-ec", spoil], cwd=project.top, env=project.env, check=True)
    before = project.state()
    done = project.release(version, answer)
    assert (done.code, said in done.err) == (1, True), done.err
    assert done.err.startswith("no release: ") and len(done.err.splitlines()) == 1
    assert project.state() == before


def test_the_pages_say_that_there_is_no_release_as_long_as_there_is_none():
    released = "\n## [0" in (TOP / "CHANGELOG.md").read_text() or "\n## [1" in (TOP / "CHANGELOG.md").read_text()
    for page in ("README.md", "docs/ci.md"):
        assert ("<!-- until the first release -->" in (TOP / page).read_text()) is not released
