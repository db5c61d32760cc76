"""Runs `reviewbot local`: reviews the changes of a work tree, or patch files, before they are sent."""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from msgspec.structs import replace

from reviewbot.cli import review_command, streams
from reviewbot.cli.commit_ranges import at_end, ruleset
from reviewbot.cli.output import Output
from reviewbot.cli.review_command import OpenSource, SourceReview
from reviewbot.cli.session import Session, for_series
from reviewbot.git import worktree
from reviewbot.git.repository import Repository
from reviewbot.model.errors import InputError, UsageError
from reviewbot.model.patch import Series, Unread
from reviewbot.model.review import Review
from reviewbot.report.registry import LOCAL
from reviewbot.report.remarks import remarks_of
from reviewbot.report.terminal.local import Viewpoint
from reviewbot.sources.commit_range import tell_merges
from reviewbot.sources.work_tree import WorkingTree
from reviewbot.support.escape import visible

# variables by which a hook, a git alias or a shell tells git about the repository
_TOLD = ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_EDITOR")
_HERE = "the current folder"


def local(options: argparse.Namespace) -> int:
    """Review changes or patch files. Gives the exit code; raises InputError if none could be read."""
    _check(options)
    source = _files if options.patches else _changes
    done = review_command.run(options, source, tuple(LOCAL), "none of it")
    if options.edit:
        _edit(done.found.editor, done.found.review, done.output)
    return done.code


def _check(options: argparse.Namespace) -> None:
    """Raise UsageError for options that exclude each other."""
    if options.patches:
        for name in ("staged", "untracked"):
            if getattr(options, name):
                raise UsageError(f"--{name} is about the work tree: it goes without patch files")
        if options.edit:
            raise UsageError(
                "--edit opens files of the work tree, where the patches are not applied: edit them yourself"
            )
    elif options.staged:
        for name in ("untracked", "base"):
            if getattr(options, name):
                raise UsageError(f"--staged looks at the index alone: it goes without --{name}")


def _opened(options: argparse.Namespace) -> Repository:
    told = {name: os.environ[name] for name in _TOLD if name in os.environ}
    if options.tree is not None:
        return Repository(options.tree, {name: told[name] for name in ("GIT_EDITOR",) if name in told})
    return Repository(Path(), told, _HERE)


def _opened_if_there(options: argparse.Namespace) -> tuple[Repository | None, str]:
    """The same; None and the reason where no repository was named and there is none around this folder."""
    try:
        return _opened(options), ""
    except UsageError as error:
        if options.tree is not None or options.base is not None:
            raise
        return None, str(error)


@contextmanager
def _changes(options: argparse.Namespace, session: Session) -> Iterator[OpenSource]:
    """The commits that are not upstream, and what is in the index and the work tree."""
    told = dict(os.environ)  # an open repository takes out what is about one
    with _opened(options) as repository:
        place = worktree.work_tree_of(repository)
        if place is None and options.staged:
            raise UsageError(f"--staged: {options.tree or _HERE} has no work tree, so nothing is staged there")
        editor = _editor(repository) if options.edit else ""
        there = _desk(place, options, told)
        limits = session.config.limits
        work = WorkingTree(repository, place, lambda path: visible(there.name(path)), limits, session)

        def reviewed() -> SourceReview:
            if not options.staged:
                work.commits(options.base)
            if place is not None:
                work.index(options.staged, options.untracked)
            tell_merges(work.span, session)
            end = at_end(repository, work.span, session) if work.span.tip else session
            review, rules = work.review(ruleset(end))
            desk = replace(there, later=work.later(options.staged, review), what=work.what)
            nothing = f"nothing to review: {work.nothing}" if work.nothing else ""
            return SourceReview(review, replace(end, rules=rules), desk, nothing, editor)

        yield OpenSource(session, reviewed)


@contextmanager
def _files(options: argparse.Namespace, session: Session) -> Iterator[OpenSource]:
    """Patch files, applied to the repository if there is one and they fit."""
    from reviewbot.mail import patch_files
    from reviewbot.sources.series import apply_to_tree, first_patches, review_series

    limits, told = session.config.limits, dict(os.environ)
    found = patch_files.read_patches(
        options.patches, streams.stdin(), limits.mail_bytes, limits.mailbox_bytes, limits.seconds
    )
    found = first_patches(found, limits.patches)

    def reviewed(found: Series, there: Session, repository: Repository | None = None) -> Review:
        index = session.index() if repository is not None else None
        return review_series(found, there.kernel, there.rules, limits.seconds, repository, session, index)

    repository, why = _opened_if_there(options)
    if repository is None:
        session.say(f"reviewed as the patches show it: {why} (--tree PATH names another)")
        unplaced = replace(found, unread=(*found.unread, Unread(None, f"whole files: {why} (--tree PATH)")))
        hunks = for_series(session, unplaced)
        yield OpenSource(session, lambda: SourceReview(reviewed(unplaced, hunks), hunks))
        return
    with repository:
        if options.base is not None and repository.commit(options.base) is None:
            raise UsageError(f"--base {options.base}: there is no such commit in {repository.path}")
        desk = _desk(worktree.work_tree_of(repository), options, told)
        placed = apply_to_tree(repository, options.base, found, session.config.tree, session)
        there = for_series(session, *placed)
        yield OpenSource(session, lambda: SourceReview(reviewed(placed.series, there, repository), there, desk))


def _desk(place: worktree.WorkTree | None, options: argparse.Namespace, env: Mapping[str, str]) -> Viewpoint:
    """Makes paths relative to the current folder, or to the one in which the user ran the git that runs this hook."""
    if place is None:
        return Viewpoint()
    here = Path.cwd()
    if options.tree is None and here == place.top and env.get("GIT_PREFIX"):
        here /= env["GIT_PREFIX"]
    return Viewpoint(str(place.top), str(here))


# --- the editor ---


def _editor(repository: Repository) -> str:
    """The editor's command as git finds it: $GIT_EDITOR, core.editor, $VISUAL, $EDITOR, or git's default."""
    asked = repository.ask("var", "GIT_EDITOR")
    if asked.code:
        raise InputError(f"no editor: {asked.complaint}")
    return os.fsdecode(asked.out).strip()


def _edit(command: str, review: Review, output: Output) -> None:
    """Open the editor at the remarks, if there are any. If it fails, that does not change the exit code."""
    from reviewbot.integrations import editor

    desk = replace(output.desk, here=str(Path.cwd()))
    found = (remark.finding for remark in remarks_of(review, output.frame(output.format), desk.later))
    places = [
        editor.EditorPlace(desk.name(one.path), one.line, visible(f"{one.severity}: {one.message} [{one.rule}]"))
        for one in found
        if Path(desk.top, one.path).is_file()
    ]
    if not places:
        output.setup.say("nothing to open in the editor")
        return
    if not editor.knows_lines(command):
        for place in places:
            output.setup.say(f"{place.path}:{place.line}: {place.text}")
    try:
        editor.visit(command, places)
    except InputError as error:
        streams.say(f"reviewbot: {error}")
