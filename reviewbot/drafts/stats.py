"""Shows what became of the questions that each rule asked in drafts, and which rules are left out for it."""

from __future__ import annotations

from collections.abc import Mapping

from reviewbot import __version__
from reviewbot.memory.judged import RuleBar, RuleRecord
from reviewbot.report.answers.head import SCHEMA, Json, answer_text

_COUNTS = ("sent", "wrong", "known", "late", "open")


def stats_text(records: Mapping[str, RuleRecord], bar: RuleBar) -> str:
    """A table with a row for each rule, and below it what the bar is and who is under it."""
    if not records:
        return "no rule has asked anything in a draft yet\n"
    room = max(4, *map(len, records))
    lines = [f"{'RULE':<{room}}" + "".join(f"  {name.upper():>5}" for name in _COUNTS) + "  PRECISION"]
    for rule, record in records.items():
        counts = "".join(f"  {getattr(record, name):>5}" for name in _COUNTS)
        share = f"{'-' if record.precision is None else f'{int(record.precision * 100)}%':>9}"  # 79.9 % is below 80
        lines.append(f"{rule:<{room}}{counts}  {share}{'  demoted' if bar.demotes(record) else ''}")
    lines += [
        "",
        f"A rule below {bar.percent}% is left out of drafts, once {bar.least} of its questions were decided about.",
    ]
    demoted = [rule for rule, record in records.items() if bar.demotes(record)]
    lines += [f"Left out now: {', '.join(demoted)}."] if demoted else []
    return "\n".join(lines) + "\n"


def stats_json(records: Mapping[str, RuleRecord], bar: RuleBar) -> str:
    """The same as an object of the schema."""
    stats: list[Json] = [_object(rule, record, bar) for rule, record in records.items()]
    limits: dict[str, Json] = {"percent": bar.percent, "judged": bar.least}
    return answer_text({"schema": SCHEMA, "reviewbot": __version__, **limits, "stats": stats})


def _object(rule: str, record: RuleRecord, bar: RuleBar) -> Json:
    precision = None if record.precision is None else round(record.precision, 4)
    counts: dict[str, Json] = {name: getattr(record, name) for name in _COUNTS}
    return {"rule": rule, **counts, "precision": precision, "demoted": bar.demotes(record)}
