"""Says which program of user space a patch is for, where it is not for the kernel.

Input: subjects and diffs. Patches to programs go to the lists of the kernel as well, and some carry code of the kernel
along (xfsprogs has libxfs/ from fs/xfs/libxfs/). A patch is taken for a program's only by a name or a path that stands
in _projects.toml.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from msgspec import Struct

from reviewbot.support.patterns import pattern

KERNEL = "kernel"
_TAGS = pattern(r"\s*(?:\w{1,4}\s?[:：]\s*)*((?:\[[^\]]{0,200}\]\s*)*)")
_WORDS = pattern(r"[\s\[\],;/|&+]+")
_FILE = pattern(r"^diff --git (\S+) (\S+)$|^--- ([^\t\n]++).*+\n\+\+\+ ([^\t\n]++).*+\n@@ -", re.MULTILINE)
_SIDE = pattern(r"^[a-z]/")


class Project(Struct, frozen=True):
    """A program: its tags in the brackets of a subject, the prefixes of its titles, and how its paths begin."""

    name: str
    tags: tuple[str, ...]
    titles: tuple[str, ...] = ()
    paths: tuple[str, ...] = ()


class Projects(Struct, frozen=True):
    """All programs that are known. `kernel`: how paths begin that only a kernel's tree has."""

    kernel: tuple[str, ...] = ()
    every: tuple[Project, ...] = ()

    def of(self, subject: str, diff: str) -> str:
        """The program that a patch is for; "kernel" where a path shows that it is the kernel's, "" if unknown."""
        paths = tuple(diff_paths(diff))
        if any(path.startswith(self.kernel) for path in paths):
            return KERNEL
        return self.tagged(subject) or self._by_path(paths) or self._titled(subject)

    def of_series(self, cover: str, patches: Sequence[tuple[str, str]]) -> tuple[str, ...]:
        """The program of each patch of a series, a subject and a diff; "" for the kernel's.

        The patches of a series are for one tree: where one is for a program and none for the kernel, all are that
        program's.
        """
        found = [self.of(subject, diff) for subject, diff in patches]
        name = next(filter(None, found), "") or self.tagged(cover)
        if KERNEL not in found:
            return tuple(one or name for one in found)
        return tuple("" if one == KERNEL else one for one in found)

    def tagged(self, subject: str) -> str:
        """The program that the brackets before a title name, "" for none."""
        words = _WORDS.split(_split(subject)[0].lower())
        return next((one.name for one in self.every for word in words if _is_tag(word, one.tags)), "")

    def _titled(self, subject: str) -> str:
        title = _split(subject)[1].lower()
        begins = tuple((one.name, f"{word}:") for one in self.every for word in one.titles)
        return next((name for name, begin in begins if title.startswith(begin)), "")

    def _by_path(self, paths: Sequence[str]) -> str:
        return next((one.name for one in self.every if any(path.startswith(one.paths) for path in paths)), "")


NO_PROJECTS = Projects()


def diff_paths(diff: str) -> Iterator[str]:
    """The paths that a diff names, relative to the top of a tree."""
    for found in _FILE.finditer(diff):
        for path in found.groups():
            if path is not None and path != "/dev/null":
                yield _SIDE.sub("", path)


def _split(subject: str) -> tuple[str, str]:
    """The brackets before a title, and the title."""
    found = _TAGS.match(subject)
    return (found[1], subject[found.end() :]) if found else ("", subject)


def _is_tag(word: str, tags: Sequence[str]) -> bool:
    return any(word == tag or word.startswith(f"{tag}-") for tag in tags)
