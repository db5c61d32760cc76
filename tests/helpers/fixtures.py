"""Markdown rule fixtures in, cases out: a heading names a case, a ```diff block is a file's diff body, and
`//~ rule "text"` at the end of a line claims a finding there (`//~ todo rule` a known miss)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

_CLAIM = re.compile(r"\s*//~\s*(todo\s+)?([a-z-]+)(?:\s+(low|medium|high))?(?:\s+\"([^\"]*)\")?\s*$")
_OPTION = re.compile(r"^<!--\s*(kernel|path):\s*(\S+)\s*-->$", re.MULTILINE)


@dataclass(frozen=True)
class Claim:
    rule: str
    line: str
    text: str
    confidence: str
    todo: bool


@dataclass(frozen=True)
class Case:
    """`kernel` and `path` come from `<!-- kernel: 5.10 -->` and `<!-- path: mm/x.c -->` under the heading."""

    fixture: str
    name: str
    kernel: str
    path: str
    diff: str
    claims: tuple[Claim, ...]


def cases(path: Path) -> list[Case]:
    """All cases of one fixture; a block may hold several hunks, divided by lines that start with @@."""
    found: list[Case] = []
    heading, prose, block, inside = "", "", [], False
    for row in path.read_text(encoding="utf-8").split("\n"):
        if not inside and row.startswith("#"):
            heading, prose = row.lstrip("# "), ""
        elif row.startswith("```"):
            if inside:
                found.append(_case(path, heading, prose, block))
            inside, block = row.startswith("```diff"), []
        elif inside:
            block.append(row)
        else:
            prose += row + "\n"
    return found


def _case(path: Path, heading: str, prose: str, block: list[str]) -> Case:
    options = dict(_OPTION.findall(prose))
    claims: list[Claim] = []
    rows: list[str] = []
    for row in block:
        said = []
        while match := _CLAIM.search(row):
            said.append(match.groups())
            row = row[: match.start()]
        claims += [Claim(rule, row[1:].strip(), text or "", sure or "", bool(todo)) for todo, rule, sure, text in said]
        rows.append(row or " ")
    name = options.get("path", "fs/toy/toy.c")
    return Case(path.stem, heading, options.get("kernel", "6.12"), name, _diff(name, rows), tuple(claims))


def _diff(path: str, rows: list[str]) -> str:
    """The rows as a git diff; without @@ lines they are one hunk that is the whole file, a new one if all was added."""
    hunks: list[tuple[str, list[str]]] = []
    for row in rows:
        if row.startswith("@@"):
            hunks.append((row, []))
        elif hunks:
            hunks[-1][1].append(row)
        else:
            hunks.append(("", [row]))
    made = all(row.startswith("+") for row in rows)
    source = ["new file mode 100644", "--- /dev/null"] if made else [f"--- a/{path}"]
    out = [f"diff --git a/{path} b/{path}", *source, f"+++ b/{path}"]
    at = 1
    for section, body in hunks:
        old, new = (sum(row[:1] in (" ", mark) for row in body) for mark in "-+")
        first = 0 if made else at
        out.append(f"@@ -{first},{old} +{at},{new} @@ {section.strip('@ ')}".rstrip())
        out += body
        at += max(old, new) + 100
    return "\n".join(out) + "\n"


FOLDER = Path(__file__).parents[1] / "rules"
CASES = [case for path in sorted(FOLDER.glob("*.md")) for case in cases(path)]
