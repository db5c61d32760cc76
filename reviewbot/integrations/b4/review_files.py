"""Reviewed patches in, the files of a review that b4 takes over out: identity.txt, series.txt, NNNN.txt.

b4 0.16 reads them in _integrate_agent_reviews(): up to the first quoted line stands a note, its first line a summary,
which is shown to the maintainer alone; then the whole diff, quoted, with remarks as unquoted lines below what they
are about. These are offered as text for the maintainer's own reply, and so are asked as in one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from msgspec import Struct

from reviewbot import __version__
from reviewbot.model.patch import Address
from reviewbot.model.review import Finding, PatchReview
from reviewbot.report.reply.body import annotated
from reviewbot.report.reply.wrap import wrapped
from reviewbot.report.select import unread_of
from reviewbot.support.escape import one_line, visible

IDENTITY, SERIES = "identity.txt", "series.txt"


class PatchRemarks(Struct, frozen=True):
    """A patch, what to ask about it, and what is left out of that because it was said before."""

    reviewed: PatchReview
    findings: tuple[Finding, ...]
    said: tuple[str, ...] = ()


def distinct_identity(who: Address) -> Address:
    """Somebody's name and address, such that b4 tells them from the person's own.

    What b4 finds under the maintainer's own address it takes for a reply that is ready to be sent.
    """
    local, at, domain = who.email.rpartition("@")
    tagged = local if "reviewbot" in local else f"{local}+reviewbot"
    return Address(f"{who.name} (reviewbot)", f"{tagged}{at}{domain}")


def files(
    asked: Sequence[PatchRemarks], who: Address, by: str, again: Callable[[str], str], whole: bool
) -> Mapping[str, bytes]:
    """The content of each file by its name; nothing where there is nothing to ask.

    `by`: the kernel and the rules judged by; `again`: see reply.remarks(); `whole`: with a note on the series.
    """
    speaking = [one for one in asked if one.findings]
    if not speaking:
        return {}
    name = one_line(who.name).replace("\\", "\\\\").replace('"', '\\"')
    out = {IDENTITY: [f'"{name}" <{one_line(who.email)}>']}
    if whole:
        out[SERIES] = _series(asked, speaking, by)
    for one in speaking:
        out[f"{one.reviewed.patch.number:04d}.txt"] = _patch(one, by, again)
    return {name: ("\n".join(lines) + "\n").encode("utf-8", "replace") for name, lines in out.items()}


def _patch(one: PatchRemarks, by: str, again: Callable[[str], str]) -> list[str]:
    quoted, loose = annotated(one.reviewed, one.findings, again)
    note = [f"{_count(len(one.findings), 'question')} of reviewbot"]
    note += ["", *wrapped(f"Drafted by reviewbot {__version__} ({by}). Adopt, edit or drop them; nothing was sent.")]
    note += ["", *loose] if loose else []
    told = [f"Left out: {text}." for text in one.said]
    told += [f"Not looked at: {_where(part.path)}{part.reason}." for part in unread_of(one.reviewed)]
    note += [line for text in told for line in ("", *wrapped(text))]
    return [*note, "", *quoted]


def _series(asked: Sequence[PatchRemarks], speaking: Sequence[PatchRemarks], by: str) -> list[str]:
    count = sum(len(one.findings) for one in speaking)
    lines = [
        f"{_count(count, 'question')} of reviewbot on {len(speaking)} of {_count(len(asked), 'patch', 'patches')}",
        "",
        *wrapped(f"Drafted by reviewbot {__version__} ({by})."),
        "",
    ]
    for one in speaking:
        patch = one.reviewed.patch
        rules = ", ".join(dict.fromkeys(found.rule for found in one.findings))
        lines.append(f"  {patch.number}/{patch.total} {one_line(patch.subject)}: {rules}")
    return lines


def _where(path: str | None) -> str:
    return f"{visible(path)}: " if path else ""


def _count(number: int, word: str, many: str = "") -> str:
    return f"{number} {word if number == 1 else many or word + 's'}"
