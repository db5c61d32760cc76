"""Writes the tables as plain text for a terminal: the flag-scope matrix, one row of it, the rules, one rule."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from difflib import get_close_matches
from functools import partial
from textwrap import fill as filled
from textwrap import indent

from msgspec import Struct

from reviewbot.kernel.rows import strings
from reviewbot.model.errors import UsageError
from reviewbot.model.kernel import Data, Flag, Kernel, Lifetime, Rule, ScopeCall, ScopeKind, Verdict, Version
from reviewbot.report.reply.wrap import readable
from reviewbot.report.terminal.tabulated import tabulated

fill = partial(filled, break_long_words=False, break_on_hyphens=False)

NARROWEST = 60
WIDE = 110  # the scope calls get a column of their own
INDENT = "    "
LEGEND = (
    "safe: nested allocations still behave as their callers expect. unsafe: some nested allocation breaks. "
    "pointless: harmless but useless. context: depends on what runs inside the scope. none: no scope applies."
)


class MatrixRows(Struct, frozen=True):
    """Rows of the tables: flags of a kernel version, scopes, and how long names of any version live."""

    flags: tuple[Flag, ...]
    scopes: tuple[ScopeKind, ...]
    spans: tuple[Lifetime, ...]


def matrix(kernel: Kernel, name: str | None, width: int) -> str:
    """The whole matrix at this kernel version, or what it says of one flag, task flag, scope or scope call.

    `name`: in upper or lower case, None for all; `width`: columns. Raises UsageError, with near matches, for a name
    that is not in the tables.
    """
    width = max(width, NARROWEST)
    if name is None:
        return _whole(kernel, width)
    found = matrix_rows(kernel, name)
    parts = [_flag(flag, kernel, width) for flag in found.flags]
    parts += [_scope(scope, kernel, width) for scope in found.scopes]
    if not found.flags:
        parts += [_life(span, kernel.version, width) for span in found.spans]
    return "\n\n".join(parts) + "\n"


def matrix_rows(kernel: Kernel, name: str | None) -> MatrixRows:
    """What the tables have for a name, as for matrix(); all of them for None."""
    if name is None:
        return MatrixRows((*kernel.flags.values(),), (*kernel.scopes.values(),), (*kernel.spans.values(),))
    wanted = name.strip().removesuffix("()").casefold()
    flags = tuple(flag for flag in kernel.flags.values() if flag.name.casefold() == wanted)
    spans = tuple(span for span in kernel.spans.values() if span.name.casefold() == wanted)
    scopes = tuple(scope for scope in kernel.scopes.values() if wanted in map(str.casefold, _called(scope)))
    if not (flags or spans or scopes):
        raise UsageError(_unknown("flag or scope", name, {*kernel.spans, *matrix_names(kernel)}))
    return MatrixRows(flags, scopes, spans)


def matrix_names(kernel: Kernel) -> set[str]:
    """The flags, scopes and scope calls of this kernel version: what matrix() knows something about."""
    return {*kernel.flags, *(name for scope in kernel.scopes.values() for name in _called(scope))}


def rules_list(rules: Sequence[Rule], width: int, rows: bool = False) -> str:
    """A table with one row for each rule: id, severity, confidence, summary. `rows`: and one of the roots."""
    width = max(width, NARROWEST)
    listed = [(rule.id, rule.severity, rule.confidence, readable(rule.summary)) for rule in rules]
    table = tabulated([("RULE", "SEVERITY", "CONFIDENCE", "PROBLEM"), *listed], width, 1)
    roots = sorted(set(_roots(rules))) if rows else []
    return f"{table}\n{tabulated([('ROOT', 'CONTEXT', 'WHERE AND WHY'), *roots], width, 1)}" if roots else table


def find_rule(rules: Sequence[Rule], name: str) -> Rule:
    """The rule with this id, in upper or lower case. Raises UsageError, with near matches, where there is none."""
    wanted = name.strip().casefold()
    for rule in rules:
        if rule.id == wanted:
            return rule
    raise UsageError(_unknown("rule", name, {rule.id for rule in rules}))


def rule(rule: Rule, kernel: Kernel, width: int, rows: bool = False) -> str:
    """One rule: what it finds, what a draft says, why it matters, what to do, examples, flags; `rows`: and its data."""
    width = max(width, NARROWEST)
    needs = "needs the whole file" if rule.depth == "file" else "seen in the diff"
    head = f"{rule.id}: {rule.severity}, {rule.confidence} confidence, {needs}{_between(rule)}"
    parts = [head, fill(readable(rule.summary), width)]
    parts += [f"{title}\n{_prose(text, width)}" for title, text in (("WHY", rule.why), ("FIX", rule.fix))]
    for title, examples in (("BAD", rule.bad), ("GOOD", rule.good)):
        parts += [f"{title}\n{_code(example)}" for example in examples]
    said = [("IN A DRAFT", rule.question), ("IN A DRAFT, IF LESS SURE", rule.ask)]
    parts += [f"{title}\n{_prose(text, width)}" for title, text in said if text]
    if rule.rows and rows:
        parts.append("ROWS\n" + "\n".join(_item(_row(row), width) for row in rule.rows))
    if named := named_flags(rule, kernel):
        parts.append(tabulated([("FLAG", "SET", "CLEAR", "WHY"), *map(_short, named)], width, 1).rstrip())
    if rule.see:
        parts.append("SEE\n" + "\n".join(_item(reference, width) for reference in rule.see))
    return "\n\n".join(parts) + "\n"


# --- the whole ---


def _whole(kernel: Kernel, width: int) -> str:
    bits = [flag for flag in kernel.flags.values() if flag.kind == "bit"]
    compounds = [flag for flag in kernel.flags.values() if flag.kind != "bit"]
    wide = width >= WIDE
    head = ("SCOPE CALL", "REQUESTED") if wide else ("SCOPE CALL; REQUESTED",)
    flags: list[tuple[str, ...]] = [("FLAG", "SET", "CLEAR", *head)]
    for flag in bits:
        call, asked = ", ".join(flag.api), flag.requested
        both = "; ".join(filter(None, (call, asked and f"requested: {asked}")))
        rest = (call or "-", asked or "-") if wide else (both or "-",)
        flags.append((flag.name, flag.on.word, flag.off.word, *rest))
    masks = [(flag.name, flag.on.word, flag.off.word, _spelled(flag, kernel)) for flag in compounds]
    scopes = [
        (scope.name, scope.verdict if scope.flag else scope.family, _effect(scope), ", ".join(_entered(scope)) or "-")
        for scope in kernel.scopes.values()
    ]
    gone = [span.name for span in kernel.spans.values() if not span.holds(kernel.version)]
    parts = [
        fill(
            f"Linux {_text(kernel.version)}: may a scope set or clear a flag for every allocation made below it?", width
        ),
        tabulated(flags, width, 2 if wide else 1),
        fill(LEGEND, width) + "\n",
        tabulated([("COMPOUND", "SET", "CLEAR", "HOLDS"), *masks], width, 1),
    ]
    if scopes:
        parts.append(tabulated([("SCOPE", "VERDICT", "EFFECT", "ENTERED BY"), *scopes], width, 2))
    parts.append(f"NOT IN THIS VERSION\n{_prose(', '.join(gone) or '-', width)}\n")
    return "\n".join(part if part.endswith("\n") else part + "\n" for part in parts)


def _spelled(flag: Flag, kernel: Kernel) -> str:
    """The bits of a compound, in terms of the largest compound listed above it, or of what it lacks if that is less."""
    if flag.bits == kernel.bits:
        return "every bit"
    if len(flag.bits) * 2 > len(kernel.bits):
        return f"every bit but {_listed(kernel.bits - flag.bits)}"
    masks = [each for each in kernel.flags.values() if each.kind != "bit"]
    inner = [each for each in masks[: masks.index(flag)] if each.bits < flag.bits and len(each.bits) > 1]
    if not inner:
        return _listed(flag.bits)
    largest = max(inner, key=lambda each: len(each.bits))
    return f"{largest.name}, {_listed(flag.bits - largest.bits)}"


# --- one flag ---


def _flag(flag: Flag, kernel: Kernel, width: int) -> str:
    kind = " ".join(filter(None, (flag.group, flag.kind, "for mm/ alone" if flag.internal else "")))
    parts = [f"{flag.name} ({kind})", _prose(flag.meaning, width)]
    if flag.kind == "bit":
        holders = [each.name for each in kernel.flags.values() if each.kind != "bit" and flag.name in each.bits]
        parts.append(_prose(f"Held by: {', '.join(holders) or 'no compound'}.", width))
    else:
        parts.append(_prose(f"Bits at {_text(kernel.version)}: {_listed(flag.bits)}.", width))
    parts += [_verdict("sets", flag.on, width), _verdict("clears", flag.off, width)]
    parts.append(_prose(f"Scope call today: {', '.join(flag.api) or 'none'}.", width))
    if flag.requested:
        parts.append(_prose(f"Requested: {flag.requested}.", width))
    span = kernel.spans.get(flag.name)
    if span and (span.since or span.until):
        parts.append(_life(span, kernel.version, width))
    return "\n".join(parts)


def _verdict(does: str, verdict: Verdict, width: int) -> str:
    reason = _prose(verdict.why, width)
    return f"A scope that {does} it: {verdict.word}\n{reason}\n{_prose(f'[{verdict.source}]', width)}"


def _life(span: Lifetime, version: Version, width: int) -> str:
    ends = [f"since {_text(span.since)}"] if span.since else []
    ends += [f"before {_text(span.until)}"] if span.until else []
    lifetime = "no kernel version has it" if span.never else f"in kernels {' and '.join(ends) or 'of every version'}"
    here = "" if span.holds(version) or span.never else f"; {_text(version)} does not have it"
    instead = f" Use {span.instead}." if span.instead else ""
    note = f" {span.note}" if span.note else ""
    return fill(f"{span.name}: {lifetime}{here}.{instead}{note}", width, subsequent_indent=INDENT)


# --- one scope ---


def _scope(scope: ScopeKind, kernel: Kernel, width: int) -> str:
    parts = [f"{scope.name} ({scope.family} scope{', ' + scope.flag if scope.flag else ''}): {scope.verdict}"]
    parts += [_prose(text, width) for text in (scope.why, scope.source and f"[{scope.source}]") if text]
    parts.append(_prose(f"Effect: {_effect(scope)}.", width))
    parts.append(_prose(f"Entered by: {', '.join(_entered(scope)) or 'nothing at this version'}.", width))
    parts.append(_prose(f"Left by: {', '.join(_gate(gate) for gate in scope.leave) or 'the end of its block'}.", width))
    changed, same = _changed(scope, kernel)
    if changed:
        parts.append("A request made inside it:")
        parts.append(tabulated([("WRITTEN", "MEANS"), *changed], width, 1, INDENT).rstrip())
        if same:
            parts.append(_prose(f"The same as outside: {', '.join(same)}.", width))
    if scope.flag in kernel.spans:
        parts.append(_life(kernel.spans[scope.flag], kernel.version, width))
    return "\n".join(parts)


def _changed(scope: ScopeKind, kernel: Kernel) -> tuple[list[tuple[str, str]], list[str]]:
    """The usual masks that the scope changes, each with what it means inside; and the names of those it does not."""
    masks = [flag for flag in kernel.flags.values() if flag.base and flag.group == "request" and not flag.internal]
    rows, same = [], []
    for flag in masks:
        after = (flag.bits - scope.clears) | scope.sets
        if after == flag.bits:
            same.append(flag.name)
        else:
            rows.append((flag.name, _sum(after, masks)))
    return rows, same


def _sum(bits: frozenset[str], masks: Sequence[Flag]) -> str:
    """Bits as a person would write them: the largest of the usual masks within, or-ed with the rest."""
    within = [flag for flag in masks if flag.bits <= bits]
    base = max(within, key=lambda flag: len(flag.bits), default=None)
    rest = sorted(bits - base.bits if base else bits)
    return " | ".join([base.name, *rest] if base else rest) or "nothing"


def _effect(scope: ScopeKind) -> str:
    effects = [f"takes away {_listed(scope.clears)}"] if scope.clears else []
    effects += [f"adds {_listed(scope.sets)}"] if scope.sets else []
    effects += ["nothing below may sleep"] if scope.atomic else []
    return "; ".join(effects) or "leaves the mask as it is"


def _entered(scope: ScopeKind) -> list[str]:
    return [*map(_gate, scope.enter), *(f"guard({name})" for name in scope.guards)]


def _gate(gate: ScopeCall) -> str:
    when = f" when it returns {gate.when}" if gate.when else ""
    return f"{gate.call}({gate.has}){when}"


def _called(scope: ScopeKind) -> set[str]:
    """Every name that stands for the scope: its own, its flag, its guards and its calls."""
    gates = (*scope.enter, *scope.leave)
    return {scope.name, scope.flag, *scope.guards, *(gate.call for gate in gates)} - {""}


# --- rules ---


def named_flags(rule: Rule, kernel: Kernel) -> list[Flag]:
    """The bits that the rule's texts and rows name, in the order of the matrix."""
    texts = [rule.summary, rule.question, rule.ask, rule.why, rule.fix, *map(_row, rule.rows)]
    words = {word for text in texts for word in re.findall(r"\w+", text)}
    return [flag for flag in kernel.flags.values() if flag.kind == "bit" and flag.name in words]


def _short(flag: Flag) -> tuple[str, str, str, str]:
    reason = flag.on.why if flag.on.why == flag.off.why else f"set: {flag.on.why} clear: {flag.off.why}"
    return flag.name, flag.on.word, flag.off.word, reason


def _row(row: Mapping[str, Data]) -> str:
    return "; ".join(f"{key}: {', '.join(value) if isinstance(value, tuple) else value}" for key, value in row.items())


def _between(rule: Rule) -> str:
    since = f", since {_text(rule.since)}" if rule.since else ""
    return since + (f", until {_text(rule.until)}" if rule.until else "")


def _roots(rules: Sequence[Rule]) -> Iterator[tuple[str, str, str]]:
    """The functions that a list knows by name, with their contexts, files and notes."""
    for row in (row for rule in rules for row in rule.rows if "context" in row):
        said = ": ".join(str(row[key]) for key in ("file", "note") if key in row)
        for name in strings(row, "functions"):
            yield name, str(row["context"]), said


# --- layout ---


def _text(version: Version) -> str:
    return f"{version[0]}.{version[1]}"


def _listed(names: Iterable[str]) -> str:
    return ", ".join(sorted(names)) or "nothing"


def _prose(text: str, width: int) -> str:
    paragraphs = [readable(paragraph) for paragraph in re.split(r"\n[ \t]*\n", text)]
    return "\n\n".join(
        fill(paragraph, width, initial_indent=INDENT, subsequent_indent=INDENT) for paragraph in paragraphs
    )


def _code(text: str) -> str:
    """An example as it is written, indented, with tabs of eight columns."""
    return indent(text.strip("\n").expandtabs(8), INDENT)


def _item(text: str, width: int) -> str:
    lead = f"{INDENT[2:]}- "
    return fill(readable(text), width, initial_indent=lead, subsequent_indent=" " * len(lead))


def _unknown(what: str, name: str, known: Iterable[str]) -> str:
    by_case = {each.casefold(): each for each in known}
    near = [by_case[each] for each in get_close_matches(name.strip().casefold(), by_case, 4, 0.5)]
    return f"no {what} {name!r}" + (f"; did you mean {', '.join(near)}?" if near else "")
