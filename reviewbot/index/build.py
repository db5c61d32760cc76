"""Reads the C files of a tree whose contents the index does not have yet, in several processes, and adds them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import NamedTuple

from reviewbot.index.difference import difference
from reviewbot.index.serialized import to_bytes
from reviewbot.index.store import ReadContent, Store, content_key
from reviewbot.model.errors import InputError
from reviewbot.model.patch import Folders
from reviewbot.review.neighbourhood.folder_words import ENDINGS, ReadWords
from reviewbot.support.workers import WorkerDied, each

_AT_ONCE = 48  # files of a task
_PART = 8000  # contents that are added at once; of what is read, no more is lost if the run is killed

Task = Sequence[tuple[str, str]]  # paths with the ids of their contents


class TreeFiles(NamedTuple):
    """A tree to index: its id, what the user calls it, and its C files, the ids of their contents by path."""

    id: str
    called: str
    files: Mapping[str, str]


class Crew(NamedTuple):
    """How many processes read, and what each has to do first; see workers.each()."""

    processes: int
    begin: Callable[[], None]


def files_of(folders: Folders, tree: str) -> dict[str, str]:
    """The C files of a tree, the ids of their contents by path."""
    return {path: id_ for path, id_ in difference(folders.listing, "", tree) if path.endswith(ENDINGS)}


def unknown_files(store: Store, tree: TreeFiles) -> list[tuple[str, str]]:
    """The files of a tree whose contents the index does not have, each content once."""
    keys = {content_key(path, id_): (path, id_) for path, id_ in tree.files.items()}
    known = store.numbers(keys)
    return sorted(file for key, file in keys.items() if key not in known)


def files_with(tree: TreeFiles, contents: Iterable[tuple[str, str]]) -> int:
    """How many files of a tree have one of some contents, each given as the path and the id of a file with it."""
    keys = {content_key(path, id_) for path, id_ in contents}
    return sum(content_key(path, id_) in keys for path, id_ in tree.files.items())


def add_files(
    store: Store, fresh: Sequence[tuple[str, str]], folders: Folders, read: ReadWords, crew: Crew
) -> Iterator[int]:
    """Add the contents of some files; gives after each step how many were read."""
    tasks = [fresh[at : at + _AT_ONCE] for at in range(0, len(fresh), _AT_ONCE)]

    def work(task: Task) -> list[ReadContent]:
        texts = folders.contents([id_ for _, id_ in task])
        there = ((path, id_, texts.get(id_)) for path, id_ in task)
        # what is not here now may be here later: of that nothing is kept, least of all that it says nothing
        return [_read(path, id_, text, read) for path, id_, text in there if text is not None]

    done = each(work, tasks, crew.processes, crew.begin)
    while some := list(islice(done, max(1, _PART // _AT_ONCE))):
        contents = list[ReadContent]()
        for task, made in some:
            if isinstance(made, WorkerDied):
                raise InputError("a process that read files for the index ended")
            contents += made
            yield len(task)
        store.add(contents)


def add_tree(store: Store, tree: TreeFiles) -> int:
    """Add a tree, without the files whose contents are not there; gives how many these are."""
    keys = {path: content_key(path, id_) for path, id_ in tree.files.items()}
    known = store.numbers({*keys.values()})
    places = {path: key for path, key in keys.items() if key in known}
    store.add_tree(tree.id, tree.called, places)
    return len(keys) - len(places)


def _read(path: str, id_: str, text: bytes, read: ReadWords) -> ReadContent:
    file = read(path, text, {})
    names = (
        *(file.defines, file.calls, file.runs, file.macros, file.locks, file.waits),
        *(file.operations.structures, file.pointers, file.places, file.through, file.stores),
        *(file.helpers.takers, file.helpers.givers),
    )
    return ReadContent(content_key(path, id_), to_bytes(file), names)
