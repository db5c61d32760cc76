"""Spells out the commands that the runner of a CI would read in printed text, so that a mail cannot give it any.

Such a command sets a variable, hides a line or fails a step; whoever writes a mail must not give it. The variables that
tell of a CI reach no container and no other machine, and a file may be printed by a later step: so the text is treated
alike everywhere. No patch has any of this by chance.

    GitHub Actions, Gitea, act   "::" where a line begins, behind blanks as well; "##[" anywhere in it
                                 (actions/runner, src/Runner.Common/ActionCommand.cs: TryParseV2(), TryParse())
    Azure Pipelines              "##vso[" and "##[" anywhere (azure-pipelines-agent: Command.TryParse())
    TeamCity                     "##teamcity[" anywhere (its Service Messages)
    Buildkite                    "---", "+++", "~~~" and "^^^" with a blank behind, where a line begins
    GitLab, Travis               what stands between "\\r" and "\\x1b[0K": support/escape.py leaves neither

The first two compare as a culture does, to which many characters beyond ASCII are nothing: so are all of them here.
"""

from __future__ import annotations

import re

# how a character is spelled so that it still is that character, to a person and to who reads the format
TEXT, JSON, XML, MAIL = "\\x{:02x}", "\\u{:04x}", "&#{};", "={:02X}"  # the last is quoted-printable
OWN = ""  # commands of ours: what is in them was spelled out before

_NOTHING = r"[^\x00-\x7f]*"
# these letters alone are compared without case: a class of characters that is takes ten times as long to compile
_ANYWHERE = "|".join(
    _NOTHING.join(f"(?i:{one})" if one.isalpha() else re.escape(one) for one in begin)
    for begin in ("##[", "##vso[", "##teamcity[")
)
_COLOUR = r"\x1b\[[0-9;]*[mMkK]"  # of our own
_BLANK = rf"(?:{_COLOUR}|[^\x21-\x7e\r\n])*"
_HEAD = "|".join(rf"\{one}(?=\{one}\{one}(?:\s|$))" for one in "-+~^")
_COMMAND = re.compile(
    rf"(?:^|(?<=\r))(?:(?P<before>{_BLANK})(?P<colon>:)(?={_NOTHING}:)|(?P<colours>(?:{_COLOUR})*)(?P<head>{_HEAD}))"
    rf"|(?=(?:{_ANYWHERE}))(?P<mark>\#)",
    re.MULTILINE,
)


def disarmed(text: str, spelling: str = TEXT) -> str:
    """Return the text with the first character of each CI command spelled out.

    `spelling`: the format string for its code point: TEXT, JSON, XML or MAIL; OWN returns the text unchanged.
    """
    return _COMMAND.sub(lambda found: _spelled(found, spelling), text) if spelling != OWN else text


def orders(text: str) -> bool:
    """Whether the text has a CI command in it."""
    return _COMMAND.search(text) is not None


def _spelled(found: re.Match[str], spelling: str) -> str:
    before = found["before"] or found["colours"] or ""
    return before + spelling.format(ord(found["colon"] or found["head"] or found["mark"]))
