"""Leaves out of a run the findings that are ignored or known, and decides on its exit code; for all commands."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from reviewbot.cli.output import Output
from reviewbot.cli.session import Session
from reviewbot.filesystem import files
from reviewbot.model.errors import ConfigError
from reviewbot.model.review import Review
from reviewbot.review import baseline
from reviewbot.review.baseline import BaselineEntry

FAILED = 3  # the exit code where not all was done that should be: that is worse than a remark
_LARGEST = 100_000_000  # bytes of a baseline: that of all of Linux has some
_SHOWN = 20  # idle tables and stale entries that -v names


class ExitPolicy:
    """The baseline and the bar of a run.

    Made before anything is read: raises ConfigError for an invalid baseline, InputError for one that cannot be written.
    """

    def __init__(self, options: argparse.Namespace, setup: Session) -> None:
        self._setup = setup
        self._fail_on: str = "never" if options.exit_zero else options.fail_on or setup.config.report.fail_on
        self._file: Path | None = options.write_baseline
        self._baseline: Sequence[BaselineEntry] = _read(options.baseline) if options.baseline is not None else ()
        if self._file is not None:
            files.require_writable(self._file)

    def passed(self, review: Review) -> Review:
        """The review without what is ignored or known; what is to be written into a baseline is known from now on."""
        ignores = self._setup.config.ignore
        if self._file is not None:
            rest = baseline.without_known(review, ignores, ()).review
            self._baseline = baseline.new_baseline(rest, self._baseline)
        done = baseline.without_known(review, ignores, self._baseline)
        if done.ignored or done.known:
            self._setup.tell(f"not raised: {done.ignored} ignored, {done.known} in the baseline")
        for one in done.idle[:_SHOWN]:
            self._setup.tell(f"[[ignore]] {one.name}: there is no such remark here")
        for entry in done.stale[:_SHOWN]:
            where = f"{entry.rule} in {entry.path}" + (f", {entry.function}()" if entry.function else "")
            self._setup.tell(f"baseline: {where} ({entry.fingerprint}): fewer here than it counts")
        return done.review

    def code(self, review: Review, output: Output) -> int:
        """Write the baseline, if one is wanted, and give the exit code. Raises InputError.

        3 if something was not read and that fails the run, else 1 if a remark that is shown is bad enough, else 0: a CI
        that lets remarks pass must not let a run pass that did not read everything.
        """
        if self._file is not None:
            files.write_file(self._file, baseline.dumped(self._baseline).encode("utf-8"))
            count = sum(entry.count for entry in self._baseline)
            remarks = "1 remark is" if count == 1 else f"{count} remarks are"
            self._setup.say(f"{self._file}: {remarks} known from now on")
        if output.fails(review):
            return FAILED
        return int(self._fail_on != "never" and output.speaks(review, self._fail_on))


def _read(path: Path) -> Sequence[BaselineEntry]:
    try:
        text = files.read_file(path, _LARGEST).decode("utf-8")
    except OSError as error:
        raise ConfigError(f"--baseline {path}: {files.reason_of(error)}") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"--baseline {path}: not a baseline file: invalid UTF-8") from error
    return baseline.loaded(text, f"--baseline {path}")
