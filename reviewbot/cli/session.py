"""Opens the session of a command: its configuration, the facts of a kernel version and the rules that apply to it.

The kernel version is the one that the user names, else that of the tree, of the subject or of the date of the patches.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from reviewbot import config
from reviewbot.cli import streams
from reviewbot.config import AUTO, Config
from reviewbot.kernel import rules, schema
from reviewbot.kernel.backports import fitted_kernel
from reviewbot.kernel.releases import Releases, day_of
from reviewbot.mail.headers import timestamp
from reviewbot.model.kernel import Kernel, Rule, Version
from reviewbot.model.patch import Series

if TYPE_CHECKING:
    from reviewbot.index.tree_index import TreeIndex
    from reviewbot.memory.memory import Memory


class SessionOptions(Struct, frozen=True):
    """The settings of a run, before any rule is loaded. `version`: the kernel version if nothing else tells it."""

    config: Config
    folders: tuple[Path, ...]
    version: Version
    dated: bool  # the user names no version: the tree, the patches' subject or their date tells it
    quiet: bool
    verbose: bool
    indexed: bool = True  # the index is used if there is one
    remembered: Path | None = None  # the memory that the user names

    @property
    def kernel_name(self) -> str:
        """The kernel version as text, "6.12"."""
        return f"{self.version[0]}.{self.version[1]}"

    def say(self, text: str) -> None:
        """Print a line to standard error, unless with -q."""
        if not self.quiet:
            streams.say(text)

    def tell(self, text: str) -> None:
        """Print a line on what is being done to standard error, with -v only."""
        if self.verbose:
            self.say(text)

    def index(self) -> TreeIndex | None:
        """What is known of whole trees, None where there is no index for these rules, or none is wanted."""
        from reviewbot.index import place  # most runs have none

        path = place.index_path(self.folders) if self.indexed and place.is_any() else None
        if path is None or not path.is_file():
            return None
        from reviewbot.index.tree_index import TreeIndex

        self.tell(f"index: {path}")
        return TreeIndex(path, self.say)

    def memory(self) -> Memory:
        """What is remembered from run to run. Raises InputError or ConfigError where that file cannot be used."""
        from reviewbot.memory.memory import Memory

        return Memory.open(self.memory_file)

    @property
    def memory_file(self) -> Path:
        """Where the memory is, made or not."""
        return self.remembered or self.config.memory_file(os.environ)

    def waiting(self, text: str) -> AbstractContextManager[None]:
        """See progress.waiting()."""
        from reviewbot.cli import progress  # most checks are done before anybody waits

        return progress.waiting(text, self.quiet)

    def counting(self, patches: int) -> AbstractContextManager[Callable[[], None]]:
        """See progress.counting()."""
        from reviewbot.cli import progress

        return progress.counting(patches, self.quiet)


class Session(SessionOptions, frozen=True, kw_only=True):
    """The settings of a run with the facts of its kernel version, and the rules that apply and are not disabled."""

    kernel: Kernel
    rules: tuple[Rule, ...]


def session_options(options: argparse.Namespace) -> SessionOptions:
    """The settings by options and configuration. Raises ConfigError for an invalid config file or kernel version."""
    settings = config.load_config(options.config, os.environ)
    folders = settings.rule_folders(tuple(options.rules))
    asked = options.kernel or settings.kernel.version
    today = date.today().isoformat()
    version = rules.releases(folders).at(today) if asked == AUTO else rules.parse_version(asked)
    indexed = not getattr(options, "no_index", False)
    told = settings, folders, version, asked == AUTO
    return SessionOptions(*told, options.quiet, options.verbose, indexed, getattr(options, "memory", None))


def open_session(options: argparse.Namespace) -> Session:
    """Open the session. Raises ConfigError for an invalid config file, rules folder or kernel version."""
    setup = _load(session_options(options))
    setup.tell(f"rules from {', '.join(map(str, setup.folders))}")
    if not setup.dated:  # else it is not known yet by which kernel
        _tell_kernel(setup, "as asked for")
    return setup


def _load(given: SessionOptions) -> Session:
    # a rule that does not hold at this version may be switched off all the same
    known = {path.stem: path for folder in given.folders for path in folder.glob("[!_]*.toml")}
    disabled = given.config.rules.disable
    schema.check_names(disabled, known, "[rules] disable", "rule")
    schema.check_names([one.rule for one in given.config.ignore if one.rule], known, "[[ignore]]", "rule")
    kernel, every = rules.load(given.folders, given.version)
    heard = tuple(rule for rule in every if rule.id not in disabled)
    plain = {name: getattr(given, name) for name in SessionOptions.__struct_fields__}
    return Session(**plain, kernel=kernel, rules=heard)


def _tell_kernel(setup: Session, how: str) -> None:
    setup.tell(f"kernel {setup.kernel_name}, {how}: {len(setup.rules)} rules")


def for_series(
    given: SessionOptions, series: Series, found: Version | None = None, names: frozenset[str] | None = None
) -> Session:
    """The session for one series, and for the tree that it is applied to, if there is one.

    Unless the user names a version, it is that of the tree's Makefile (`found`), else the one that the subject of the
    cover letter or of the first patch names, else the one that mainline was working on when the series was sent.
    `names`, those in the tree's headers, override the version's, unless the user names another version than the tree's.
    """
    return for_tree(given, _sent(series), found, names, _subjects(series))


def version_for(given: SessionOptions, series: Series) -> Version:
    """The kernel version of the session for a series that is applied to no tree."""
    return _meant(given, _sent(series), None, _subjects(series))[0]


def for_version(given: SessionOptions, version: Version) -> Session:
    """The session for a kernel version."""
    return _load(replace(given, version=version))


def _sent(series: Series) -> float:
    """When a series was sent, in seconds since 1970; 0 where none of its dates says it."""
    return max((timestamp(patch.mail.date) for patch in series.patches if patch.mail is not None), default=0)


def _subjects(series: Series) -> Sequence[str]:
    mails = (series.cover, *(patch.mail for patch in series.patches))
    return [mail.subject for mail in mails if mail is not None]


def for_tree(
    given: SessionOptions | Session,
    stamp: float,
    found: Version | None,
    names: frozenset[str] | None,
    subjects: Sequence[str] = (),
) -> Session:
    """As for_series(), for a tree. `stamp`: its date in seconds since 1970, 0 if that is not known."""
    version, how = _meant(given, stamp, found, subjects)
    same = version == given.version
    setup = given if same and isinstance(given, Session) else _load(replace(given, version=version))
    if given.dated or not isinstance(given, Session):
        _tell_kernel(setup, how)
    if names is None or version != (found or version):
        return setup
    kernel = fitted_kernel(setup.kernel, names.intersection, lambda at: rules.load(setup.folders, at)[0])
    return replace(setup, kernel=kernel)


def program(given: SessionOptions, series: Series) -> str:
    """The program of user space that a series is for; "" if one of its patches may be for the kernel."""
    said = [(one.mail.subject if one.mail is not None else one.subject, one.diff) for one in series.patches]
    found = rules.projects(given.folders).of_series(series.cover.subject if series.cover else "", said)
    return found[0] if found and all(found) else ""


def _meant(given: SessionOptions, stamp: float, found: Version | None, subjects: Sequence[str]) -> tuple[Version, str]:
    """The kernel version to apply, and in words where it comes from."""
    if not given.dated:
        return given.version, "as asked for"
    if found is not None:
        return found, "from the tree's Makefile"
    releases = rules.releases(given.folders)
    named = next(filter(None, map(releases.asked, subjects)), None)
    return (named, "from the subject") if named is not None else _at_date(given, releases, stamp)


def _at_date(given: SessionOptions, releases: Releases, stamp: float) -> tuple[Version, str]:
    """The version that mainline was working on at a time, and how that is known; 0 is a time that nobody knows."""
    if not stamp:
        return given.version, "from today's date: no other is known"
    day = day_of(stamp)
    return releases.at(day), f"from the date, {day}"
