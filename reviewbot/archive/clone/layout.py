"""Finds the git repositories of a public-inbox that was cloned: the epochs of one of format 2, or the one of format 1.

Format 2 has LIST/git/0.git, 1.git and so on, each with a file "m", the newest mail; format 1 is one repository with a
file for each mail, named by the hash of its id (public-inbox-v2-format(5), public-inbox-v1-format(5)).
"""

from __future__ import annotations

import re
from pathlib import Path

_EPOCH = re.compile(r"([0-9]{1,6})\.git")
_ALL = "all.git"


def epochs_of(path: Path) -> tuple[Path, ...]:
    """The repositories of a clone, the oldest first; () where there is none. `path`: of the clone, or one of them."""
    if path.name == _ALL:
        return _within(path.parent) or _within(path.parent / "git")
    found = _within(path / "git") or _within(path)
    return found or ((path,) if is_repository(path) else ())


def is_repository(path: Path) -> bool:
    """Whether a folder looks like a git repository, bare or not."""
    return (path / ".git").exists() or ((path / "HEAD").is_file() and (path / "objects").is_dir())


def _within(folder: Path) -> tuple[Path, ...]:
    if not folder.is_dir():
        return ()
    named = ((_EPOCH.fullmatch(one.name), one) for one in folder.iterdir())
    numbered = sorted((int(match[1]), one) for match, one in named if match and is_repository(one))
    return tuple(one for _, one in numbered)
