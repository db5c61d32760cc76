"""Knows the branches, tags and remotes of a repository by name; each is asked for when somebody wants it.

Names are those of the user's repository, and URLs as `git remote -v` has them (insteadOf is done). A remote is also
called as the repository at its URL is, with and without "linux-" before it: net-next for .../netdev/net-next.git.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import NamedTuple

from reviewbot.git.repository import Repository
from reviewbot.support.patterns import pattern

_HEADS, _REMOTES, _TAGS = "refs/heads/", "refs/remotes/", "refs/tags/"
_MOST = 50_000  # references that are looked at
_URL = pattern(r"(?:[a-z+]{2,10}://(?:[^/@]{1,200}@)?([^/]{0,300})/|(?:[^/:@]{1,200}@)?([^/:]{1,300}):)?(.*)", re.ASCII)
_LISTED = pattern(r"([^\t]+)\t(\S.*) \(fetch\)")
_SHARED = 4  # parts of a path that no two projects have in common, as in pub/scm/linux/kernel/git/owner/name
_SUFFIX = ".git"


class RemoteUrl(NamedTuple):
    """Where a repository is, without the scheme and ".git": its host, "" for none, and the parts of its path."""

    host: str
    path: tuple[str, ...]

    @property
    def name(self) -> str:
        """The last part of the path, "" for none."""
        return self.path[-1] if self.path else ""

    def is_same(self, other: RemoteUrl) -> bool:
        """Whether two name one repository: a long path is the same on every mirror of a host."""
        return bool(self.path) and self.path == other.path and (self.host == other.host or len(self.path) >= _SHARED)


def remote_url(text: str) -> RemoteUrl:
    """Read a URL, scp's host:path, or the path of a folder."""
    found = _URL.fullmatch(text.strip())
    if found is None:
        return RemoteUrl("", ())
    host = (found[1] or found[2] or "").partition(":")[0].lower()
    parts = [part for part in found[3].split("/") if part]
    if parts and parts[-1] == _SUFFIX:  # of a work tree
        parts.pop()
    return RemoteUrl(host, (*parts[:-1], parts[-1].removesuffix(_SUFFIX)) if parts else ())


class References:
    """The references of a repository, as they are when they are first asked for."""

    def __init__(self, repository: Repository) -> None:
        self._repository = repository

    @cached_property
    def branches(self) -> dict[str, str]:
        """The ids of all branches, of the repository and of remotes, by their full names."""
        return self._ids(_REMOTES, _HEADS)

    @cached_property
    def remotes(self) -> dict[str, RemoteUrl]:
        """The URLs of all remotes by name."""
        told = self._repository.ask("remote", "-v").out.decode("utf-8", "surrogateescape")
        listed = (_LISTED.match(line) for line in told.split("\n")[:_MOST])
        return {found[1]: remote_url(found[2]) for found in listed if found}

    def heads(self) -> list[str]:
        """The ids of the repository's own branches."""
        return [commit for name, commit in self.branches.items() if name.startswith(_HEADS)]

    def called(self, name: str) -> list[str]:
        """The remotes of a name, or of repositories of that name."""
        own = [remote for remote in self.remotes if remote == name]
        others = (remote for remote, url in self.remotes.items() if name in (url.name, url.name.removeprefix("linux-")))
        return list(dict.fromkeys((*own, *others)))

    def at(self, url: RemoteUrl) -> list[str]:
        """The remotes that a URL is of."""
        return [remote for remote, its in self.remotes.items() if its.is_same(url)]

    def of_remote(self, remote: str, branches: Sequence[str]) -> Iterator[tuple[str, str]]:
        """Those of some branches that a remote has, in their order: the name "remote/branch" and the id."""
        for branch in branches:
            if commit := self.branches.get(f"{_REMOTES}{remote}/{branch}"):
                yield f"{remote}/{branch}", commit

    def named(self, branch: str) -> Iterator[tuple[str, str]]:
        """Every branch of a name, those of remotes first: how git calls it, and its id."""
        for full, commit in self.branches.items():
            short = full.removeprefix(_HEADS).removeprefix(_REMOTES)
            if full.endswith(f"/{branch}") and branch in (short, self._within(short)):
                yield short, commit

    def remote_of(self, name: str) -> str | None:
        """The remote that a branch is of, as git calls it ("net/main"); None if it is of none."""
        return max((one for one in self.remotes if name.startswith(f"{one}/")), key=len, default=None)

    def release(self, version: str) -> tuple[str, str] | None:
        """The tag of the newest release of a version ("5.15"), and its commit; None if there is none."""
        asked = (f"{_TAGS}v{version}", f"{_TAGS}v{version}.*")
        options = ("--sort=-version:refname", "--format=%(refname) %(objectname)")
        told = self._repository.ask("for-each-ref", *options, *asked).out.decode("utf-8", "surrogateescape")
        for name, _, commit in (line.partition(" ") for line in told.split("\n")[:_MOST]):
            tail = name.removeprefix(f"{_TAGS}v{version}")
            if name and (not tail or tail[1:].isdecimal()) and (found := self._repository.known(commit)):
                return name.removeprefix(_TAGS), found
        return None

    def _within(self, short: str) -> str:
        """The name that a branch of a remote has there."""
        remote = self.remote_of(short)
        return short[len(remote) + 1 :] if remote is not None else short.partition("/")[2]

    def _ids(self, *prefixes: str) -> dict[str, str]:
        told = self._repository.ask("for-each-ref", "--format=%(refname) %(objectname)", *prefixes).out
        lines = told.decode("utf-8", "surrogateescape").split("\n")[:_MOST]
        pairs = (line.partition(" ") for line in lines if line)
        found = {name: commit for name, _, commit in pairs}
        return dict(sorted(found.items(), key=lambda one: not one[0].startswith(_REMOTES)))
