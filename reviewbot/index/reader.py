"""Makes what reads the files of a tree for reviews by any kernel version."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from reviewbot.kernel import rules
from reviewbot.review.neighbourhood.function_words import WordReader
from reviewbot.review.prefilter.words import RowWords, known_rules


def reader_of_all(folders: Sequence[Path]) -> WordReader:
    """A reader by the facts of the longterm kernels and of the newest one, for the rules in some folders.

    Raises ConfigError as rules.load().
    """
    known = rules.releases(folders)
    versions = sorted({*known.longterm, *list(known.days)[-1:]})
    loaded = [rules.load(folders, version) for version in versions]
    every = [rule for _, some in loaded for rule in some]
    return WordReader([kernel for kernel, _ in loaded], RowWords(known_rules(every)))
