"""Makes the man pages: one of the program, and one of each command, from their parsers and from docs/configuration.md.

Input: the parsers of the command line. Output: texts in the language of man(7), by the name of their file.
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from argparse_manpage.manpage import Manpage

from reviewbot import __version__
from reviewbot.cli.arguments.parser import parser

PROGRAM = "reviewbot"
_SECTION = re.compile(r"^([a-z][a-z ]*):\n", re.M)
_CODE = re.compile(r"^  (\d+) +((?:.+\n?)(?:   .+\n?)*)", re.M)
_DATE = re.compile(r"(\d{4})\\-(\d\d)\\-(\d\d)")  # argparse-manpage escapes what mandoc then cannot read
_ROW = re.compile(r"^\| (.+?) \| (.+?) \|$", re.M)


def pages(top: Path) -> dict[str, str]:
    """The pages by name. `top`: the checkout, whose docs say which files and variables count."""
    whole = parser()
    commands = _commands(whole)
    told = (top / "docs/configuration.md").read_text(encoding="utf-8")
    made = {f"{PROGRAM}.1": _program_page(whole, commands, told)}
    for name, (command, help_) in commands.items():
        others = [f"{PROGRAM}(1)", *(f"{PROGRAM}-{other}(1)" for other in _see(name, commands))]
        made[f"{PROGRAM}-{name}.1"] = _page(command, f"{PROGRAM}-{name}", help_, others)
    return made


def _commands(whole: argparse.ArgumentParser) -> dict[str, tuple[argparse.ArgumentParser, str]]:
    """The parser and the one-line help of each command."""
    (action,) = (one for one in whole._actions if isinstance(one, argparse._SubParsersAction))
    helped = {one.dest: one.help or "" for one in action._choices_actions}
    return {name: (command, helped[name]) for name, command in action.choices.items()}


def _see(name: str, commands: dict[str, tuple[argparse.ArgumentParser, str]]) -> list[str]:
    """Other commands that the help of a command names."""
    text = commands[name][0].format_help()
    return [other for other in commands if other != name and re.search(rf"\breviewbot {other}\b", text)]


def _program_page(
    whole: argparse.ArgumentParser, commands: dict[str, tuple[argparse.ArgumentParser, str]], told: str
) -> str:
    """The page of the program, which has a list of the commands in place of their options."""
    short = argparse.ArgumentParser(PROGRAM, f"{PROGRAM} COMMAND [OPTION]...", add_help=False)
    for action in whole._actions:
        if not isinstance(action, argparse._SubParsersAction):
            short._add_action(action)
    short.description, short.epilog = whole.description, whole.epilog
    listed = _terms((name, help_) for name, (_, help_) in commands.items())
    more = {
        "commands": f"{listed}\n.PP\nEach has a page of its own: \\fBman reviewbot\\-thread\\fR.",
        "files": _rows(told, "Files"),
        "environment": _rows(told, "Environment"),
    }
    named = [f"{PROGRAM}-{name}(1)" for name in commands]
    return _page(short, PROGRAM, "review how Linux kernel patches allocate memory", [*named, "b4(1)", "git(1)"], more)


def _page(
    command: argparse.ArgumentParser, name: str, short: str, see: list[str], more: dict[str, str] | None = None
) -> str:
    """One page: what --help says, as sections of a man page. `more`: sections in front of the last one."""
    sections = dict(_sections(command.epilog or ""))
    about, command.description, command.epilog = command.description or "", None, None
    page = Manpage(command, {"project_name": PROGRAM, "version": __version__, "manual_title": "reviewbot manual"})
    page.prog, page.description = name, short
    page.add_section("description", "=", _roff(about))
    for heading, text in {**(more or {}), **sections, "see also": ", ".join(map(_reference, see))}.items():
        page.add_section(heading, "=", text)
    head, rest = str(page).split("\n", 1)
    return "\n".join((_DATE.sub(r"\1-\2-\3", head), rest))


def _sections(epilog: str) -> Iterator[tuple[str, str]]:
    """The parts of an epilog, each below a line with a colon, as headings and contents."""
    _, *parts = _SECTION.split(epilog)
    for heading, text in zip(parts[::2], parts[1::2], strict=True):
        if heading == "exit codes":
            yield "exit status", _terms((code, " ".join(told.split())) for code, told in _CODE.findall(text))
        elif heading == "examples":
            yield heading, "\n".join(_example(line.strip()) for line in text.splitlines() if line.strip())
        else:
            yield heading, _roff(text)


def _example(line: str) -> str:
    """A command line with what it is for, which stands behind some blanks in --help."""
    command, *told = re.split(r"  +", line, maxsplit=1)
    return _terms([(command, told[0] if told else "")]).rstrip("\n")


def _roff(text: str) -> str:
    """Text of --help: paragraphs flow, and what is indented, by two blanks at least, keeps its lines."""
    lines: list[str] = []
    fixed = False
    for line in text.rstrip("\n").split("\n"):
        if line.startswith(" ") != fixed and line:
            fixed = not fixed
            lines.append(".EX" if fixed else ".EE")
        if line:
            lines.append(_plain(line.removeprefix("  ")))
        elif not fixed:
            lines.append(".PP")
    return "\n".join([*lines, *([".EE"] if fixed else [])])


def _plain(text: str) -> str:
    """The text with what roff would take for a command or an escape written so that it does not."""
    text = text.replace("\\", "\\e").replace("-", "\\-")
    return f"\\&{text}" if text.startswith((".", "'")) else text


def _rows(page: str, title: str) -> str:
    """The table of a section of a page of docs/, as a list of terms."""
    part = page.partition(f"\n## {title}\n")[2].partition("\n## ")[0]
    _, *rows = [row for row in _ROW.findall(part) if not row[0].startswith("--")]
    return _terms((term.replace("`", ""), told.replace("`", "")) for term, told in rows)


def _terms(pairs: Iterable[tuple[str, str]]) -> str:
    """A list of terms, each with what it means."""
    return "\n".join(f".TP\n\\fB{_plain(term)}\\fR\n{_plain(told)}" for term, told in pairs)


def _reference(name: str) -> str:
    page, section = name.removesuffix(")").split("(")
    return f"\\fB\\%{_plain(page)}\\fR({section})"  # never hyphenated
