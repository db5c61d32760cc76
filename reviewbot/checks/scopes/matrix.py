"""Checks what opens a scope against the flag-scope matrix: unsafe scopes, new ones, those opened by hand."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import NamedTuple

from reviewbot.checks.declaration import Trigger, check, no_role
from reviewbot.frontend.instructions import Expr, Instruction
from reviewbot.kernel.rows import row_words, strings
from reviewbot.model.kernel import Kernel, Rule, ScopeKind, Verdict
from reviewbot.program.context import Context, Hit
from reviewbot.program.file_version import FileVersion, expressions
from reviewbot.program.query import instruction_rows
from reviewbot.program.unit import FunctionUnit

_MAIL = "https://"  # how a source begins that is a mail


class Cell(NamedTuple):
    """One cell of the matrix: a bit, and whether a scope "clears" or "sets" it."""

    bit: str
    way: str


def is_home(side: FileVersion, context: Context) -> bool:
    """Whether the file is where scopes are implemented."""
    return side.path in context.kernel.words["scope_home"]


# --- unsafe-scope ---


@check(
    triggers=(Trigger.MASK_CHANGED,), keys=no_role("clears", "saves", "sets", "stem"), values=("scope", "source", "why")
)
def unsafe_scope(side: FileVersion, rule: Rule, context: Context) -> Iterator[Hit]:
    """A step that opens a scope whose row in _scopes.toml says unsafe, or names its flag to what may open it.

    Rows: as in new_scope_api(), for save helpers that no version has: by its name alone the scope is one of those.
    """
    if is_home(side, context):
        return
    for unit in side.units:
        for step in unit.steps:
            yield from _proposed(unit, step, rule, context)
            named = [part for expr in expressions(step) for part in _given(expr)] if _may_open(step, context) else []
            scopes = _opened(step, [part.text for part in named], context)
            bad = next((scope for scope in scopes if scope.verdict == "unsafe"), None)
            if bad is None:
                continue
            what = bad.flag if any(part.text == bad.flag for part in named) else f"{step.name}()"
            rows = [part.line for part in named if part.text == bad.flag]
            values = {
                "scope": what,
                "why": bad.why,
                "source": _sources(_cells(scopes), context.kernel),
            }
            yield Hit((*rows, *step.lines), unit.function.name, f"{step.name} {what}", values)


def _proposed(unit: FunctionUnit, step: Instruction, rule: Rule, context: Context) -> Iterator[Hit]:
    """A call of a save helper that the series, or a tree of its own, brings along."""
    if step.kind != "call" or step.name in context.lookup.enter or not _saves(step.name, rule):
        return
    cells = _meant(step.name, rule, context.kernel)
    unsafe = [(cell, verdict.why) for cell in cells if (verdict := _verdict(cell, context.kernel)).word == "unsafe"]
    if unsafe:
        (bit, way), reason = unsafe[0]
        what = f"{step.name}()"
        values = {
            "scope": what,
            "why": f"Judging by its name it {way} {bit}. {reason}",
            "source": _sources(cells, context.kernel),
        }
        yield Hit(step.lines, unit.function.name, what, values)


def _may_open(step: Instruction, context: Context) -> bool:
    """A call that does more than close a scope, or bits put into a word of flags."""
    if step.kind == "call":
        return step.name in context.lookup.enter or step.name not in context.lookup.leave
    return step.kind == "assign" and step.op == "|="


def _given(expr: Expr) -> Iterator[Expr]:
    """The names that are handed over as bits: not those that are masked, compared or looked up."""
    if expr.op == "name":
        yield expr
    elif expr.op == "|" or (expr.op == "?:" and len(expr.args) == 3):
        for arg in expr.args[-2:]:
            yield from _given(arg)


def _opened(step: Instruction, names: Sequence[str], context: Context) -> list[ScopeKind]:
    """The scopes whose flags are named, each once, and those that the call opens whatever it is told."""
    by_flag: dict[str, ScopeKind] = {}
    for scope in context.kernel.scopes.values():
        if scope.flag in names and scope.family == "memalloc":
            by_flag.setdefault(scope.flag, scope)
    fixed = [scope for scope, gate in context.lookup.enter.get(step.name, ()) if not gate.has]
    return [*by_flag.values(), *fixed]


# --- new-scope-api ---


@check(
    triggers=(Trigger.MASK_CHANGED,),
    keys=no_role("clears", "functions", "prefixes", "saves", "sets", "stem"),
    values=("matrix", "what"),
)
def new_scope_api(side: FileVersion, rule: Rule, context: Context) -> Iterator[Hit]:
    """A new scope: a PF_ bit, a save helper, or a branch of the function that applies scopes to a mask.

    Rows: `prefixes` of the bits, `functions` that apply scopes, `saves` the affixes of a save helper; then
    one a `stem` of a name, with the bits that it says a scope `clears` or `sets`.
    """
    prefixes = strings(rule.rows[0], "prefixes")
    for define in {define.name: define for define in reversed(side.defines)}.values():  # the first of several halves
        if define.name.startswith(prefixes) and not _alive(define.name, context.kernel):
            values = _new(define.name, _meant(define.name, rule, context.kernel), context.kernel)
            yield Hit((define.row,), "", define.name, values)
    for unit in side.units:
        name = unit.function.name
        if name in row_words(rule, "functions"):
            yield from _branches(unit, context)
        elif unit.function.starts and _saves(name, rule) and name not in context.lookup.enter:
            named = [name, *dict.fromkeys(part.text for part in _walk(unit) if part.text.startswith(prefixes))]
            cells = [cell for one in named for cell in _meant(one, rule, context.kernel)]
            values = _new(f"{name}()", cells, context.kernel)
            yield Hit(tuple(range(unit.function.head[0], unit.function.head[1] + 1)), name, "save", values)


def _new(what: str, cells: Sequence[Cell], kernel: Kernel) -> dict[str, str]:
    return {"what": what, "matrix": _matrix(cells, kernel)}


def _alive(name: str, kernel: Kernel) -> bool:
    """A name that this version has already: what is reverted and comes back is new once more."""
    return name in kernel.spans and kernel.spans[name].holds(kernel.version)


def _saves(name: str, rule: Rule) -> bool:
    first, last = strings(rule.rows[0], "saves")
    return name.startswith(first) and name.endswith(last)


def _walk(unit: FunctionUnit) -> Iterator[Expr]:
    for step in unit.steps:
        for expr in expressions(step):
            yield from expr.walk()


def _branches(unit: FunctionUnit, context: Context) -> Iterator[Hit]:
    """Bits that a branch takes or adds, unless a scope of this version is there for just these."""
    for step in unit.steps:
        if step.kind != "assign" or step.op not in ("&=", "|=") or step.value is None:
            continue
        named = [part for part in step.value.walk() if part.op == "name" and part.text in context.kernel.flags]
        way = "clears" if step.op == "&=" else "sets"
        cells = [Cell(part.text, way) for part in named]
        if not cells or _has_scope(cells, context.kernel):
            continue
        doing = "clearing" if way == "clears" else "setting"
        what = f"{doing} {' and '.join(cell.bit for cell in cells)} in {unit.function.name}()"
        rows = (*(part.line for part in named), *step.lines)
        yield Hit(rows, unit.function.name, step.value.text, _new(what, cells, context.kernel))


def _has_scope(cells: Sequence[Cell], kernel: Kernel) -> bool:
    bits, way = frozenset(cell.bit for cell in cells), cells[0].way
    known = (scope for scope in kernel.scopes.values() if scope.family == "memalloc" and scope.verdict != "unsafe")
    return any((scope.clears if way == "clears" else scope.sets) == bits for scope in known)


def _meant(name: str, rule: Rule, kernel: Kernel) -> list[Cell]:
    """The bits that a new name speaks of: PF_MEMALLOC_NOLOCKDEP sets __GFP_NOLOCKDEP, _NOFS clears __GFP_FS."""
    stem = name.upper().removesuffix("_SAVE").rsplit("_", 1)[-1]
    for row in rule.rows:
        if stem in strings(row, "stem"):
            return [Cell(bit, way) for way in ("clears", "sets") for bit in strings(row, way) if bit in kernel.flags]
    found = []
    for flag in kernel.flags.values():
        word = flag.name.lstrip("_").split("_", 1)[-1]
        if flag.kind == "bit" and word == stem:
            found.append(Cell(flag.name, "sets"))
        elif flag.kind == "bit" and f"NO{word}" == stem:
            found.append(Cell(flag.name, "clears"))
    return found


# --- what the matrix says ---


def _cells(scopes: Sequence[ScopeKind]) -> list[Cell]:
    cleared = [Cell(bit, "clears") for scope in scopes for bit in sorted(scope.clears)]
    return [*cleared, *(Cell(bit, "sets") for scope in scopes for bit in sorted(scope.sets))]


def _matrix(cells: Sequence[Cell], kernel: Kernel) -> str:
    """What the matrix says of each bit, with the reasons; a source is named once, a mail in a line of its own."""
    said: list[str] = []
    by_source: dict[str, list[tuple[Cell, Verdict]]] = {}
    for cell in dict.fromkeys(cells):
        verdict = _verdict(cell, kernel)
        by_source.setdefault(verdict.source, []).append((cell, verdict))
    for source, group in by_source.items():
        words_ = [f"that {cell.way} {cell.bit} is {_word(verdict)}" for cell, verdict in group]
        mail = source.startswith(_MAIL)
        sentence = f"A scope {' and one '.join(words_)}{'' if mail else f' ({source})'}."
        why = dict.fromkeys(verdict.why for _, verdict in group)
        said.append(" ".join((sentence, *why)) + (f"\n\n{_named(source)}" if mail else ""))
    return "\n\n".join(said)


def _sources(cells: Sequence[Cell], kernel: Kernel) -> str:
    """Where the verdicts on the bits come from, a paragraph each."""
    return "\n\n".join(dict.fromkeys(_named(_verdict(cell, kernel).source) for cell in cells))


def _named(source: str) -> str:
    """Where to read it. No "Link:" before an address: b4 takes that for a trailer and puts it into the commit."""
    return f"See {source}{'' if source.startswith(_MAIL) else '.'}"


def _verdict(cell: Cell, kernel: Kernel) -> Verdict:
    flag = kernel.flags[cell.bit]
    return flag.off if cell.way == "clears" else flag.on


def _word(verdict: Verdict) -> str:
    """A verdict as the end of "a scope that clears it is ..."."""
    return {"context": "safe only in some contexts", "none": "not covered"}.get(verdict.word, verdict.word)


# --- open-coded-scope ---


@check(
    triggers=(Trigger.MASK_CHANGED,),
    keys=no_role("calls", "keepers", "targets", "threads"),
    values=("flag", "pair", "why"),
)
def open_coded_scope(side: FileVersion, rule: Rule, context: Context) -> Iterator[Hit]:
    """The task's flags changed by hand with a scope's bit.

    Rows: `targets`, lvalues; `calls`, macros that do it; `keepers`, calls that put a word back as it was, so that
    what is done by hand nests all the same; `threads`, calls of a thread that may keep a bit for life.
    """
    if is_home(side, context):
        return
    scopes = context.kernel.scopes.values()
    flagged = {scope.flag for scope in scopes if scope.family == "memalloc" and scope.verdict != "unsafe"} - {""}
    for unit in side.units:
        called = {step.name for step in unit.steps if step.kind == "call"}
        thread = is_thread(unit) or bool(called & row_words(rule, "threads"))
        targets = _targets(unit, rule)
        found: dict[str, list[Instruction]] = {}
        kept = bool(called & row_words(rule, "keepers")) or any(_puts_back(step, targets) for step in unit.steps)
        for step in unit.steps if not kept else ():
            macro = step.kind == "call" and step.name in row_words(rule, "calls")
            by_hand = step.kind == "assign" and step.op in ("|=", "&=", "=") and step.target in targets
            named = [part.text for expr in expressions(step) for part in expr.walk() if part.text in flagged]
            if named and (macro or by_hand) and not (thread and step.op == "|="):
                found.setdefault(named[0], []).append(step)
        for flag, steps in found.items():  # one remark for all that is done to a flag
            values = {"flag": flag, "pair": _pair(flag, context.kernel), "why": _by_hand(steps[0], flag)}
            yield Hit(tuple(row for step in steps for row in instruction_rows(step)), unit.function.name, flag, values)


def _targets(unit: FunctionUnit, rule: Rule) -> frozenset[str]:
    """The lvalues of the rule, also by a variable that is the same task all through the function."""
    listed = row_words(rule, "targets")
    given = [step for step in unit.steps if step.kind == "assign" and step.op]
    names = [step.target for step in given]
    found = set(listed)
    for step in given:
        if step.op == "=" and step.value is not None and names.count(step.target) == 1:
            task = f"{step.value.text}->"
            found |= {f"{step.target}->{one.removeprefix(task)}" for one in listed if one.startswith(task)}
    return frozenset(found)


def _puts_back(step: Instruction, targets: Collection[str]) -> bool:
    """The whole word gets the value that it had before."""
    whole = step.kind == "assign" and step.op == "=" and step.target in targets
    return whole and step.value is not None and step.value.op in ("name", "field")


def _by_hand(step: Instruction, flag: str) -> str:
    if step.name:
        return f"{step.name}() open-codes them."
    return f"They restore the previous state; clearing {flag} by hand also ends a scope opened by the caller."


def is_thread(unit: FunctionUnit) -> bool:
    """A function of the shape that kthread_create() takes: one pointer to anything."""
    return tuple(kind for kind, _ in unit.function.params) == ("void",) and bool(unit.function.params[0][1])


def _pair(flag: str, kernel: Kernel) -> str:
    """The save and restore calls for a PF_ bit."""
    for scope in kernel.scopes.values():
        if scope.flag == flag and scope.family == "memalloc":
            enter = next((gate for gate in scope.enter if gate.token == "result"), None)
            leave = next((gate for gate in scope.leave if gate.token == "0"), None)
            if enter and leave:
                return f"{enter.call}({enter.has}) and {leave.call}()"
    return "the save and restore helpers"
