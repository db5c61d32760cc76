"""Finds the branches that the subject of a series names: "[PATCH 5.15.y 1/2]", "[PATCH net-next v3]", "[PATCH phy]".

Input: subjects, and the references of a repository. Output: tips to try. A version means the branch that stable
releases are made from, linux-5.15.y, else the newest release that is tagged. Any other word counts where it is the name
of a branch or a remote, so a word that is one by chance is a tip like others: the hunks have to fit there.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from reviewbot.git.bases.base import Tip
from reviewbot.git.bases.references import References
from reviewbot.kernel.releases import PREFIXES
from reviewbot.support.patterns import pattern

_BETWEEN = pattern(r"[\s\[\],;|&+]+")
_NEITHER = pattern(r"PATCH(?:v[0-9]+)?|RFC|RESEND|REPOST|for|v[0-9]{1,3}|[0-9]+/[0-9]+", re.IGNORECASE)
_VERSION = pattern(r"(?:linux-|stable-)?(v?)([0-9]{1,2}\.[0-9]{1,3})(?:\.[0-9]{1,3})?(\.y|-stable)?", re.ASCII)
_TREES = frozenset({"stable", "linux", "lts", "longterm"})  # words beside "v6.1", which alone is that of a series
_NEXT = "-next"
_WORDS, _LONGEST = 10, 100  # words of a subject, and characters of one
_EVERYWHERE = 4  # branches of one name: a name of more than these tells no tree
FIRST = ("main", "master", "HEAD")  # what the branch of a tree for the next release, or of a remote itself, is called
FOR_NEXT = ("next", "for-next", "linux-next")
_FIXES = ("fixes", "for-linus")


def tree_words(subjects: Iterable[str]) -> tuple[str, ...]:
    """The words in the brackets before the titles of some subjects that may name a tree."""
    found = (PREFIXES.match(subject) for subject in subjects)
    words = (word.removeprefix("-") for match in found if match for word in _BETWEEN.split(match[1]))
    kept = (word for word in words if word and len(word) <= _LONGEST and not _NEITHER.fullmatch(word))
    return tuple(dict.fromkeys(kept))[:_WORDS]


def remotes_meant(words: Iterable[str], references: References) -> list[str]:
    """The remotes that some words name, with or without -next."""
    asked = (name for word in words for name in (word, word.removesuffix(_NEXT)))
    return list(dict.fromkeys(remote for name in asked for remote in references.called(name)))


def subject_tips(words: tuple[str, ...], references: References) -> Iterator[Tip]:
    """The tips that the words of a subject name, a kernel version first."""
    for word in words:
        if version := _version(word, words):
            yield from _of_version(version, word, references)
    for word in words:
        branches = list(references.named(word)) if word not in FIRST else []
        found = branches if len(branches) <= _EVERYWHERE else []
        for name, commit in (*found, *_of_remotes(word, references)):
            yield Tip(commit, f'"{word}" in the subject, {name}')


def _version(word: str, words: tuple[str, ...]) -> str:
    """The version of a kernel that a word is, "" for none."""
    found = _VERSION.fullmatch(word)
    if found is None or (found[1] and not found[3] and _TREES.isdisjoint(words)):
        return ""
    return found[2]


def _of_version(version: str, word: str, references: References) -> Iterator[Tip]:
    branches = list(references.named(f"linux-{version}.y"))
    tag = references.release(version) if not branches else None
    for name, commit in (*branches, *((tag,) if tag else ())):
        yield Tip(commit, f'"{word}" in the subject, {name}')


def _of_remotes(word: str, references: References) -> Iterator[tuple[str, str]]:
    """The branches that are meant by the name of a remote, with or without -next."""
    stem = word.removesuffix(_NEXT)
    if stem != word:
        for remote in references.called(word):
            yield from references.of_remote(remote, FIRST)
        for remote in references.called(stem):
            yield from references.of_remote(remote, (word, *FOR_NEXT))
    else:
        for remote in references.called(word):
            yield from references.of_remote(remote, (*_FIXES, *FIRST))
