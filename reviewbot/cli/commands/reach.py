"""Runs `reviewbot reach`: what a function reaches that breaks in a scope, or who calls it there."""

from __future__ import annotations

import argparse
import re
import shutil
import sys
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

from reviewbot.cli import streams
from reviewbot.cli.session import Session, for_tree, open_session
from reviewbot.git.command import TooLong
from reviewbot.git.kernel_versions import kernel_in
from reviewbot.git.repository import FOREVER, Repository
from reviewbot.index.definitions import defining_files, near_names
from reviewbot.index.tree_words import TreeWords
from reviewbot.kernel import rules
from reviewbot.kernel.probes import ProbeKind, asked_rules
from reviewbot.model.errors import DamagedDatabase, InputError, UsageError
from reviewbot.model.kernel import Rule
from reviewbot.model.patch import Series, Unread
from reviewbot.model.review import PatchReview
from reviewbot.report.reached import reached_json, reached_text
from reviewbot.review.neighbourhood.function_words import FileWords, FunctionWords, WordReader
from reviewbot.review.neighbourhood.graph.word_graph import MOST_CALLING
from reviewbot.review.neighbourhood.tree_source import TreeSource
from reviewbot.review.neighbourhood.visibility import Layout
from reviewbot.review.patient_engine import PatientEngine
from reviewbot.review.prefilter.words import RowWords, known_rules
from reviewbot.review.probe.answers import Question, ReachAnswers, answers_of
from reviewbot.review.probe.changed_tree import ChangedTree
from reviewbot.review.probe.probe import PROBE, Probe, beginning, calling, definitions
from reviewbot.support.ci_commands import JSON
from reviewbot.support.escape import clip, visible

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,200}")
_SEARCH = 10  # seconds for a search without an index: a whole kernel takes a minute, and --file is quicker
_SHOWN = 100  # characters of a name that is none
_LISTED = 20  # files
_COLUMNS = 100  # where nobody sees them


class _Place(Struct, frozen=True):
    """Where to look: a tree by its id, the index of its words, None without one, and the file that is named."""

    repository: Repository
    tree: str
    words: TreeWords | None
    file: str


def reach(options: argparse.Namespace) -> int:
    """Answer the question; the code is 0, found or not. Raises UsageError for what is not in the tree."""
    name = options.function.removesuffix("()")
    if not _NAME.fullmatch(name):
        raise UsageError(f"{visible(clip(options.function, _SHOWN))!r} is no name of a function")
    session = open_session(options)
    with Repository(options.tree or Path()) as repository:
        repository.allow(FOREVER)
        tree = _tree(repository, options.revision or "HEAD")
        session = for_tree(session, 0, *kernel_in(repository, tree, session.config.tree.headers))
        kind = rules.probes(session.folders)[options.scope]
        place = _Place(repository, tree, None, options.file or "")
        try:
            known = replace(place, words=_words(session, repository, tree))
            found = _asked(known, session, kind, name, options.callers)
        except DamagedDatabase as error:
            session.say(f"the index is not used: {error}; `reviewbot index` makes it anew")
            found = _asked(place, replace(session, indexed=False), kind, name, options.callers)
    if options.format == "json":
        digest = rules.digest(session.folders)
        streams.put(reached_json(found, session.kernel_name, digest), JSON)
    else:
        columns = shutil.get_terminal_size().columns if streams.is_terminal(sys.stdout) else _COLUMNS
        streams.put(reached_text(found, columns))
    return 0


def _tree(repository: Repository, revision: str) -> str:
    commit = repository.commit(revision)
    tree = repository.tree(commit) if commit is not None else None
    if tree is None:
        raise UsageError(f"{revision}: there is no such commit in {repository.path}")
    return tree


def _words(session: Session, repository: Repository, tree: str) -> TreeWords | None:
    """What the index says of a tree, None where it says nothing. Raises DamagedDatabase."""
    index = session.index()

    @cache
    def reader() -> WordReader:
        return WordReader([session.kernel], RowWords(known_rules(session.rules)))

    def read(path: str, text: bytes, known: Mapping[str, FunctionWords]) -> FileWords:
        return reader().read(path, text, known)

    return index.words(tree, repository, read) if index is not None else None


# --- the file ---


def _file(place: _Place, session: Session, name: str) -> tuple[str, bytes]:
    """The path and the text of the file that defines a function. Raises UsageError where it is none, or several."""
    path = place.file
    if not path:
        found = _defining(place, session, name)
        if not found:
            raise UsageError(f"no function {name}() was found in the tree{_alike(place, name)}")
        if len(found) > 1:
            more = f" and {len(found) - _LISTED} more" if len(found) > _LISTED else ""
            listed = ", ".join(map(visible, found[:_LISTED]))
            raise UsageError(f"{name}() is defined in {len(found)} files; name one with --file: {listed}{more}")
        path = found[0]
    text = place.repository.read(place.tree, path)
    if text is None:
        raise UsageError(f"{visible(path)}: no such file in the tree")
    if not definitions(path, text, name):
        raise UsageError(f"{visible(path)} defines no function {name}(){_alike(place, name)}")
    return path, text


def _defining(place: _Place, session: Session, name: str) -> Sequence[str]:
    if place.words is not None:
        return defining_files(place.words, name, Layout.of(session.kernel))
    with session.waiting(f"looking for {name}()"):
        return _searched(place, name)


def _searched(place: _Place, name: str) -> Sequence[str]:
    """The files that define a function, by a search for lines that may be its head."""
    head = rf"^([A-Za-z_].*[ *])?{name}\("
    place.repository.allow(_SEARCH)
    try:
        done = place.repository.run("grep", "-l", "-z", "-E", "-e", head, place.tree, "--", "*.c", "*.h")
    except TooLong:
        why = f"which file defines {name}() was not found in {_SEARCH} s"
        raise UsageError(f"{why}; name it with --file, or run `reviewbot index` first") from None
    finally:
        place.repository.allow(FOREVER)
    paths = [one.removeprefix(f"{place.tree}:") for one in done.out.decode("utf-8", "surrogateescape").split("\0")]
    texts = ((path, place.repository.read(place.tree, path)) for path in paths if path)
    return [path for path, text in texts if text is not None and definitions(path, text, name)]


def _alike(place: _Place, name: str) -> str:
    """The end of an error: names like one that is not there."""
    near = near_names(place.words, name) if place.words is not None else ()
    return f"; there is {', '.join(f'{one}()' for one in near)}" if near else ""


# --- the question ---


def _asked(place: _Place, session: Session, kind: ProbeKind, name: str, callers: bool) -> ReachAnswers:
    path, text = _file(place, session, name)
    question = Question(name, path, kind.name, kind.where, callers)
    probe = beginning(path, text, name, kind.request) if callers else calling(path, text, name, kind.enter, kind.leave)
    with session.waiting(f"following the calls of {name}()"):
        review, files = _reviewed(place, session, probe, asked_rules(kind, session.rules, PROBE))
    if review.depth != "file":
        raise InputError(f"{visible(path)} could not be read: {'; '.join(one.reason for one in review.unread)}")
    unread = (*review.unread, *_not_followed(place, question, len(definitions(path, text, name))))
    return ReachAnswers(question, answers_of(review, probe, question), review.width, files, unread)


def _reviewed(place: _Place, session: Session, probe: Probe, wanted: Sequence[Rule]) -> tuple[PatchReview, int]:
    """The review of a probe, and how many files of the tree it took."""
    tree = ChangedTree(place.repository, place.repository.read, place.tree, probe.path, probe.text)
    # an index of its own: that of the tree as it is knows nothing of this one
    source = TreeSource(tree, session.index())
    engine = PatientEngine(session.kernel, wanted, session.config.limits.seconds, tree.read, source)
    (review,) = engine.review(Series(PROBE, 1, (probe.patch(tree.id),))).patches
    return review, len(tree.asked)


def _not_followed(place: _Place, question: Question, count: int) -> Iterator[Unread]:
    """What the engine passes over in silence."""
    if count > 1:
        yield Unread(question.path, f"{question.function}() stands there {count} times; no calls lead through it")
    files = place.words.count_calling(question.function) if place.words is not None and question.callers else 0
    if files > MOST_CALLING:
        yield Unread(None, f"some {files} files call it; where more than {MOST_CALLING} do, calls are not followed up")
