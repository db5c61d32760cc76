"""The questions of one reply: which are asked in full, which in two words, and which are only counted."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence

from msgspec import Struct

from reviewbot.model.review import REMOVED_HERE, SEVERITIES, Finding
from reviewbot.report.chain import doubts_of, headline, shown_by, without_chain
from reviewbot.report.links import page_of
from reviewbot.report.reply.wrap import WIDTH, paragraphs, wrapped
from reviewbot.support.escape import one_line, visible
from reviewbot.support.patterns import pattern

_INDENT = "    "
_MOST_PLACES = 8  # of one remark; a chain has fewer
_MOST_ALIKE = 3  # places of one mistake that a reply quotes; who reads a fourth has understood

_WORD = pattern(r"\w++")
_NAME = pattern(r"[A-Za-z_]\w*+(?:(?:->|\.)\w++)*+")  # of a variable, a member of one, or a function

Key = tuple[str, str]
Shown = Callable[[Finding], str]  # the text of the lines that are quoted right above what is said of a finding


class Chosen(Struct, frozen=True):
    """The findings that a reply quotes, in their order, and the places of those that it only lists, as text."""

    quoted: tuple[Finding, ...]
    left: tuple[str, ...]


def choose(findings: Sequence[Finding], most: int, shown: Shown) -> Chosen:
    """Divide the findings of a patch, which come in the order of its diff. `most`: how many are quoted.

    Of those that say the same, the first three are; of others the most severe.
    """
    first: dict[Key, Key] = {}
    counts: dict[Key, int] = {}
    alike: list[Finding] = []
    for finding in findings:
        cause, *parts = _keys(finding, shown)
        known = first.get(cause) or (first[parts[0]] if parts and all(part in first for part in parts) else None)
        group = known or cause
        counts[group] = counts.get(group, 0) + 1
        for key in (cause, *parts):
            first.setdefault(key, group)
        if counts[group] > _MOST_ALIKE:
            alike.append(finding)
    others = [finding for finding in findings if finding not in alike]
    kept = sorted(others, key=_importance)[:most]
    quoted = tuple(finding for finding in others if finding in kept)
    left = [(finding, "" if finding in alike else f": {one_line(finding.message)}") for finding in findings]
    return Chosen(quoted, tuple(f"{_place(one)}{said}" for one, said in left if one not in quoted))


class Speaker:
    """Writes the questions of one mail, and remembers what was asked before and in which function.

    Nothing is asked twice: paragraphs of an earlier question are left out, and if none is left, again(FUNCTION) takes
    its place; FUNCTION is where it was asked first, "" if that is the question right above or is not known. `pages`:
    where the pages of the rules are; a line below the first question of a rule names its page, "" for none.
    """

    def __init__(self, again: Callable[[str], str], shown: Shown, pages: str = "") -> None:
        self._again = again
        self._shown = shown
        self._pages = pages
        self._named: set[str] = set()
        self._asked_in: dict[Key, str] = {}
        self._last = ""

    def ask(self, findings: Iterable[Finding]) -> list[str]:
        """The questions about one line, the most severe first, a blank line before each and after the last."""
        texts = {self._text(finding): finding.rule for finding in sorted(findings, key=_importance)}
        return [line for text, rule in texts.items() for line in ("", *wrapped(text), *self._page(rule))] + [""]

    def _page(self, rule: str) -> Sequence[str]:
        """The line that names the page of a rule, the first time; no "Link:", which b4 would put into the commit."""
        page = page_of(rule, self._pages)
        if not page or page in self._named:
            return ()
        self._named.add(page)
        return "", f"See {page}"

    def _text(self, finding: Finding) -> str:
        cause, *keys = _keys(finding, self._shown)
        fresh = [part for key, part in zip(keys, _parts(finding), strict=True) if key not in self._asked_in]
        repeated = cause in self._asked_in or not fresh
        first = next((self._asked_in[key] for key in (cause, *keys) if key in self._asked_in), "")
        above, self._last = self._last, finding.rule
        for key in (cause, *keys):
            self._asked_in.setdefault(key, finding.function)
        if repeated:
            return self._again("" if above == finding.rule or first == finding.function else first)
        return "\n\n".join([*fresh, *_way(finding)])


def _keys(finding: Finding, shown: Shown) -> list[Key]:
    """What a finding is known by: its message, and then each paragraph of its question, whatever its line shows."""
    parts = _parts(finding)
    words = frozenset(_WORD.findall(shown(finding)))
    shapes = (_shape(part, words) for part in (f"message: {finding.message}", *parts))
    return [(finding.rule, shape) for shape in shapes]


def _parts(finding: Finding) -> list[str]:
    return paragraphs(without_chain(finding.question or finding.message, finding))


def _shape(text: str, shown: frozenset[str]) -> str:
    """A text without the names that the quoted line shows: who sees the line knows them."""
    return _NAME.sub(lambda found: "*" if shown.issuperset(_WORD.findall(found[0])) else found[0], text)


def _importance(finding: Finding) -> int:
    return -SEVERITIES.index(finding.severity)


def _place(finding: Finding) -> str:
    inside = f", in {one_line(finding.function)}()" if finding.function else ""
    return f"{one_line(finding.path)}:{finding.line}{inside}"


def _way(finding: Finding) -> Iterator[str]:
    """For what takes calls or other files to see: an indented paragraph with its chain, and a line for each place."""
    chain = finding.chain
    lines = [_INDENT + visible(one) for one in headline(chain, WIDTH - len(_INDENT))] if chain is not None else []
    if chain is not None or finding.needs_other_files:
        shown = [
            (f"{visible(one.path)}:{one.line}", one.note if one.note == REMOVED_HERE else visible(one.text.strip()))
            for one in shown_by(finding)[:_MOST_PLACES]
        ]
        width = max(len(place) for place, _ in shown) + len(_INDENT)
        room = max(WIDTH - width - 3, 20)
        lines += [f"{_INDENT}{place}:".ljust(width + 2) + _cut(text, room) for place, text in shown]
    if chain is not None and chain.doubts:
        lines.append(_INDENT + visible(doubts_of(chain)))
    if lines:
        yield "\n".join(lines)


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[: most - 3]}..."
