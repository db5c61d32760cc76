"""Runs `reviewbot local`: reviews the changes of a work tree, or patch files, before they are sent."""

from __future__ import annotations

import argparse
import os
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from msgspec.structs import replace

from reviewbot.cli import streams
from reviewbot.cli.commands import working_tree
from reviewbot.cli.output import Output
from reviewbot.cli.session import Session, open_session
from reviewbot.cli.verdict import ExitPolicy
from reviewbot.git import worktree
from reviewbot.git.repository import Repository
from reviewbot.model.errors import InputError, UsageError
from reviewbot.model.patch import Series, Unread
from reviewbot.model.review import Review
from reviewbot.report.registry import LOCAL
from reviewbot.report.remarks import remarks_of
from reviewbot.report.terminal.local import Viewpoint
from reviewbot.support.escape import visible

# variables by which a hook, a git alias or a shell tells git about the repository
_TOLD = ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_EDITOR")
_HERE = "the current folder"


class _Found(NamedTuple):
    """A review, and how to show it. `nothing`: why there is nothing to review, else ""; `editor`: its command."""

    review: Review
    setup: Session
    desk: Viewpoint = Viewpoint()
    nothing: str = ""
    editor: str = ""


def local(options: argparse.Namespace) -> int:
    """Review changes or patch files. Gives the exit code; raises InputError if none could be read."""
    _check(options)
    setup = open_session(options)
    output = Output(options, setup, tuple(LOCAL))
    gate = ExitPolicy(options, setup)
    try:
        found = _files(options, setup) if options.patches else _changes(options, setup)
    except InputError as error:
        # a program that reads the output gets its object even when there was nothing to read
        output.write_nothing(Review(Series("", 0, ()), (), setup.version, (Unread(None, str(error)),)))
        raise
    gate.setup = output.setup = found.setup
    output.desk = found.desk
    if found.nothing:
        setup.say(f"nothing to review: {found.nothing}")
    review = gate.passed(found.review)
    output.write(review)
    if not review.looked:
        raise InputError("nothing was reviewed: none of it could be read")
    code = gate.code(review, output)
    if options.edit:
        _edit(found.editor, review, output)
    return code


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


def _changes(options: argparse.Namespace, setup: Session) -> _Found:
    """Review the commits that are not upstream, and the changes in the index and the work tree."""
    told = dict(os.environ)  # an open repository takes out what is about one
    with _opened(options) as repository:
        place = worktree.work_tree_of(repository)
        if place is None and options.staged:
            raise UsageError(f"--staged: {options.tree or _HERE} has no work tree, so nothing is staged there")
        editor = _editor(repository) if options.edit else ""
        there = _desk(place, options, told)
        work = working_tree.WorkingTree(repository, place, setup, lambda path: visible(there.name(path)))
        if not options.staged:
            work.commits(options.base)
        if place is not None:
            work.index(options.staged, options.untracked)
        review = work.review()
        desk = replace(there, later=work.later(options.staged, review), what=work.what)
        return _Found(review, work.setup, desk, work.nothing, editor)


def _files(options: argparse.Namespace, setup: Session) -> _Found:
    """Review patch files, applied to the repository if there is one and they fit."""
    from reviewbot.cli.commands.thread import placed, within
    from reviewbot.cli.progress import PatientEngine, counting
    from reviewbot.cli.session import for_series
    from reviewbot.mail import patch_files

    limits, desk, told = setup.config.limits, Viewpoint(), dict(os.environ)
    found = patch_files.read_patches(
        options.patches, streams.stdin(), limits.mail_bytes, limits.mailbox_bytes, limits.seconds
    )
    found = within(found, limits.patches)

    def reviewed(setup: Session, found: Series, repository: Repository | None) -> Review:
        read = repository.read if repository is not None else None
        engine = PatientEngine(setup.kernel, setup.rules, limits.seconds, read)
        with counting(len(found.patches), setup.quiet) as engine.done:
            return engine.review(found)

    try:
        repository = _opened(options)
    except UsageError as error:
        if options.tree is not None or options.base is not None:
            raise
        setup.say(f"reviewed as the patches show it: {error} (--tree PATH names another)")
        found = replace(found, unread=(*found.unread, Unread(None, f"whole files: {error} (--tree PATH)")))
        setup = for_series(setup, found)
        return _Found(reviewed(setup, found, None), setup, desk)
    with repository:
        if options.base is not None and repository.commit(options.base) is None:
            raise UsageError(f"--base {options.base}: there is no such commit in {repository.path}")
        desk = _desk(worktree.work_tree_of(repository), options, told)
        setup, found = placed(repository, options.base, setup, found)
        return _Found(reviewed(setup, found, repository), setup, desk)


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
