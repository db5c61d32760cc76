"""Defines the errors of reviewbot. Each knows the exit code with which the command line ends.

ReviewbotError
+-- UsageError      2   a command line that makes no sense
+-- ConfigError     2   config.toml or a rule file says something it may not
+-- InputError      3   the input could not be looked at
    +-- FetchError  3   a server did not give us the thread
    +-- NothingToReview  3   the mails were read and no patch is among them
"""

from __future__ import annotations


class ReviewbotError(Exception):
    """The base of all errors here. Its text is the one line that is printed before reviewbot ends."""

    exit_code = 3


class UsageError(ReviewbotError):
    """The command line is invalid: options that exclude each other, or an argument of the wrong kind."""

    exit_code = 2


class ConfigError(ReviewbotError):
    """A file that configures reviewbot is invalid: config.toml, a rule, a table, a template, a baseline."""

    exit_code = 2


class InputError(ReviewbotError):
    """The input could not be read, or was not found."""

    exit_code = 3


class FetchError(InputError):
    """A server did not answer, or not with what was asked for. `status`: its HTTP status, None without an answer."""

    def __init__(self, message: str, status: int | None = None) -> None:
        super().__init__(message)
        self.status = status


class NothingToReview(InputError):
    """The input was read and holds no patch to review: a pull request, a lone reply or cover letter."""


class DamagedDatabase(Exception):
    """A file in which data is kept holds none, or not all of it, or cannot be read. Whoever uses it goes on without."""
