"""Runs `reviewbot index`: notes what the C files of a tree say, tells what is noted, or deletes it."""

from __future__ import annotations

import argparse
import time
from contextlib import closing
from pathlib import Path

from reviewbot.cli import progress, streams
from reviewbot.cli.session import SessionOptions, session_options
from reviewbot.git.cat_file import LARGEST
from reviewbot.git.repository import FOREVER, Repository
from reviewbot.index import build, place
from reviewbot.index.reader import reader_of_all
from reviewbot.index.store import IndexedTree, Store
from reviewbot.model.errors import DamagedDatabase, InputError, UsageError
from reviewbot.support import workers
from reviewbot.support.escape import visible

_MB = 1 << 20
_DAY = 86_400  # seconds
_FEW = 200  # files that are read before other processes have begun


def index(options: argparse.Namespace) -> int:
    """Build, show or delete the index; the code is 0. Raises InputError where it cannot be read or written."""
    given = session_options(options)
    path = place.index_path(given.folders)
    if path is None:
        raise InputError("there is no place for an index: neither HOME nor XDG_CACHE_HOME names a folder")
    if options.remove:
        place.removed(place.records_path(path))
        streams.put(f"deleted {path}\n" if place.removed(path) else f"there is no index at {path}\n")
        return 0
    if options.status:
        streams.put(_status(path))
        return 0
    with Repository(options.tree or Path()) as repository:
        repository.allow(FOREVER)
        tree = _tree(repository, options.revision or "HEAD")
        place.prepared(path)
        with place.single_writer(path, lambda: given.say("another run writes the index; waiting until it is done")):
            _build(path, tree, repository, given)
    return 0


def _tree(repository: Repository, revision: str) -> build.TreeFiles:
    commit = repository.commit(revision)
    tree = repository.tree(commit) if commit is not None else None
    if commit is None or tree is None:
        raise UsageError(f"{revision}: there is no such commit in {repository.path}")
    files = build.files_of(repository, tree)
    if not files:
        raise InputError(f"{revision}: there are no C files in it")
    name = commit[:12] if commit.startswith(revision) else f"{visible(revision)} ({commit[:12]})"
    return build.TreeFiles(tree, name, files)


def _build(path: Path, tree: build.TreeFiles, repository: Repository, given: SessionOptions) -> None:
    begun = time.monotonic()
    try:
        read, left = _added(path, tree, repository, given)
    except DamagedDatabase as error:
        given.say(f"the index was damaged ({error}), and is made anew")
        place.removed(path)
        read, left = _added(path, tree, repository, given)
    news = f"{read} read in {time.monotonic() - begun:.0f} s" if read else "nothing new in them"
    noted = len(tree.files) - left
    given.say(f"noted {noted} files of {tree.called}, {news}: {path}, {place.bytes_of(path) // _MB} MB")
    if left:
        given.say(f"{left} more could not be read: they are not in this clone, or have more than {LARGEST // _MB} MB")


def _added(path: Path, tree: build.TreeFiles, repository: Repository, given: SessionOptions) -> tuple[int, int]:
    """How many contents were read, and how many files of the tree could not be."""
    with closing(Store.make(path)) as store:
        fresh = build.unknown_files(store, tree)
        if not fresh and any(one.id == tree.id for one in store.trees()):
            store.touch(tree.id, tree.called)
            return 0, 0
        given.tell(f"{len(tree.files)} files, {len(fresh)} of them with contents that are new")
        store.begin(tree.called, len(fresh))
        crew = build.Crew(workers.size(given.config.limits.processes) if len(fresh) > _FEW else 0, repository.forked)
        with progress.reading(len(fresh), given.quiet) as done:
            for count in build.add_files(store, fresh, repository, reader_of_all(given.folders).read, crew):
                done(count)
        missing = build.unknown_files(store, tree._replace(files=dict(fresh)))
        if len(missing) == len(fresh) and any(one.id == tree.id for one in store.trees()):  # as the last time
            store.touch(tree.id, tree.called)
            return 0, build.files_with(tree, missing)
        return len(fresh) - len(missing), build.add_tree(store, tree)


def _status(path: Path) -> str:
    try:
        store = Store.open(path)
    except DamagedDatabase as error:
        return f"the index at {path} is damaged ({error}); `reviewbot index` makes it anew\n"
    if store is None:
        return "there is no index for these rules; `reviewbot index` makes one\n"
    with closing(store):
        trees, (contents, at_work) = store.trees(), store.progress()
    lines = [f"{path}: {place.bytes_of(path) // _MB} MB, {contents} contents"]
    records = place.records_path(path)
    if records.is_file():
        lines.append(f"{records}: {place.bytes_of(records) // _MB} MB, functions that reviews have read")
    lines += [f"  {one.called}: {one.files} files, {_age(one)}" for one in trees]
    if at_work is not None:
        state = "at work" if place.is_written(path) else "not done; run `reviewbot index` to go on"
        lines.append(f"  {at_work.called}: {contents - at_work.before} of {at_work.fresh} contents read, {state}")
    return "\n".join(lines) + "\n"


def _age(tree: IndexedTree) -> str:
    days = int(max(time.time() - tree.made, 0) // _DAY)
    return "today" if days == 0 else f"{days} day{'' if days == 1 else 's'} ago"
