"""Makes the completion scripts for bash, zsh and tcsh from the parser of the command line.

What commands and options there are is written into the scripts. Rules and flags are not: the scripts ask the program.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import shtab

from reviewbot.cli.arguments.parser import parser

PLACES = {
    "bash": "bash-completion/completions/reviewbot",
    "zsh": "zsh/site-functions/_reviewbot",
    "tcsh": "reviewbot/completion.tcsh",
}
_ASKED = {"rule": "rule", "matrix": "matrix"}  # commands whose argument is a name that they list with --names
_FOLDERS = {"tree", "drafts", "rules", "maildir"}
_FILES = {"source", "patches", "config", "baseline", "write_baseline", "file"}
_PREAMBLE = {
    "bash": 'compgen -W "$(reviewbot {0} --names 2>/dev/null)" -- "$1"',
    "zsh": 'compadd -- ${{(f)"$(reviewbot {0} --names 2>/dev/null)"}}',
}


def scripts() -> dict[str, str]:
    """The scripts, by where they belong below share/."""
    return {path: _script(shell) for shell, path in PLACES.items()}


def _script(shell: str) -> str:
    whole = parser()
    (commands,) = (one for one in whole._actions if isinstance(one, argparse._SubParsersAction))
    for name, command in commands.choices.items():
        _complete_all(name, command)
    body = _PREAMBLE.get(shell, "")
    preamble = "".join(f"_reviewbot_{name}_names() {{\n  {body.format(name)}\n}}\n" for name in _ASKED) if body else ""
    return shtab.complete(whole, shell=shell, preamble=preamble)


def _complete_all(name: str, command: argparse.ArgumentParser) -> None:
    """Say what each argument of a command takes, and of the commands that it has itself."""
    for action in command._actions:
        if isinstance(action, argparse._SubParsersAction):
            for one in action.choices.values():
                _complete_all(name, one)
        else:
            _complete(name, action)


def _complete(command: str, action: argparse.Action) -> None:
    """Say what an argument takes, in the attribute that shtab reads."""
    if command in _ASKED and not action.option_strings:
        function = f"_reviewbot_{command}_names"
        asked = f"`reviewbot {command} --names`"
        action.complete = {"bash": function, "zsh": function, "tcsh": asked}  # type: ignore[attr-defined]
    elif action.dest in _FOLDERS:
        action.complete = shtab.DIRECTORY  # type: ignore[attr-defined]
    elif action.dest in _FILES or action.type is Path:
        action.complete = shtab.FILE  # type: ignore[attr-defined]
