"""Parses the text of a diff into the files it changes, hunk by hunk, and reports what could not be read and why.

A broken hunk never takes the rest along: the text is cut by the counts of its @@ lines first, and unidiff then reads
one hunk at a time. Text comes with surrogateescape for odd bytes and is split on "\\n" alone, so form feeds, U+2028 and
a file's own CRs stay inside their lines.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from msgspec import Struct, field
from unidiff.errors import UnidiffParseError
from unidiff.patch import PatchSet

from reviewbot.model.patch import DiffLine, FileChange, Hunk, Unread
from reviewbot.support.diff_lines import HUNK, hunk_lengths
from reviewbot.support.patterns import pattern

MAX_LINES = 100_000  # of one file's section
MAX_FILES = 5_000
MAX_WIDTH = 20_000  # characters of one line
SOURCES = ("c", "h", "inc", "S")  # what the names of files end in that can be read
_MAX_HEADER = 100  # git writes at most nine

_DIFFSTAT = pattern(r" [0-9]{1,9} files? changed, ")
_DATE = pattern(r"\t| (?=[0-9]{4}-[0-9]{2}-[0-9]{2} |\((?:revision|working copy))")  # what follows a file name
_GIT_VERSION = pattern(r"[0-9]+\.[0-9]+")
_QUOTED = pattern(rb'\\([abtnvfr"\\]|[0-3][0-7]{2})')
_UNQUOTED = dict(zip(b'abtnvfr"\\', b'\a\b\t\n\v\f\r"\\', strict=True))
_PREFIXES = frozenset("abciow12")  # git-diff(1): a/ b/, --mnemonic-prefix, and 1/ 2/ of --no-index
_MERGE = ("diff --cc ", "diff --combined ")
_CHANGE = (
    "old mode ",
    "new mode ",
    "deleted file mode ",
    "new file mode ",
    "copy from ",
    "copy to ",
    "rename from ",
    "rename to ",
    "Binary file",
    "GIT binary patch",
)
_HEADER = (*_CHANGE, "diff -", "similarity index ", "dissimilarity index ", "index ", "mode ", "Index: ", "=====")
_NEVER = ("1970-01-01", "1969-12-31")  # the date plain diff prints for a file that is not there


class _Section(Struct):
    """The part of a diff about one file: its header lines, and each hunk's lines with what is wrong with it."""

    header: list[str] = field(default_factory=list)
    hunks: list[tuple[list[str], str]] = field(default_factory=list)
    named: bool = False  # its +++ line was seen
    closed: bool = False  # no header line can follow any more
    prose: bool = False  # stands above the separator of a commit message


def is_source(change: FileChange) -> bool:
    """Whether a file is C or assembler source, which rules are about."""
    return change.path.endswith(tuple(f".{ending}" for ending in SOURCES))


def parse_diff(
    diff: str, *, max_lines: int = MAX_LINES, max_files: int = MAX_FILES, max_width: int = MAX_WIDTH
) -> tuple[tuple[FileChange, ...], tuple[Unread, ...]]:
    """The files of a diff in its order, and what was not readable; text around the diff is passed over.

    Never raises on any text. A file that stands twice in the diff is returned twice. Files without hunks (binary, mode,
    rename, empty) are returned without hunks. A path that leaves the tree is never returned, only named, escaped, among
    the unread; so is a merge's combined diff.
    """
    files: list[FileChange] = []
    unread: list[Unread] = []
    lines = diff.split("\n")
    if lines[-1] == "":
        lines.pop()
    for count, section in enumerate(_sections(lines)):
        if count >= max_files:
            unread.append(Unread(None, f"the diff touches more than {max_files} files; the rest was not looked at"))
            break
        change, missed = _read(section, max_lines, max_width)
        unread += missed
        if change:
            files.append(change)
    return tuple(files), tuple(unread)


def head(lines: list[str]) -> FileChange | Unread:
    """The file that a section's header lines name, without its hunks, or why it is not reviewed."""
    header = [line for line in lines if line.startswith((*_HEADER, "--- ", "+++ "))]
    old, new = _names(header)
    path = old if new is None else new
    if path is None:
        return Unread(None, "a change whose file is not named")
    if not (_is_safe(path) and _is_safe(old or path)):
        return Unread(_shown(path), "the path leaves the tree or is no path")
    created, deleted = _absent(header, "---"), _absent(header, "+++")
    return FileChange(path, None if created else old, (), tuple(header), created, deleted)


# --- cutting ---


def _sections(lines: list[str]) -> Iterator[_Section]:
    """Cut the text where a file's part begins, counting hunks so that their content is never taken for headers."""
    sections: list[_Section] = []
    section: _Section | None = None
    at = 0
    while at < len(lines):
        start = at
        if _begins(lines, at, section):
            section = _Section()
            sections.append(section)
        if section is None:
            at += 1
            continue
        if _is_hunk(lines[at]) and section.named:
            at, problem = _hunk_end(lines, at)
            section.hunks.append((lines[start:at], problem))
            section.closed = True
        else:
            at += 1
            _take_header(section, lines, start)
            if _separates(lines, start):
                _mark_prose(sections)
    return iter(sections)


def _begins(lines: list[str], at: int, section: _Section | None) -> bool:
    line = lines[at]
    if line.startswith("diff -"):
        return True
    if line.startswith("Index: "):
        return at + 1 < len(lines) and lines[at + 1].startswith("=====")
    if not _names_follow(lines, at) or at + 2 >= len(lines) or not lines[at + 2].startswith(("@@ -", "@@@ -")):
        return False
    return section is None or section.closed or section.named


def _names_follow(lines: list[str], at: int) -> bool:
    return lines[at].startswith("--- ") and at + 1 < len(lines) and lines[at + 1].startswith("+++ ")


def _is_hunk(line: str) -> bool:
    return line.startswith(("@@ -", "@@@ -", "@@@@ -"))


def _take_header(section: _Section, lines: list[str], at: int) -> None:
    """Keep a header line; a line that a mailer broke off another is passed over."""
    line = lines[at]
    if section.closed or len(section.header) >= _MAX_HEADER:
        return
    named = _names_follow(lines, at) or (line.startswith("+++ ") and at > 0 and lines[at - 1].startswith("--- "))
    if named or line.startswith(_HEADER):
        section.header.append(line)
        section.named = section.named or line.startswith("+++ ")
    if line.startswith("GIT binary patch") or line.rstrip() in ("", "--"):
        section.closed = True


def _separates(lines: list[str], at: int) -> bool:
    """Whether this is the line between commit message and diffstat, as git-format-patch(1) writes it."""
    if lines[at].rstrip() != "---":
        return False
    for below in range(at + 1, len(lines)):
        if lines[below].startswith("diff -") or lines[below].rstrip() == "---":
            return False
        if _DIFFSTAT.match(lines[below]):
            return True
    return False


def _mark_prose(sections: list[_Section]) -> None:
    for section in reversed(sections):
        if section.prose:
            break
        section.prose = section.closed = True


def _hunk_end(lines: list[str], at: int) -> tuple[int, str]:
    """Where the hunk that begins here ends, and what is wrong with it ("" for nothing)."""
    head = HUNK.match(lines[at])
    if head is None:
        return _skip(lines, at + 1), "" if lines[at].startswith("@@@") else "the @@ line cannot be read"
    old, new = hunk_lengths(head)
    total = f"-{old} +{new}"
    first = at = at + 1
    while old or new:
        line = lines[at] if at < len(lines) else "end"
        mark = line[:1]
        context = mark == " " or line in ("", "\r")
        if not context and mark not in ("+", "-", "\\"):
            return _broken(lines, first, at, total)
        old -= context or mark == "-"
        new -= context or mark == "+"
        if old < 0 or new < 0:
            return _skip(lines, at), f"line {at - first + 1} of the hunk is one too many for its @@ line ({total})"
        at += 1
    if at < len(lines) and lines[at - 1].rstrip() == "--" and _GIT_VERSION.match(lines[at]):
        return at, f"the hunk ends before the {total} lines its @@ line says"
    while at < len(lines) and lines[at].startswith("\\"):
        at += 1
    return _excess(lines, at, total)


def _broken(lines: list[str], first: int, at: int, total: str) -> tuple[int, str]:
    """A line that cannot stand in a hunk: the next part of the diff, a signature, or the rest of a wrapped line."""
    ends = at == len(lines) or lines[at].startswith("diff -") or _is_hunk(lines[at])
    if ends or (lines[at - 1].rstrip() == "--" and _GIT_VERSION.match(lines[at])):
        return at, f"the hunk ends before the {total} lines its @@ line says"
    where = "the @@ line" if at == first else f"line {at - first} of the hunk"
    return _skip(lines, at), f"{where} was wrapped by a mailer"


def _excess(lines: list[str], at: int, total: str) -> tuple[int, str]:
    """Lines straight below a full hunk that look like its own: the counts of its @@ line are wrong."""
    end = at
    while end < len(lines) and lines[end][:1] in ("+", "-", " ") and not _names_follow(lines, end):
        if set(lines[end].rstrip()) == {"-"}:
            break
        end += 1
    if any(line[0] in "+-" for line in lines[at:end]):
        return end, f"more lines follow than the {total} its @@ line says"
    return at, ""


def _skip(lines: list[str], at: int) -> int:
    """The next line that can begin a hunk or a file."""
    while at < len(lines) and not _is_hunk(lines[at]) and not _begins(lines, at, None):
        at += 1
    return at


# --- reading ---


def _read(section: _Section, max_lines: int, max_width: int) -> tuple[FileChange | None, list[Unread]]:
    header, hunks = _without_cr(section)
    old, new = _names(header)
    path = old if new is None else new
    if path is None:
        return None, [Unread(None, "a hunk whose file is not named")] if hunks else []
    shown = _shown(path)
    if problem := _refusal(section, header, (old, new), max_lines, max_width):
        return None, [Unread(shown, problem)]
    whole: list[Hunk] = []
    unread: list[Unread] = []
    for lines, problem in hunks:
        hunk = problem or _hunk(lines)
        if isinstance(hunk, Hunk):
            whole.append(hunk)
        else:
            unread.append(Unread(shown, f"{_shown(lines[0])}: {hunk}"))
    if not whole and (unread or section.named or not any(line.startswith(_CHANGE) for line in header)):
        return None, unread or [Unread(shown, "no change follows the lines that name the file")]
    created, deleted = _absent(header, "---"), _absent(header, "+++")
    return FileChange(path, None if created else old, tuple(whole), tuple(header), created, deleted), unread


def _without_cr(section: _Section) -> tuple[list[str], list[tuple[list[str], str]]]:
    """A mail in CRLF has a CR on its header lines too; then they are the mail's and not the file's."""
    if not section.header or not section.header[0].endswith("\r"):
        return section.header, section.hunks
    cut = [([line.removesuffix("\r") for line in lines], problem) for lines, problem in section.hunks]
    return [line.removesuffix("\r") for line in section.header], cut


def _refusal(
    section: _Section, header: list[str], names: tuple[str | None, ...], max_lines: int, max_width: int
) -> str:
    """Why a section is not read at all, "" if it is."""
    lines = [line for hunk, _ in section.hunks for line in hunk]
    if not all(_is_safe(name) for name in names if name is not None):
        return "the path leaves the tree or is no path"
    if section.prose:
        return "a diff inside the commit message, above its --- line"
    if header[0].startswith(_MERGE) or any(line.startswith("@@@") for line in lines):
        return "a combined diff of a merge has more than two sides"
    if len(lines) > max_lines:
        return f"{len(lines)} lines, more than the {max_lines} that are looked at in one file"
    if any(len(line) > max_width for line in lines):
        return f"a line is longer than the {max_width} characters that are looked at"
    return ""


def _hunk(lines: list[str]) -> Hunk | str:
    """One hunk through unidiff, or why it would not have it."""
    try:
        (file,) = PatchSet(["--- a/file\n", "+++ b/file\n", *(line + "\n" for line in lines)])
    except UnidiffParseError as error:
        return _shown(str(error).strip())
    read = tuple(
        DiffLine(line.line_type, line.value.removesuffix("\n"), line.source_line_no, line.target_line_no)
        for line in file[0]
        if line.line_type != "\\"
    )
    head = HUNK.match(lines[0])
    return Hunk(lines[0], head.group(5) if head else "", read)


# --- paths ---


def _names(header: list[str]) -> tuple[str | None, str | None]:
    """Old and new path without prefix; None where the file is not there, both None where nothing names it."""
    old = next((line[4:] for line in header if line.startswith("--- ")), None)
    new = next((line[4:] for line in header if line.startswith("+++ ")), None)
    if old is not None and new is not None:
        return _strip_prefixes(_unquote(_DATE.split(old)[0]), _unquote(_DATE.split(new)[0]))
    moved = [_unquote(line.split(" ", 2)[2]) for line in header if line.startswith(("rename ", "copy "))]
    if len(moved) == 2:
        return moved[0], moved[1]
    first = header[0] if header else ""
    for start in (*_MERGE, "Index: "):
        if first.startswith(start):
            return (_unquote(first.removeprefix(start)),) * 2
    both = first.removeprefix("diff --git ")
    left, right = _strip_prefixes(_unquote(both[: len(both) // 2]), _unquote(both[len(both) // 2 + 1 :]))
    if both == first or left != right:
        return None, None
    return None if _absent(header, "---") else left, None if _absent(header, "+++") else right


def _unquote(name: str) -> str:
    """A name as git-config(1) core.quotePath writes it, back into text."""
    if len(name) < 2 or not (name[0] == name[-1] == '"'):
        return name

    def plain(match: re.Match[bytes]) -> bytes:
        code = match.group(1)
        return bytes([int(code, 8) if len(code) == 3 else _UNQUOTED[code[0]]])

    return _QUOTED.sub(plain, name[1:-1].encode("utf-8", "surrogateescape")).decode("utf-8", "surrogateescape")


def _strip_prefixes(old: str, new: str) -> tuple[str | None, str | None]:
    """Without a/ and b/, or the names of the two directories that plain diff compared."""
    left, _, old_rest = old.partition("/")
    right, _, new_rest = new.partition("/")
    known = (left in _PREFIXES or old == "/dev/null") and (right in _PREFIXES or new == "/dev/null")
    if left != right and (known or (old_rest == new_rest != "" and left and right)):
        old, new = (old if old == "/dev/null" else old_rest), (new if new == "/dev/null" else new_rest)
    return None if old == "/dev/null" else old, None if new == "/dev/null" else new


def _absent(header: list[str], side: str) -> bool:
    """Whether the file is not there on the side that "---" or "+++" names."""
    word = "new file mode " if side == "---" else "deleted file mode "
    for line in header:
        name, _, date = line.removeprefix(side + " ").partition("\t")
        if line.startswith(word) or (line.startswith(side + " ") and (name == "/dev/null" or date.startswith(_NEVER))):
            return True
    return False


def _is_safe(path: str) -> bool:
    parts = path.split("/")
    control = any(ord(char) < 32 or ord(char) == 127 or char == "\\" for char in path)
    return not control and not any(part in ("", ".", "..") or part.lower() == ".git" for part in parts)


def _shown(text: str) -> str:
    """Text of a mail that can be printed: nothing in it moves a cursor or turns the writing round."""
    escaped = "".join(
        char if char.isprintable() and char != "\\" else char.encode("unicode_escape").decode() for char in text[:200]
    )
    return escaped + ("..." if len(text) > 200 else "")
