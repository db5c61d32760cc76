"""Posts the checks of a review to Patchwork, for --patchwork, and says on stderr what became of each."""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from string import Template
from typing import NamedTuple

from reviewbot import config
from reviewbot.cli import streams
from reviewbot.cli.output import Output, Post
from reviewbot.cli.session import Session
from reviewbot.integrations.patchwork import checks as patchwork
from reviewbot.integrations.patchwork.checks import CheckTerms, PatchCheck
from reviewbot.integrations.patchwork.client import Server, ServerAddress, Token, server_address
from reviewbot.integrations.patchwork.poster import THERE, Outcome, Poster
from reviewbot.model.errors import ConfigError, UsageError
from reviewbot.model.review import Review

VARIABLE = "REVIEWBOT_PATCHWORK_TOKEN"
# where git config has the server, the token for it and the project: for git-pw, and for b4
KEYS = (("pw.server", "pw.token", "pw.project"), ("b4.pw-url", "b4.pw-key", "b4.pw-project"))
FROM_CONFIG = "config"  # for --patchwork: the server of config.toml

_UNKNOWN = "nothing says which mail it came by (a Message-ID: or Link: at the end of the commit message would)"


def posting(options: argparse.Namespace, setup: Session) -> Post:
    """A function that posts the checks of a review, and gives whether one failed.

    Called before anything is fetched: raises UsageError for invalid options, ConfigError for invalid settings, and
    without a token.
    """
    settings = setup.config.patchwork
    if options.patchwork == FROM_CONFIG and not settings.url:
        raise UsageError("--patchwork config: there is no url under [patchwork] in config.toml")
    at = server_address(options.patchwork if options.patchwork != FROM_CONFIG else settings.url)
    saved = _saved(at, options.tree or Path())
    token = _token(os.environ) or saved.token
    if token is None and not options.dry_run:
        raise ConfigError(
            f"no token for {at.host}: put it into ${VARIABLE}, or into git's settings (pw.token beside pw.server, or "
            "b4.pw-key beside b4.pw-url, for this server)"
        )
    project = options.patchwork_project or at.project or settings.project or saved.project
    if not project.isprintable():
        raise UsageError("--patchwork-project: that is no name of a project")
    where = _Where(at, token, project, patchwork.slug(settings.context), patchwork.target(settings.target_url))
    return lambda review, output: _Posting(setup, output, where, really=not options.dry_run).post(review)


class _Where(NamedTuple):
    at: ServerAddress
    token: Token | None
    project: str
    context: str
    target: Template


class _Posting:
    def __init__(self, setup: Session, output: Output, where: _Where, *, really: bool) -> None:
        self.setup, self.output, self.where, self.really = setup, output, where, really
        self.failed = False

    def post(self, review: Review) -> bool:
        checks = patchwork.checks(review, self._terms())
        known = [check for check in checks if check.origin.ids]
        for check in checks:
            if not check.origin.ids:
                self.setup.say(f"no check for {check.patch}: {_UNKNOWN}")
        if checks and not known:
            self._complain("no check was posted: of no patch it is known which mail it came by")
        outcomes = self._posted(known) if known else []
        there = sum(one.what == THERE for one in outcomes)
        if there:
            self.setup.say(f"{there} of {len(checks)} checks: already there")
        for reason, names in _alike(outcomes).items():
            more = f" and {len(names) - 1} more" if len(names) > 1 else ""
            self._complain(f"no check for {names[0]}{more}: {reason}")
        return self.failed

    def _terms(self) -> CheckTerms:
        return CheckTerms(
            min_severity=self.output.severity,
            min_confidence=self.output.confidence(config.PATCHWORK),
            fail_on=self.setup.config.patchwork.fail_on,
            context=self.where.context,
            target=self.where.target,
            kernel=self.output.setup.kernel_name,
        )

    def _posted(self, checks: Sequence[PatchCheck]) -> list[Outcome]:
        settings, where = self.setup.config.patchwork, self.where
        outcomes: list[Outcome] = []
        server = Server(where.at, where.token, settings.timeout, time.monotonic() + settings.seconds)
        poster = Poster(server, where.project, settings.user, settings.retries, self.setup.tell, self.really)
        try:
            with self.setup.waiting("posting checks"):
                for outcome in poster.post(checks):
                    outcomes.append(outcome)
                    self._tell(outcome)
        finally:
            server.close()
        return outcomes

    def _tell(self, outcome: Outcome) -> None:
        check = outcome.check
        if outcome.what == THERE:
            self.setup.tell(f"{check.patch}: {check.state}, {THERE}")
        elif outcome.what:
            self.setup.say(f"{outcome.what}: {check.patch}: {check.state}, {check.description}")

    def _complain(self, text: str) -> None:
        self.failed = True
        streams.say(f"reviewbot: {text}")


def _alike(outcomes: Sequence[Outcome]) -> dict[str, list[str]]:
    """The patches whose check failed, by the reason."""
    found: dict[str, list[str]] = {}
    for one in outcomes:
        if one.failed:
            found.setdefault(one.failed, []).append(one.check.patch)
    return found


class _Saved(NamedTuple):
    """The token and the project for a server in git's configuration."""

    token: Token | None = None
    project: str = ""


def _token(env: Mapping[str, str]) -> Token | None:
    text = env.get(VARIABLE, "").strip()
    return Token(text, f"${VARIABLE}") if text else None


def _saved(at: ServerAddress, folder: Path) -> _Saved:
    """The settings for this very server: the token for one server is never sent to another."""
    for server, key, project in KEYS:
        if _is_same(config.git_says(server, folder), at):
            text = config.git_says(key, folder)
            if text:
                return _Saved(Token(text, f"{key} in git's settings"), config.git_says(project, folder).strip("*"))
    return _Saved()


def _is_same(url: str, at: ServerAddress) -> bool:
    try:
        return bool(url) and server_address(url).url == at.url
    except UsageError:
        return False
