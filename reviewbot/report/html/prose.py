"""Sets texts for a reader: code names in the type of code, addresses and sources as links."""

from __future__ import annotations

import re
from collections.abc import Iterator
from urllib.parse import quote

from reviewbot.report.html.element import Html, element, escaped, together
from reviewbot.report.reply.wrap import paragraphs
from reviewbot.support.escape import raw, visible
from reviewbot.support.patterns import pattern

_TREE = "https://git.kernel.org/pub/scm/linux/kernel/git/torvalds/linux.git/tree/"
_COMMIT = "https://git.kernel.org/linus/"
_DOCUMENTS = "https://docs.kernel.org/"
# an address; what a rule leaves to be filled in; a word, or a path, with what it is called with
_CODE = pattern(
    r"(?P<url>https://[^\s;,)\"<>]++)|\$\{?(?P<hole>\w++)\}?(?P<call>\(\))?|(?<![\w./-])(?P<word>\w[\w./-]*+)(?P<given>\([^()\s]{0,80}\))?",
    re.ASCII,
)
_SOURCE = pattern(
    r"(?P<url>https://[^\s;,)\"<>]++)|commit (?P<commit>[0-9a-f]{12,40})\b"
    r"|(?<![\w./-])(?P<path>\w[\w./-]*+)(?: of (?P<version>[0-9]{1,3}\.[0-9]{1,3}))?",
    re.ASCII,
)
_NAMED = ("https://lore.kernel.org/", _COMMIT, _DOCUMENTS)  # where addresses in texts of rules lead
_SAFE = "/:?&=%@#+~.-_"  # what an address keeps beside letters and digits
_FILES = (".c", ".h", ".S", ".rst")


def line(text: str, filled: bool = True, linked: bool = True) -> Html:
    """A text on one line. `filled`: a "$" in it is itself; else it begins the name of what a rule fills in.

    `linked`: any address in it is a link, else one that rules name.
    """
    parts: list[Html] = []
    at = 0
    for found in _CODE.finditer(text):
        shown = _set(found, filled, linked)
        if shown is not None:
            parts += [escaped(text[at : found.start()]), shown]
            at = found.end()
    return together([*parts, text[at:]])


def _set(found: re.Match[str], filled: bool, linked: bool) -> Html | None:
    if found["url"] and not (linked or found["url"].startswith(_NAMED)):
        return None
    if found["url"]:
        return element("a", found["url"], href=quote(raw(found["url"]), safe=_SAFE), rel="noreferrer")
    if found["word"]:
        return _code(found)
    return None if filled else _hole(found)


def _hole(found: re.Match[str]) -> Html:
    name = element("var", found["hole"])
    return element("code", name, found["call"]) if found["call"] else name


def _code(found: re.Match[str]) -> Html | None:
    """A word that is a call, a name with an underscore, as those of flags are, or a file; None for any other."""
    word, given = found["word"], found["given"]
    if given:
        return element("code", word, given)
    bare = word.rstrip("./-")
    if "_" not in bare and not _is_file(bare):
        return None
    return together([element("code", bare), word[len(bare) :]])


def _is_file(word: str) -> bool:
    return "/" in word and word.endswith(_FILES)


def blocks(text: str, filled: bool = True) -> Iterator[Html]:
    """The paragraphs of a text as elements; one whose lines are all indented keeps its lines.

    With `filled` words of a patch are in it: an address among them is a link only to where rules lead.
    """
    for paragraph in paragraphs(text):
        lines = paragraph.split("\n")
        if all(one[0] in " \t" for one in lines):
            yield element("pre", together(lines, Html("\n")), tabindex="0")
        else:
            yield element("p", line(" ".join(map(visible, lines)), filled, linked=not filled))


def sourced(text: str) -> Html:
    """A source with links: an address, a commit of mainline, a file of its tree, a document."""
    parts: list[Html] = []
    at = 0
    for found in _SOURCE.finditer(text):
        if not found["path"] or _is_file(found["path"]):
            parts += [line(text[at : found.start()]), element("a", found[0], href=_address(found), rel="noreferrer")]
            at = found.end()
    return together([*parts, line(text[at:])])


def _address(found: re.Match[str]) -> str:
    if found["url"]:
        return quote(raw(found["url"]), safe=_SAFE)
    if found["commit"]:
        return _COMMIT + found["commit"]
    path = found["path"]
    if path.startswith("Documentation/") and path.endswith(".rst"):
        return _DOCUMENTS + path.removeprefix("Documentation/").removesuffix(".rst") + ".html"
    return _TREE + path + (f"?h=v{found['version']}" if found["version"] else "")
