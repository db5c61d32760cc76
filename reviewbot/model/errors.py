"""The errors of reviewbot. Each knows the exit code that the command line turns it into.

ReviewbotError
+-- UsageError      2   a command line that makes no sense
+-- ConfigError     2   config.toml or a rule file says something it may not
+-- InputError      3   the input could not be looked at
    +-- FetchError  3   a server did not give us the thread
    +-- NothingToReview  3   the mails were read and no patch is among them
"""

from __future__ import annotations


class ReviewbotError(Exception):
    """Whatever reviewbot says in one line before it ends; `except ReviewbotError` catches all of it."""

    exit_code = 3


class UsageError(ReviewbotError):
    exit_code = 2


class ConfigError(ReviewbotError):
    exit_code = 2


class InputError(ReviewbotError):
    exit_code = 3


class FetchError(InputError):
    """`status` is the HTTP status, None where no answer came at all."""

    def __init__(self, message: str, status: int | None = None) -> None:
        super().__init__(message)
        self.status = status


class NothingToReview(InputError):
    """A pull request, a lone reply or cover letter: nothing is wrong with it, and nothing can be said."""
