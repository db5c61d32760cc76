"""Makes a release: checks, version, changelog, commit, tags and artifacts. Pushes nothing.

    make release VERSION=1.2.3

All is made in a temporary work tree. Only when the artifacts are there does the checkout get the commit and the tags,
so a failure on the way leaves everything as it was.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path

BRANCH = "main"
_VERSION = re.compile(r'^__version__ = "(\d+\.\d+\.\d+)"$', re.M)
_UNRELEASED = re.compile(r"^## \[Unreleased\]\n(.*?)(?=^## |\Z)", re.M | re.S)
_NO_RELEASE = re.compile(r"<!-- until the first release -->\n.*?<!-- end -->\n\n?", re.S)
_MAJOR = re.compile(r"(?<=reviewbot@)v\d+\b|(?<=rev: )v\d+\b")
_DOCS = ("README.md", "docs/ci.md")


class ReleaseError(Exception):
    """Why there can be no release now; one line."""


def main(top: Path, version: str) -> int:
    """Release the checkout at `top` as `version`; 1 if that cannot be, with one line on why."""
    try:
        head = _check(top, version)
        _confirm(head)
        with _work_tree(top, head) as tree:
            notes = _edit(tree, version)
            _git(tree, "commit", "--quiet", "--all", "--message", f"release: {version}")
            made = _build(tree, version)
            commit = _git(tree, "rev-parse", "HEAD")
            with _placed(made, top / "dist") as placed:
                _publish(top, commit, head, version, notes)
    except (ReleaseError, OSError) as error:
        print(f"no release: {error}", file=sys.stderr)
        return 1
    major = _major(version)
    print(f"{version} is committed and tagged, and nothing is pushed:")
    print("\n".join(f"  {path.relative_to(top)}" for path in placed))
    print(f"To publish it:\n  git push origin {BRANCH} v{version}\n  git push --force origin {major}")
    return 0


def _git(folder: Path, *arguments: str) -> str:
    done = subprocess.run(["git", *arguments], cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode:
        raise ReleaseError(f"git {arguments[0]}: {done.stderr.strip() or done.stdout.strip()}")
    return done.stdout.strip()


def _major(version: str) -> str:
    return f"v{version.partition('.')[0]}"


# --- before anything is made ---


def _check(top: Path, version: str) -> str:
    """The commit to release. Raises ReleaseError for a version that cannot be, or a checkout that is not ready."""
    if not re.fullmatch(r"(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)", version):
        raise ReleaseError(f"VERSION={version} is not a version (expected e.g. 1.2.3)")
    if (branch := _git(top, "branch", "--show-current")) != BRANCH:
        raise ReleaseError(f"this is branch {branch or 'none'}, and releases are made of {BRANCH}")
    if changed := _git(top, "status", "--porcelain"):
        raise ReleaseError(f"the work tree is not clean: {changed.splitlines()[0]}")
    tags = [tag for tag in _git(top, "tag", "--list", "v*.*.*").split() if re.fullmatch(r"v\d+\.\d+\.\d+", tag)]
    newest = max(map(_numbers, tags), default=(0, 0, 0))
    if tags and _numbers(version) <= newest:
        raise ReleaseError(f"{version} is not above v{'.'.join(map(str, newest))}, which is released")
    if _numbers(version) < _numbers(_current(top)):
        raise ReleaseError(f"{version} is below {_current(top)}, which the program calls itself")
    if not (found := _UNRELEASED.search(_read(top, "CHANGELOG.md"))) or not found[1].strip():
        raise ReleaseError("CHANGELOG.md says nothing under [Unreleased]")
    return _git(top, "rev-parse", "HEAD")


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(map(int, version.removeprefix("v").split(".")))


def _current(top: Path) -> str:
    found = _VERSION.search(_read(top, "reviewbot/__init__.py"))
    if found is None:
        raise ReleaseError("reviewbot/__init__.py has no __version__")
    return found[1]


def _confirm(head: str) -> None:
    """Ask for what a machine cannot see from here. Raises ReleaseError for any answer but yes."""
    print(f"Did .ci/run pass on {head[:12]}? Type yes: ", end="", flush=True)
    if sys.stdin.readline().strip() != "yes":
        raise ReleaseError(f"run .ci/run on {head[:12]} first")


# --- in a temporary work tree ---


@contextmanager
def _work_tree(top: Path, head: str) -> Iterator[Path]:
    """A work tree of the commit, gone afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="reviewbot-release-"))
    try:
        _git(top, "worktree", "add", "--quiet", "--detach", str(folder / "tree"), head)
        yield folder / "tree"
    finally:
        shutil.rmtree(folder)
        _git(top, "worktree", "prune")


def _edit(tree: Path, version: str) -> str:
    """Put the version where it is said, and give the notes of the release."""
    init = _read(tree, "reviewbot/__init__.py")
    _write(tree, "reviewbot/__init__.py", _VERSION.sub(f'__version__ = "{version}"', init))
    changes = _read(tree, "CHANGELOG.md")
    found = _UNRELEASED.search(changes)
    assert found is not None
    dated = f"## [Unreleased]\n\n## [{version}] - {date.today().isoformat()}\n{found[1]}"
    _write(tree, "CHANGELOG.md", changes.replace(found[0], dated))
    for name in _DOCS:
        _write(tree, name, _MAJOR.sub(_major(version), _NO_RELEASE.sub("", _read(tree, name))))
    return found[1].strip()


def _build(tree: Path, version: str) -> list[Path]:
    """The sdist and the wheel. Raises ReleaseError if one is missing, or not whole."""
    command = [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(tree / "dist"), str(tree)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise ReleaseError(f"the build failed: {(done.stderr or done.stdout).strip().splitlines()[-1]}")
    made = [tree / f"dist/reviewbot-{version}{end}" for end in (".tar.gz", "-py3-none-any.whl")]
    if missing := [path.name for path in made if not path.exists()]:
        raise ReleaseError(f"the build made no {missing[0]}")
    with zipfile.ZipFile(made[1]) as wheel:
        if f"reviewbot-{version}.data/data/share/man/man1/reviewbot.1" not in wheel.namelist():
            raise ReleaseError(f"{made[1].name} has no man page")
    return made


# --- in the checkout ---


def _publish(top: Path, commit: str, head: str, version: str, notes: str) -> None:
    """Give the checkout the commit and the tags: all of it or nothing."""
    tag, major, text = f"v{version}", _major(version), f"reviewbot {version}\n\n{notes}"
    before = _git(top, "tag", "--list", "--format=%(objectname)", major)
    try:
        _git(top, "merge", "--quiet", "--ff-only", commit)
        _git(top, "tag", "--annotate", "--cleanup=verbatim", "--message", text, tag, commit)
        _git(top, "tag", "--force", major, commit)
    except ReleaseError:
        _git(top, "reset", "--quiet", "--keep", head)
        if _git(top, "tag", "--list", tag):
            _git(top, "update-ref", "-d", f"refs/tags/{tag}")
        if before:
            _git(top, "update-ref", f"refs/tags/{major}", before)
        raise


@contextmanager
def _placed(made: list[Path], folder: Path) -> Iterator[list[Path]]:
    """Copies of the artifacts in a folder, which are gone again after a failure."""
    folder.mkdir(exist_ok=True)
    copies = [folder / path.name for path in made]
    try:
        for path, copy in zip(made, copies, strict=True):
            shutil.copy2(path, copy)
        yield copies
    except BaseException:
        for copy in copies:
            copy.unlink(missing_ok=True)
        raise


def _read(folder: Path, name: str) -> str:
    return (folder / name).read_text(encoding="utf-8")


def _write(folder: Path, name: str, text: str) -> None:
    (folder / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    raise SystemExit(main(Path(__file__).parents[1], sys.argv[1] if len(sys.argv) > 1 else ""))
