"""Reviews the series of watched lists: with the settings of each list, and its tree where it has one."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec.structs import replace

from reviewbot.cli.session import SessionOptions, for_series, for_version, version_for
from reviewbot.kernel import rules
from reviewbot.model.kernel import Version
from reviewbot.model.patch import Series
from reviewbot.model.review import Review
from reviewbot.review.baseline import without_ignored
from reviewbot.review.patient_engine import PatientEngine
from reviewbot.sources.series import apply_to_tree, fetching_of, first_patches, review_series
from reviewbot.support import workers
from reviewbot.support.workers import WorkerDied
from reviewbot.watch.look import Looked, ReviewWork, look
from reviewbot.watch.settings import ListOptions

if TYPE_CHECKING:
    from reviewbot.git.repository import Repository
    from reviewbot.index.tree_index import TreeIndex

Executor = Callable[[SessionOptions, Sequence[ListOptions], Iterable[ReviewWork]], Iterator[Looked]]

_ENGINES = 6  # kernel versions whose rules are kept


class Looker:
    """Looks at works, in this process. Close it where one of the lists has a tree."""

    def __init__(self, given: SessionOptions, lists: Iterable[ListOptions]) -> None:
        self._given = replace(given, quiet=True)
        self._lists: Mapping[str, ListOptions] = {one.name: one for one in lists}
        self._projects = rules.projects(given.folders)
        self._engines: dict[Version, PatientEngine] = {}
        self._trees: dict[str, tuple[Repository, TreeIndex | None]] = {}
        self._opened = ExitStack()
        # one for all series, so that a remote that fails is asked once
        self._fetching = fetching_of(given.config.tree, given) if given.config.tree.fetch else None

    def close(self) -> None:
        """Close the trees."""
        self._opened.close()

    def __call__(self, work: ReviewWork) -> Looked:
        """See watch.look.look()."""
        given = self._lists[work.list]
        seconds = self._given.config.limits.seconds
        return look(work, lambda series: self._review(series, given), self._projects, seconds)

    def _review(self, series: Series, given: ListOptions) -> Review:
        series = first_patches(series, self._given.config.limits.patches)
        review = self._in_tree(series, given) if given.tree else self._alone(series)
        return replace(review, patches=without_ignored(review.patches, self._given.config.ignore))

    @property
    def versions(self) -> tuple[Version, ...]:
        """The kernel versions whose rules are loaded."""
        return tuple(self._engines)

    def load(self, version: Version) -> PatientEngine:
        """Load the rules of a kernel version, unless they are there."""
        engine = self._engines.pop(version, None)
        if engine is None:
            setup = for_version(self._given, version)
            engine = PatientEngine(setup.kernel, setup.rules, self._given.config.limits.seconds)
        self._engines[version] = engine  # the last one used is the last one that is let go of
        if len(self._engines) > _ENGINES:
            del self._engines[next(iter(self._engines))]
        return engine

    def _alone(self, series: Series) -> Review:
        """Review what the mails show."""
        return self.load(version_for(self._given, series)).review(series)

    def _in_tree(self, series: Series, given: ListOptions) -> Review:
        repository, index = self._tree(given.tree)
        config = self._given.config
        settings = replace(config.tree, branches=given.branches) if given.branches else config.tree
        placed = apply_to_tree(repository, None, series, settings, self._given, self._fetching)
        there = for_series(self._given, *placed)
        seconds = config.limits.seconds
        return review_series(placed.series, there.kernel, there.rules, seconds, repository, self._given, index)

    def _tree(self, path: str) -> tuple[Repository, TreeIndex | None]:
        if path not in self._trees:
            from reviewbot.git.repository import Repository

            repository = self._opened.enter_context(Repository(Path(path).expanduser()))
            self._trees[path] = repository, self._given.index()
        return self._trees[path]


def in_processes(given: SessionOptions, lists: Iterable[ListOptions], works: Iterable[ReviewWork]) -> Iterator[Looked]:
    """Look at works in worker processes, in their order; one that ends its process is looked at no more."""
    every = tuple(lists)
    worker = _Worker(given, every)
    processes = max(1, workers.size(given.config.limits.processes))
    for work, looked in workers.each(worker, works, processes, worker.begin):
        if isinstance(looked, WorkerDied):
            yield Looked(work.number, work.arrived, wrong=f"it ended the process that read it ({looked.code})")
        else:
            yield looked


class _Worker:
    """Makes its Looker in the process that it works in."""

    def __init__(self, given: SessionOptions, lists: tuple[ListOptions, ...]) -> None:
        self._given, self._lists = given, lists
        self._looker: Looker | None = None

    def begin(self) -> None:
        self._looker = Looker(self._given, self._lists)

    def __call__(self, work: ReviewWork) -> Looked:
        assert self._looker is not None
        return self._looker(work)
