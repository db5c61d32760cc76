"""Fills the templates of replies: which placeholders each may use, and what stands in place of an empty one."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from string import Template

from msgspec import Struct

from reviewbot import __version__
from reviewbot.model.patch import Mail
from reviewbot.report.reply.sender import Sender
from reviewbot.report.reply.wrap import line_start, wrap, wrapped
from reviewbot.support.escape import clip, one_line

_ABOUT = frozenset(("sentdate", "fromname", "firstname", "fromemail", "subject", "msgid")) | frozenset(
    ("myname", "myemail", "contact", "operator", "version")
)
_END = frozenset(("disclosure", "signature"))
PLACEHOLDERS: Mapping[str, frozenset[str]] = {  # what templates/<name>.txt may use; the names are b4's where b4 has one
    "reply": _ABOUT | {"reply"} | _END,
    "series": _ABOUT | {"reply", "places"} | _END,
    "disclosure": _ABOUT,
    "signature": _ABOUT,
    "service": _ABOUT,
    "again": frozenset(),
    "again-in": frozenset(("function",)),
    "more": frozenset(("count", "places")),
}
REQUIRED: Mapping[str, frozenset[str]] = {
    "reply": frozenset(("reply",)),
    "series": frozenset(("reply", "places")),
    "service": frozenset(("contact",)),
    "more": frozenset(("count",)),
}
LONGEST_NAME = 200


class Texts(Struct, frozen=True):
    """The sources of templates/*.txt, which drafts.write.load_texts() has checked."""

    reply: str
    series: str
    disclosure: str
    signature: str
    service: str
    again: str
    again_in: str
    more: str


def again(texts: Texts) -> Callable[[str], str]:
    """What to write in place of a question that was asked before, as a function of the C function's name, or ""."""

    def say(function: str) -> str:
        template = Template(texts.again_in if function else texts.again)
        return template.substitute({"function": one_line(function)} if function else {})

    return say


def more_lines(texts: Texts, places: Sequence[str]) -> list[str]:
    """The lines that stand for questions which were left out. `places`: where they would have been asked."""
    shown = "\n".join(f"  {place}" for place in places)
    filled = Template(texts.more).substitute(count=len(places), places=f"\n\n{shown}\n\n")
    return ["", *wrapped(filled)]


def assembled(
    template: str, blocks: Mapping[str, Sequence[str]], mail: Mail, sender: Sender, texts: Texts
) -> list[str]:
    """The lines of a template, filled and wrapped; the lines of `blocks` go in unchanged.

    Where signature or disclosure are empty, so is their line, and the blank one before it.
    """
    name = clip(one_line(mail.author.name), LONGEST_NAME) or mail.author.email
    values = {
        "sentdate": line_start(clip(one_line(mail.date), LONGEST_NAME)),
        "fromname": line_start(name),
        "firstname": line_start(name.split(" ")[0]),
        "fromemail": mail.author.email,
        "subject": line_start(one_line(mail.subject)),
        "msgid": mail.message_id,
        "myname": one_line(sender.name) or sender.email,
        "myemail": sender.email,
        "contact": sender.reached_at,
        "operator": one_line(sender.operator),
        "version": __version__,
    }
    whole = {**blocks, **_end(values, sender, texts)}
    # no value holds a NUL, so that one marks where a block goes
    holes = {name: f"\0{name}\0" for name in whole}
    lines: list[str] = []
    for line in _laid_out(Template(template).substitute(values, **holes)):
        block = next((name for name in whole if line.strip() == holes[name]), None)
        if block is None:
            lines.append(_inlined(line, holes, whole))
        else:
            while lines and not lines[-1] and not whole[block]:
                lines.pop()
            lines += whole[block]
    return lines


def _end(values: Mapping[str, str], sender: Sender, texts: Texts) -> dict[str, list[str]]:
    """The blocks with which a mail ends, empty where its sender has none."""
    signature = _filled(texts.service if sender.service else texts.signature, values)
    disclosed = sender.disclose and not sender.service
    return {
        "disclosure": _filled(texts.disclosure, values) if disclosed else [],
        "signature": ["-- ", *signature] if signature else [],
    }


def _filled(source: str, values: Mapping[str, str]) -> list[str]:
    text = Template(source).substitute(values)
    return _laid_out(text) if text.strip() else []


def _inlined(line: str, holes: Mapping[str, str], blocks: Mapping[str, Sequence[str]]) -> str:
    for name, hole in holes.items():
        line = line.replace(hole, "\n".join(blocks[name]))
    return line


def _laid_out(text: str) -> list[str]:
    """The lines of a filled template. Lines that are too wide, by a long name, are wrapped; quotes never are."""
    lines: list[str] = []
    for line in text.strip("\n").split("\n"):
        lines += [line] if line.startswith(">") or "\0" in line else wrap(line)
    return lines
