"""Cuts prepared text into fragments that the parser accepts, each about one function.

Input: the text of one side of a hunk, or of a file. A hunk starts and ends anywhere: inside a function, a condition, a
parameter list. A fragment is closed on both sides with braces and conditions that carry the name OPEN, so that what is
made up can be told from what was written; half a statement at either end is left out. Kernel style is relied on in one
place: a function's braces stand in the first column.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cached_property, lru_cache

from msgspec import Struct
from msgspec.structs import replace

from reviewbot.frontend.function_bounds import NAME, function_ends
from reviewbot.frontend.preprocess.comments import blanks
from reviewbot.frontend.preprocess.directives import Macro
from reviewbot.support.patterns import pattern

OPEN = "__not_shown"
BODY = "{"  # a section that tells of a function without its name
GAP = 1000  # characters between two stretches of a text, line ends included: room for what closes and opens blocks
_SIGN = pattern(r"[(){};\[\]]")
_BRACES = pattern(r"[{}]")
_PARAMETERS = pattern(r"\([\w\s*,\[\]]+\)(?=\s*\{?\Z)")
_TYPE = pattern(r"(?:static )?(?:inline )?(?:const )?(?:(?:struct|enum|union|unsigned) )?\w+[ *]*")
_CUT = pattern(r"\(([\w\s*,\[\]]*+)\Z")  # git shows one row, and 80 characters of it
_STATEMENT = pattern(r"[A-Za-z_]\w*\s*(?:\(|=|->|\.|;|\[|[-+]{2})|return|goto|break|continue")
_JUMP = pattern(r"(?:return|goto|break|continue)\b")
_LABEL = pattern(r"[A-Za-z_]\w*:\s*$")
_BRACE = pattern(r"^\{", re.MULTILINE)
_ROW = 500  # characters above a brace in which the row before it is looked for
_BRANCH = ("if(", "}else")  # at the margin: what directives.py makes of an #if
_HEAD_AND_BRACE = pattern(r"^(?!if\()([A-Za-z_][^\n;={}]*+)\{[ \t]*$", re.MULTILINE)
_FIRST_ARGUMENT = pattern(r"\s*([A-Za-z_]\w*)\s*[,)]")
_BARE_HEAD = pattern(r"\s*[A-Za-z_]\w*\s*\(")
_NO_FUNCTION = frozenset({"if", "while", "for", "switch", "return", "sizeof", "do", "else"})


class Fragment(Struct, frozen=True, dict=True):
    """A part of a text, about one function, closed so that it parses.

    `source` = prefix + text + suffix; `offset` and `line` (0-based) say where `text` stood. `parts`: the fragments that
    this one was joined from, where it has gaps.
    """

    prefix: str
    text: str
    suffix: str
    offset: int
    line: int
    name: str
    starts: bool  # a function's head is in the text
    ends: bool  # its end is in the text
    macro: bool = False
    parts: tuple[Fragment, ...] = ()

    @cached_property
    def function(self) -> str:
        """The name of the function that it is of, "" where none is found."""
        if self.name or not self.starts:
            return self.name
        return function_name(self.text[: _body_start(self.text)].rpartition(";")[2])

    @property
    def source(self) -> str:
        """The C text that is parsed."""
        return self.prefix + self.text + self.suffix


def function_name(section: str) -> str:
    """The function that the text after a hunk's @@ names, "" if it names none.

    A macro in capitals that heads a function names it by its first argument.
    """
    head = section.strip()
    if head.endswith(";") or (head.endswith("{") and ("=" in head or ")" not in head)):
        return ""
    match = NAME.search(head)
    if match is None or match.group(1) in _NO_FUNCTION:
        return ""
    first = _FIRST_ARGUMENT.match(head, match.end())
    return first.group(1) if match.group(1).isupper() and first else match.group(1)


def split_fragments(text: str, section: str, whole: bool) -> Iterator[Fragment]:
    """The fragments of a prepared text, in order.

    `section` names the function that its start may lie in; `whole`: the text is a whole file.
    """
    at, line, first = 0, 0, True
    for end in function_ends(text):
        body = text[at:end]
        found = _fragment_of(body, section if first else "", not whole and first, True)
        if found is not None:
            yield replace(found, offset=at, line=line)
        at, line, first = end + 1, line + body.count("\n") + 1, False
    if text[at:].strip():
        found = _fragment_of(text[at:], section if first else "", not whole and first, False)
        if found is not None:
            yield replace(found, offset=at, line=line)


@lru_cache(maxsize=2048)  # the next version of a file has most functions as they were
def _fragment_of(text: str, section: str, may_be_inside: bool, closed: bool) -> Fragment | None:
    """The fragment of a text, as if it stood first of all."""
    if not text.strip(" \n\t};"):
        return None
    head = _body_start(text)
    if may_be_inside and head < 0 and _inside(text, section):
        return _tail(text, section, closed)
    return _from_head(text, head, section if may_be_inside else "", closed) if head >= 0 else None


def _body_start(text: str) -> int:
    """The offset of a function's opening brace in the first column (or K&R style behind a column-0 head)."""
    for match in _BRACE.finditer(text):
        above = text[max(0, match.start() - _ROW) : match.start()].rstrip()
        if not above.startswith(_BRANCH, above.rfind("\n") + 1):
            return match.start()
    for match in _HEAD_AND_BRACE.finditer(text):
        if ")" in match.group(1):
            return match.end(1)
    return -1


def _inside(text: str, section: str) -> bool:
    """Whether a text without a function's opening lies in a body."""
    first = next((row for row in text.split("\n") if row.strip()), "")
    if not (first[:1] in (" ", "\t") or _LABEL.match(first) or first.startswith(("}", *_BRANCH))):
        return False
    if section.strip() and not section.rstrip().endswith(":"):
        return section == BODY or bool(function_name(section))
    return not re.match(r"\s*+\.\w++\s*+=|[\w\s*]++;\s*+$", first)


def _from_head(text: str, head: int, section: str, closed: bool) -> Fragment:
    """A function that begins in the text; if its parameter list began before, the section gives its start."""
    before = text[:head]
    prefix = ""
    if (before.count(")") > before.count("(") or not function_name(before)) and function_name(section):
        name = function_name(section)
        start = section if section.index(name) else f"int {section}"  # a name alone in its line has its type above
        prefix = f"{start}\n" if (start + before).count("(") == (start + before).count(")") else ""
        if not prefix:
            prefix = f"int {name}(void)\n"
            text = blanks(before) + text[head:]
    elif _BARE_HEAD.match(before):
        prefix = "int "  # its type stands in the row above
    body, closers = _close(text[head:], closed)
    known = function_name(prefix) or function_name(before) if prefix else ""
    return Fragment(prefix, text[:head] + body, closers, 0, 0, known, True, closed)


def _tail(text: str, section: str, closed: bool) -> Fragment:
    """The rest of a function that began before the text, with the type and the parameters that the section shows.

    "..." stands for parameters that may follow.
    """
    name = function_name(section)
    head = f"int {name or OPEN}(void)"
    shown = (_PARAMETERS.search(section) or _CUT.search(section)) if name and not name.isupper() else None
    if shown and (before := section[: shown.start()]).endswith(name):
        kind = before.removesuffix(name).strip()
        params = shown[0] if shown[0].endswith(")") else _cut(shown[1])
        head = f"{kind if _TYPE.fullmatch(kind) else 'int'} {name}{params}"
    text = _drop_half_statement(text)
    openers = _openers(text, closed)
    if _JUMP.match(text.lstrip()):
        openers += f"if({OPEN})\n"  # a jump that begins the text hangs on a condition above it
    body, closers = (text, "") if closed else _close_tail(openers, text)
    return Fragment(f"{head}\n{{\n{openers}", body, closers, 0, 0, name, False, closed)


def _cut(params: str) -> str:
    """Those of some parameters that are there in full, with parentheses."""
    whole = params.rpartition(",")[0]
    return f"({whole}, ...)" if whole else "(...)"


def _drop_half_statement(text: str) -> str:
    """Blank the end of a statement that began before the text; a block it guarded gets an OPEN condition."""
    depth = 0
    for match in _SIGN.finditer(text):
        sign = match.group()
        if sign in "([":
            depth += 1
        elif sign in ")]":
            depth -= 1
            if depth < 0:
                return _drop_to(text, match.end())
        elif depth == 0:
            if sign == "}" and text[match.end() : match.end() + _ROW].lstrip()[:1] in (";", ",", ")"):
                return _drop_to(text, match.end())  # the end of an initialiser
            break
    return text


def _drop_to(text: str, end: int) -> str:
    """Blank what belongs to the parenthesis that closes before `end`, and go on with the rest."""
    rest = text[end:]
    while (match := re.match(r"[\s\])]*[)\]]", rest)) is not None:
        end += match.end()
        rest = text[end:]
    stripped = rest.lstrip()
    if stripped.startswith("{") or _STATEMENT.match(stripped):
        guard = f"if({OPEN})"
        room = end >= len(guard) and "\n" not in text[end - len(guard) : end]
        return blanks(text[: end - len(guard)]) + guard + rest if room else blanks(text[:end]) + rest
    stop = _SIGN.search(rest)
    while stop is not None and stop.group() not in ";{}":
        stop = _SIGN.search(rest, stop.end())
    cut = end + (stop.end() if stop is not None and stop.group() == ";" else 0)
    return blanks(text[:cut]) + text[cut:]


def _openers(text: str, closed: bool) -> str:
    """The openers that the closing braces of `text` lack (its last one ends the function if `closed`)."""
    depth, openers = 0, []
    signs = list(re.finditer(r"[{}]", text))
    for index, match in enumerate(signs):
        if match.group() == "{":
            depth += 1
        elif depth:
            depth -= 1
        elif not (closed and index == len(signs) - 1):
            openers.append(_opener(text[match.end() : match.end() + 80].lstrip()))
    return "".join(reversed(openers))


def _opener(follow: str) -> str:
    """What a block began with, judged by what follows it; a loop where nothing tells, for that assumes least.

    Something else stood in it above the text, or it would be shown.
    """
    if follow.startswith("while"):
        return f"do{{{OPEN}();"
    return f"if({OPEN}){{{OPEN}();" if follow.startswith("else") else f"while({OPEN}){{{OPEN}();"


def _close_tail(openers: str, text: str) -> tuple[str, str]:
    body, closers = _close("{" * (openers.count("{") + 1) + text, False)
    return body[openers.count("{") + 1 :], closers


class _Block(Struct, frozen=True):
    """An open brace: what it belongs to, how many parentheses were open around it, and the brace around it."""

    kind: str  # "do", "{", or "=" for the values of an initialiser
    parentheses: int
    around: _Block | None

    @property
    def closer(self) -> str:
        if self.kind == "do":
            return f"}}while({OPEN});"
        return "}" + (")" * self.parentheses + ";" if self.parentheses else "")


def _close(text: str, closed: bool) -> tuple[str, str]:
    """Blank half a statement at the end of `text` and return the closers of the blocks it leaves open."""
    if closed and _is_balanced(text):
        return text, ""
    block: _Block | None = None
    kept: _Block | None = None  # the innermost one open at `done`
    done = parentheses = values = 0
    for match in _SIGN.finditer(text):
        sign = match.group()
        if sign in "([":
            parentheses += 1
        elif sign in ")]":
            parentheses = max(0, parentheses - 1)
        elif sign == "{":
            block = _Block(_kind(text, match.start(), values), parentheses, block)
            values += block.kind == "="
            parentheses = 0
        elif sign == "}":
            parentheses = block.parentheses if block else 0
            ends_value = block is not None and block.kind == "="
            values -= ends_value
            block = block.around if block else None
            if ends_value:
                continue
        if sign in "{};" and parentheses == 0 and not values:
            done, kept = match.end(), block
    if closed and block is None:
        return text, ""
    rest = text[done:]
    if rest.strip():
        whole = rest.count("(") == rest.count(")") and rest.rstrip()[-1:] in ")"
        if kept is block and (whole or rest.rstrip().endswith("else") or rest.rstrip().endswith(":")):
            return text, f"\n{OPEN}();{_closers(kept)}"  # what hangs on it is not shown
        text = text[:done] + blanks(rest)
    return text, f"\n{_closers(kept)}"


def _is_balanced(text: str) -> bool:
    """Whether every brace of a text is closed in it, as in most texts that are whole functions."""
    depth = 0
    for sign in _BRACES.findall(text):
        depth += 1 if sign == "{" else -1
        if depth < 0:
            return False
    return depth == 0


def _kind(text: str, brace: int, values: int) -> str:
    """What a brace opens: a block, the block of a `do`, or the values of an initialiser."""
    before = text[max(0, brace - 40) : brace].rstrip()
    if values or before.endswith(("=", ",", "[")):
        return "="
    return "do" if before.endswith("do") and not before[-3:-2].isalnum() else "{"


def _closers(block: _Block | None) -> str:
    """The text that ends the open blocks; each but the function's own goes on below the text, unknown how."""
    out = []
    while block is not None:
        out.append(f"{OPEN}();{block.closer}" if block.around is not None else block.closer)
        block = block.around
    return "".join(out)


def join_fragments(first: Fragment, second: Fragment) -> Fragment | None:
    """Join two fragments of one function, with a call of OPEN for the gap between them.

    None if they are not of one function, or the gap has no room for what must be closed and opened.
    """
    name = first.function
    if first.ends or second.starts or first.macro or not name or name != second.name:
        return None
    ends = first.suffix.strip()
    opened = second.prefix.partition("{\n")[2]
    between = f"{ends.removesuffix('}')} {OPEN}(); {opened}".replace("\n", " ")
    room = GAP - len("\n\n")
    if not ends.endswith("}") or len(between) > room:
        return None
    parts = (*(first.parts or (first,)), second)
    text = f"{first.text}\n{between.ljust(room)}\n{second.text}"
    return replace(first, text=text, suffix=second.suffix, ends=second.ends, parts=parts)


def mask_fragment(macro: Macro) -> Fragment:
    """A macro whose body is a mask, as a function that returns the mask."""
    prefix = f"int {macro.name}(void)\n{{\nreturn "
    return Fragment(prefix, macro.body, ";\n}\n", macro.body_offset, macro.body_row, macro.name, True, True, True)


def macro_fragment(macro: Macro, prepared_body: str) -> Fragment | None:
    """A macro's body as the body of a function of its name; None where it does nothing.

    Either end of the body may lie outside the text.
    """
    if not re.search(r"[;(]", prepared_body):
        return None
    if macro.name and (head := _body_start(prepared_body)) > 0 and function_name(prepared_body[:head]):
        at, row = macro.body_offset, macro.body_row
        return Fragment("", prepared_body, "", at, row, "", True, True, True)  # a macro that makes a function
    text = prepared_body if macro.name else _drop_half_statement(prepared_body)
    openers = _openers(text, False)
    body, closers = _close_tail(openers, text + ";")
    prefix = f"int {macro.name or OPEN}(void)\n{{\n{openers}"
    at, row, starts = macro.body_offset, macro.body_row, bool(macro.name)
    return Fragment(prefix, body[:-1], body[-1:] + closers, at, row, macro.name, starts, True, True)
