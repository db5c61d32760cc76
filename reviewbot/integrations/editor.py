"""Opens the editor that git would start, at given lines of files.

Like git, it passes the editor's command to a shell and the file as an argument beside it (run-command.c,
prepare_shell_cmd): no file name is ever part of what the shell parses. A name that begins like an option or a command
of an editor ("-c", "+!") gets "./" before it.
"""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import NamedTuple

from reviewbot.filesystem.temporary import temporary
from reviewbot.integrations import foreground
from reviewbot.model.errors import InputError

_QUICKFIX = frozenset(("vim", "nvim", "gvim", "mvim"))
_FORKS = frozenset(("gvim", "mvim"))  # they fork without -f: the list would be gone before they read it
_GOTO = frozenset(("code", "code-insiders", "codium", "vscodium"))
_COLON = frozenset(("hx", "helix", "subl", "zed"))
_PLUS = frozenset(("vi", "vim.tiny", "nvi", "elvis", "emacs", "emacsclient", "zile", "mg", "jmacs")) | {
    *("nano", "pico", "joe", "kak", "ne", "micro", "mcedit", "gedit")
}
# a tab is in no path (patch.parse lets no control character in), so nothing in one can be taken for it
_FORMAT = 'let &errorformat = "%f\\t%l\\t%m"'


class EditorPlace(NamedTuple):
    """A place to open. `path`: relative to the current folder, or absolute; `line`: 1-based; `text`: for a list."""

    path: str
    line: int
    text: str


def visit(command: str, places: Sequence[EditorPlace]) -> None:
    """Open the editor at all places: once if it takes a list, else for one after the other.

    One by one, the last place in a file comes first, so that an edit there moves none of the others. Raises InputError
    if the editor cannot be started or ends with anything but 0, as with git.
    """
    with ExitStack() as stack:
        for arguments in _runs(stack, _program(command), places):
            _edit(command, arguments)


def open_editor(path: Path) -> None:
    """Open a file in the editor that git would use, and wait until it was edited. Raises InputError as visit() does."""
    command = _usual()
    _edit(command, [*(["-f"] if _program(command) in _FORKS else []), str(path)])


def _edit(command: str, arguments: Sequence[str]) -> None:
    code = _run(command, arguments)
    if code:
        why = f"ended with {code}" if code > 0 else f"was ended by signal {-code}"
        raise InputError(f"the editor ({command}) {why}")


def _usual() -> str:
    """$GIT_EDITOR, core.editor, $VISUAL, $EDITOR or git's default, as git decides it. Raises InputError without one."""
    try:
        asked = subprocess.run(["git", "var", "GIT_EDITOR"], capture_output=True, text=True, timeout=10, check=False)
    except (OSError, subprocess.TimeoutExpired, UnicodeDecodeError):
        return os.environ.get("VISUAL") or os.environ.get("EDITOR") or "vi"
    if asked.returncode:
        raise InputError(f"no editor: {asked.stderr.strip().removeprefix('error: ')}")
    return asked.stdout.strip()


def knows_lines(command: str) -> bool:
    """Whether visit() can pass the line to this editor."""
    return _program(command) in _QUICKFIX | _GOTO | _COLON | _PLUS


def _program(command: str) -> str:
    """The name of the program that a shell would start for a command, "" if it cannot be told."""
    try:
        words = shlex.split(command)
    except ValueError:
        return ""
    return Path(next((word for word in words if "=" not in word), "")).name


def _runs(stack: ExitStack, program: str, places: Sequence[EditorPlace]) -> Iterator[list[str]]:
    """The arguments for each start of the editor."""
    if program in _QUICKFIX:
        listed = stack.enter_context(_list(places))
        yield [*(["-f"] if program in _FORKS else []), "--cmd", _FORMAT, "-q", listed]
    elif program in _GOTO:
        yield [word for place in places for word in ("--goto", f"{_named(place)}:{place.line}")]
    else:
        for place in _upward(places):
            if program in _PLUS:
                yield [f"+{place.line}", _named(place)]
            else:
                yield [f"{_named(place)}:{place.line}" if program in _COLON else _named(place)]


def _upward(places: Sequence[EditorPlace]) -> Iterator[EditorPlace]:
    """The places file by file in the order given, in each from its last line up; each line once."""
    for path in dict.fromkeys(place.path for place in places):
        mine = {place.line: place for place in places if place.path == path}
        yield from (mine[line] for line in sorted(mine, reverse=True))


def _named(place: EditorPlace) -> str:
    return place.path if place.path.startswith(("/", "./", "../")) else f"./{place.path}"


@contextmanager
def _list(places: Sequence[EditorPlace]) -> Iterator[str]:
    """The name of a temporary file with a line for each place, in the format _FORMAT."""
    rows = "".join(f"{_named(place)}\t{place.line}\t{place.text}\n" for place in places)
    with temporary() as folder:
        try:
            (folder / "places.txt").write_bytes(os.fsencode(rows))
        except OSError as error:
            raise InputError(f"cannot create temporary files (check TMPDIR): {error.strerror}") from error
        yield str(folder / "places.txt")


def _run(command: str, arguments: Sequence[str]) -> int:
    """Run the editor, which gets Ctrl-C meanwhile. Gives its exit code, -N if signal N ended it."""
    try:
        with foreground.patient(), _terminal() as stdin:
            # who is stopped meanwhile leaves the editor alone: what was written there may not be saved
            return subprocess.Popen(
                ["sh", "-c", f'{foreground.PATIENT}\n{command} "$@"', command, *arguments], stdin=stdin
            ).wait()
    except (OSError, ValueError) as error:
        raise InputError(f"the editor ({command}) cannot be started: {error}") from error


@contextmanager
def _terminal() -> Iterator[int | None]:
    """The standard input for an editor: None for our own, or the terminal if our own, as in a hook, is none."""
    if sys.stdin is not None and sys.stdin.isatty():
        yield None
        return
    try:
        tty = os.open("/dev/tty", os.O_RDONLY)
    except OSError:
        yield None
        return
    try:
        yield tty
    finally:
        os.close(tty)
