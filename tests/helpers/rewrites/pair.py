"""A fixture's case as the two texts of its file, a way to write both otherwise, and the diff between them."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from fixtures import Case
from rewrites.ctext import Call, Edit, Function, calls, edited, functions, source, tokens

Way = Callable[["Pair"], "Pair | None"]


@dataclass(frozen=True)
class Pair:
    """`before` is None for a new file. `names`: what functions are called since, old name first; `helpers`: functions
    that a rewrite made, in which a remark counts as one on their caller. `other`: a second file of the patch, its path
    and both its texts; `around`: one of the tree that the patch leaves alone, its path and its text.
    """

    path: str
    kernel: str
    before: str | None
    after: str
    names: tuple[tuple[str, str], ...] = ()
    helpers: tuple[str, ...] = ()
    other: tuple[str, str | None, str] | None = None
    around: tuple[str, str] | None = None

    @property
    def texts(self) -> tuple[str, ...]:
        return (self.after,) if self.before is None else (self.before, self.after)

    def diff(self) -> str:
        """One hunk that is the whole file, for each file."""
        more = _diff(*self.other) if self.other is not None and self.other[1] != self.other[2] else ""
        return _diff(self.path, self.before, self.after) + more if self.before != self.after else more

    def name(self, function: str) -> str:
        return dict(self.names).get(function, function)


def _diff(path: str, before: str | None, after: str) -> str:
    sides = ["" if before is None else f"a/{path}", f"b/{path}"]
    made = ["new file mode 100644\n"] if before is None else []
    rows = [(text or "").splitlines(True) for text in (before, after)]
    hunk = difflib.unified_diff(rows[0], rows[1], sides[0] or "/dev/null", sides[1], n=len(rows[0]) + len(rows[1]))
    return "".join([f"diff --git a/{path} b/{path}\n", *made, *hunk])


def pair_of(case: Case) -> Pair | None:
    """None where the case shows pieces of a file only."""
    head, _, body = case.diff.partition("\n@@")
    rows = body.split("\n")[1:]
    if any(row.startswith("@@") for row in rows) or not body.split("\n")[0].endswith("@@"):
        return None
    old, new = ("\n".join(row[1:] for row in rows if row[:1] in (" ", mark)) + "\n" for mark in "-+")
    return Pair(case.path, case.kernel, None if "\nnew file" in head else old, new)


def each(pair: Pair, rewrite: Callable[[str], str]) -> Pair | None:
    """Both texts rewritten; None if the later one stays what it was."""
    after = rewrite(pair.after)
    before = None if pair.before is None else rewrite(pair.before)
    return None if after == pair.after else replace(pair, before=before, after=after)


def bodies(text: str) -> Iterator[tuple[Function, list[Call]]]:
    """The functions and the calls in each."""
    for function in functions(text):
        yield function, calls(text, function.first, function.last)


@dataclass(frozen=True, slots=True)
class Mask:
    """A constant mask that stands as an argument: its function, its call, the tokens, and the text in one row."""

    function: Function
    call: Call
    first: int
    last: int
    text: str


def constant(text: str, first: int, last: int) -> bool:
    """Whether names of flags and what joins them are all there is between two tokens."""
    part = tokens(text)[first : last + 1]
    names = [one.text for one in part if one.kind == "name"]
    return (
        bool(names)
        and all(one.kind in ("name", "op") and (one.kind == "name" or one.text in "|&~()") for one in part)
        and all(name.startswith(("GFP_", "__GFP_")) for name in names)
    )


def masks(text: str) -> list[Mask]:
    """Every argument of a call that is a constant mask, in the functions of a text."""
    out = []
    for function, found in bodies(text):
        for call in found:
            for first, last in call.args:
                if constant(text, first, last):
                    out.append(Mask(function, call, first, last, source(text, first, last)))
    return out


def span(text: str, first: int, last: int) -> tuple[int, int]:
    """Where two tokens begin and end."""
    toks = tokens(text)
    return toks[first].start, toks[last].end


def put(text: str, first: int, last: int, new: str) -> Edit:
    """The edit that puts a text in the place of two tokens and all between them."""
    return Edit(*span(text, first, last), new)


def above(text: str, function: Function, rows: str) -> Edit:
    """The edit that puts rows above a function."""
    place = tokens(text)[function.head].start
    return Edit(place, place, rows)


def opening(text: str, function: Function, rows: str) -> Edit | None:
    """The edit that puts rows first into a function's body; None if its brace does not end a row."""
    place = tokens(text)[function.first].end
    return Edit(place + 1, place + 1, rows) if text[place : place + 1] == "\n" else None


def fresh(pair: Pair, wanted: str) -> str:
    """A name that none of the texts has."""
    names = {one.text for text in pair.texts for one in tokens(text)}
    while wanted in names:
        wanted = f"toy_{wanted}"
    return wanted


def renamed(text: str, names: dict[str, str]) -> str:
    """Tokens put for others, wherever they stand outside of comments, strings and preprocessor lines."""
    found = [one for one in tokens(text) if one.kind == "name" and one.text in names]
    return edited(text, [Edit(one.start, one.end, names[one.text]) for one in found])
