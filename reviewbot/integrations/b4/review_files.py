"""Writes the content of the review files that b4 reads: identity.txt, series.txt, NNNN.txt.

b4 0.16 reads them in _integrate_agent_reviews(): up to the first quoted line stands a note, its first line a summary,
which only the maintainer sees; then the whole diff, quoted, with remarks as unquoted lines below what they are about.
b4 offers these as text for the maintainer's own reply, so they are worded as in one.
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
    """A patch, the findings to ask about, and in `said`, in words, those left out because they were said before."""

    reviewed: PatchReview
    findings: tuple[Finding, ...]
    said: tuple[str, ...] = ()


def distinct_identity(who: Address) -> Address:
    """A person's name and address, marked so that b4 tells them from the person's own.

    b4 takes files under the maintainer's own address for a reply that is ready to be sent.
    """
    local, at, domain = who.email.rpartition("@")
    tagged = local if "reviewbot" in local else f"{local}+reviewbot"
    return Address(f"{who.name} (reviewbot)", f"{tagged}{at}{domain}")


def files(
    asked: Sequence[PatchRemarks], who: Address, by: str, again: Callable[[str], str], whole: bool
) -> Mapping[str, bytes]:
    """The content of each file by its name; no files if there is nothing to ask.

    `by`: the kernel version and the rules, in words; `again`: see report.reply.body.body_lines(); `whole`: with a note
    on the series.
    """
    speaking = [remarks for remarks in asked if remarks.findings]
    if not speaking:
        return {}
    name = one_line(who.name).replace("\\", "\\\\").replace('"', '\\"')
    out = {IDENTITY: [f'"{name}" <{one_line(who.email)}>']}
    if whole:
        out[SERIES] = _series(asked, speaking, by)
    for remarks in speaking:
        out[f"{remarks.reviewed.patch.number:04d}.txt"] = _patch(remarks, by, again)
    return {name: ("\n".join(lines) + "\n").encode("utf-8", "replace") for name, lines in out.items()}


def _patch(remarks: PatchRemarks, by: str, again: Callable[[str], str]) -> list[str]:
    quoted, loose = annotated(remarks.reviewed, remarks.findings, again)
    note = [f"{_count(len(remarks.findings), 'question')} of reviewbot"]
    note += ["", *wrapped(f"Drafted by reviewbot {__version__} ({by}). Adopt, edit or drop them; nothing was sent.")]
    note += ["", *loose] if loose else []
    notes = [f"Left out: {text}." for text in remarks.said]
    notes += [f"Not looked at: {_where(part.path)}{part.reason}." for part in unread_of(remarks.reviewed)]
    note += [line for text in notes for line in ("", *wrapped(text))]
    return [*note, "", *quoted]


def _series(asked: Sequence[PatchRemarks], speaking: Sequence[PatchRemarks], by: str) -> list[str]:
    count = sum(len(remarks.findings) for remarks in speaking)
    lines = [
        f"{_count(count, 'question')} of reviewbot on {len(speaking)} of {_count(len(asked), 'patch', 'patches')}",
        "",
        *wrapped(f"Drafted by reviewbot {__version__} ({by})."),
        "",
    ]
    for remarks in speaking:
        patch = remarks.reviewed.patch
        rules = ", ".join(dict.fromkeys(finding.rule for finding in remarks.findings))
        lines.append(f"  {patch.number}/{patch.total} {one_line(patch.subject)}: {rules}")
    return lines


def _where(path: str | None) -> str:
    return f"{visible(path)}: " if path else ""


def _count(number: int, word: str, many: str = "") -> str:
    return f"{number} {word if number == 1 else many or word + 's'}"
