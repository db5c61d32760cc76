"""Runs `reviewbot rule`, `matrix`, `explain` and `schema`: prints what is known, as wide as the terminal or as JSON."""

from __future__ import annotations

import argparse
from collections.abc import Iterable
from pathlib import Path

from reviewbot.cli import streams
from reviewbot.cli.session import Session, open_session
from reviewbot.config import data_path
from reviewbot.filesystem import files
from reviewbot.kernel import rules
from reviewbot.model.errors import DamagedDatabase, InputError, UsageError
from reviewbot.report.terminal import explain
from reviewbot.support.ci_commands import JSON, TEXT
from reviewbot.support.escape import visible

_LARGEST = 100_000_000  # bytes of a report: one of a long range has some


def print_rule(options: argparse.Namespace) -> int:
    """List the rules that apply to this kernel version, or explain one.

    Raises UsageError for an unknown one, ConfigError if a rule names no check, or a word that its check does not have.
    """
    from reviewbot.checks.declaration import check_of

    setup = open_session(options)
    if options.stats:
        return _print_stats(options, setup)
    for each in setup.rules:
        check_of(each)  # raises for one that could not be used
    found = [explain.find_rule(setup.rules, options.id)] if options.id is not None else setup.rules
    if options.names:
        _put_names(rule.id for rule in found)
    elif options.format == "json":
        from reviewbot.report.answers.tables import rules_json

        digest, pages = rules.digest(setup.folders), setup.config.pages.url
        streams.put(rules_json(found, setup.kernel, digest, pages), JSON)
    elif options.id is None:
        _put(explain.rules_list(found, streams.width(), options.rows), options.color)
    else:
        _put(explain.rule(found[0], setup.kernel, streams.width(), options.rows), options.color)
    return 0


def print_matrix(options: argparse.Namespace) -> int:
    """Print the flag-scope matrix, or what it says of one name. Raises UsageError for an unknown one."""
    setup = open_session(options)
    if options.names:
        _put_names(explain.matrix_names(setup.kernel))
    elif options.format == "json":
        from reviewbot.report.answers.tables import matrix_json

        found = explain.matrix_rows(setup.kernel, options.name)
        streams.put(matrix_json(found, setup.kernel, rules.digest(setup.folders)), JSON)
    else:
        _put(explain.matrix(setup.kernel, options.name, streams.width()), options.color)
    return 0


def print_remark(options: argparse.Namespace) -> int:
    """Print a remark of a saved report. Raises UsageError where it has none with this fingerprint."""
    from reviewbot.report.answers import remark

    setup = open_session(options)
    if any(rule.id == options.fingerprint for rule in setup.rules):
        raise UsageError(f"{options.fingerprint} is a rule: `reviewbot rule {options.fingerprint}` explains it")
    digits = remark.fingerprint_given(options.fingerprint)
    if options.report is None:
        made = "`reviewbot thread SOURCE --format json > review.json` makes one"
        raise UsageError(f"a fingerprint says only which remark it is: name the report with --report FILE; {made}")
    name = visible(str(options.report)) if str(options.report) != "-" else "stdin"
    found = remark.matching(remark.saved_remarks(_report(options.report, name), name), digits, name)
    as_json = options.format == "json"
    text = remark.explained_json(found) if as_json else remark.explained_text(found, streams.width())
    streams.put(text, JSON if as_json else TEXT)
    return 0


def print_schema(options: argparse.Namespace) -> int:
    """Print the schema of all answers, or of one kind."""
    import msgspec

    from reviewbot.report.answers.head import answer_text
    from reviewbot.report.answers.schemas import FILE, schema_of

    content = files.read_file(data_path("schemas") / FILE, _LARGEST)
    if options.kind is None:
        streams.put(content.decode())
    else:
        streams.put(answer_text(schema_of(options.kind, msgspec.json.decode(content))))
    return 0


def _print_stats(options: argparse.Namespace, setup: Session) -> int:
    """What became of the questions of each rule, or of one."""
    from reviewbot.drafts.stats import stats_json, stats_text
    from reviewbot.memory import judged

    if options.names or options.rows:
        raise UsageError("--stats goes without --names and --rows")
    wanted = explain.find_rule(setup.rules, options.id).id if options.id is not None else None
    with setup.memory() as memory:
        try:
            records = judged.records(memory)
        except DamagedDatabase as error:
            raise InputError(f"{memory.path} is damaged: {error}") from error
    found = {rule: record for rule, record in records.items() if wanted in (None, rule)}
    bar = setup.config.watch.bar
    if options.format == "json":
        streams.put(stats_json(found, bar), JSON)
    else:
        _put(stats_text(found, bar), options.color)
    return 0


def _report(path: Path, name: str) -> bytes:
    """The bytes of a report. Raises InputError."""
    if str(path) == "-":
        content = streams.stdin().read(_LARGEST + 1)
        if len(content) > _LARGEST:
            raise InputError(f"{name} is larger than {_LARGEST} bytes: no report is")
        return content
    try:
        return files.read_file(path, _LARGEST)
    except OSError as error:
        raise InputError(f"cannot read {name}: {files.reason_of(error)}") from error


def _put_names(names: Iterable[str]) -> None:
    streams.put("".join(f"{name}\n" for name in sorted(names)))


def _put(text: str, color: str) -> None:
    if streams.coloured(color):
        from reviewbot.report.terminal.text import painted
        from reviewbot.report.terminal.tint import tinted

        text = painted(tinted(text), streams.width())
    streams.put(text)
