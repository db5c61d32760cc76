"""Runs `reviewbot pages`: writes the pages of the rules and of the matrix into a folder."""

from __future__ import annotations

import argparse
from pathlib import Path

from reviewbot.cli.session import SessionOptions, session_options
from reviewbot.filesystem.owned import replace_owned
from reviewbot.kernel import rules
from reviewbot.model.errors import InputError
from reviewbot.report.html.document import MARK
from reviewbot.report.registry import SURFACES
from reviewbot.report.site.frame import Site
from reviewbot.report.site.history import History
from reviewbot.report.site.site import site_pages


def pages(options: argparse.Namespace) -> int:
    """Write the pages. Raises InputError where the folder cannot be written to, or has files of the same names."""
    given = session_options(options)
    folder: Path = options.folder
    if folder.exists() and not folder.is_dir():
        raise InputError(f"{folder} is no folder")
    given.tell(f"rules from {', '.join(map(str, given.folders))}")
    history = _history(given)
    bars = {name: given.config.surface.of(name) for name in SURFACES}
    chosen = "" if given.dated else given.kernel_name
    made = dict(site_pages(Site(history, rules.digest(given.folders), chosen, bars)))
    gone = replace_owned(folder, made, MARK.encode())
    for path in gone:
        given.tell(f"removed {path}: its rule is gone")
    given.say(f"{len(made)} pages in {folder}; open {folder / 'index.html'}")
    return 0


def _history(given: SessionOptions) -> History:
    """The facts of every version from the oldest that is known on."""
    versions = rules.releases(given.folders).every(given.version)
    with given.waiting("reading the facts of every kernel version"):
        loaded = list(rules.load_each(given.folders, versions))
    return History(tuple(kernel for kernel, _ in loaded), tuple(listed for _, listed in loaded))
