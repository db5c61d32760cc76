"""The raw mails of a thread in; what became of them when `thread` and `check` read them, in this process, out."""

from __future__ import annotations

import io
import os
from contextlib import suppress
from typing import NamedTuple

from report_cases import KCIDB
from reviewbot.cli.arguments.parser import parser
from reviewbot.cli.session import Session, for_series, open_session
from reviewbot.integrations.b4 import message
from reviewbot.mail import mailbox, series
from reviewbot.model.errors import InputError, ReviewbotError
from reviewbot.report.registry import LOCAL
from reviewbot.report.remarks import ReportContext
from reviewbot.review.patient_engine import PatientEngine


class Became(NamedTuple):
    """`stage`: where most of the seconds went; `said`: our own error, "" where there is none."""

    seconds: float
    stage: str
    said: str
    patches: int


def desk(*options: str) -> Session:
    return open_session(parser().parse_args(["thread", "-", "-q", *options]))


class Reader:
    def __init__(self, setup: Session) -> None:
        self.setup = setup
        self.engines: dict[str, PatientEngine] = {}

    def __call__(self, data: bytes) -> Became:
        """Raises whatever is no error of ours."""
        spent: dict[str, float] = {}
        said, patches = "", 0
        begin = _now()
        try:
            mails, _ = mailbox.read_mails("-", io.BytesIO(data), self.setup.config.limits.mail_bytes)
            begin = _spent(spent, "split", begin)
            found = series.newest(mails, seconds=self.setup.config.limits.seconds)
            begin = _spent(spent, "mails", begin)
            setup = for_series(self.setup, found)
            made = self.engines.get(setup.kernel_name) or PatientEngine(setup.kernel, setup.rules, 10)
            self.engines[setup.kernel_name] = made
            begin = _spent(spent, "setup", begin)
            review = made.review(found)
            begin = _spent(spent, "review", begin)
            frame = ReportContext(setup.kernel_name, "0", setup.rules, "note", "low", kcidb=KCIDB)
            for one in LOCAL.values():
                one.render(review, frame).encode()
            begin = _spent(spent, "report", begin)
            patches = len(found.patches)
        except ReviewbotError as error:
            said = str(error)
            assert "\n" not in said
        begin = _spent(spent, "refused", begin)
        for raw in mails[:1] if "split" in spent else ():
            with suppress(InputError):
                message.patch(message.read_message(raw, self.setup.config.limits.seconds))
        _spent(spent, "check", begin)
        spent.pop("setup", 0)
        return Became(sum(spent.values()), max(spent, key=spent.__getitem__), said, patches)


def _now() -> float:
    """Seconds that this process and those it has made were at work."""
    return sum(os.times()[:4])


def _spent(spent: dict[str, float], stage: str, begin: float) -> float:
    now = _now()
    spent[stage] = now - begin
    return now
