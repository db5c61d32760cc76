"""Finds masks whose names do not fit: no base mask, unknown or internal flags, a mask in the wrong place.

Also splits what is written into sums of flags, for the other checks of masks.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache

from reviewbot.checks.declaration import CALLBACKS, Role, Trigger, check, no_role
from reviewbot.dataflow import mask_algebra
from reviewbot.frontend.instructions import Expr, Instruction
from reviewbot.interproc.registered.callbacks import callbacks
from reviewbot.kernel.rows import row_words, strings
from reviewbot.model.kernel import Flag, Kernel, Lifetime, Rule
from reviewbot.program.context import Context, Hit
from reviewbot.program.file_version import FileVersion, expressions
from reviewbot.program.provenance import added, evidence_of, is_plain, one_side, spelled_out
from reviewbot.program.query import allocation, flag_rows, masks_at, mentions, reached, written_mask
from reviewbot.program.unit import FunctionUnit
from reviewbot.support.patterns import pattern

Chain = tuple[Expr, ...]
_UNDER = ("&", "~", "==", "!=", "^")
_ASKS = ("", "=", "|=")  # what makes a step's flags part of a mask that is used
_OPERATOR = pattern(r"(?:(?<!\s)\s++)?(\|\||&&|[=!<>]=|<<|>>|[|?:,]|(?<=[\w)])&)\s*+")
_DIRECTIVE = pattern(r"\s*#\s*(if|ifdef|ifndef|elif|else|endif)\b(.*)")
_WORD = pattern(r"\w+")
_TAG = pattern(r"(?<=\()(struct|union|enum)(?=\w)")


def said(expr: Expr) -> str:
    """An expression as a reader wants it: one line, blanks around what joins its parts."""
    text = _OPERATOR.sub(lambda found: f" {found[1]} ", expr.text).replace(" , ", ", ")
    return _TAG.sub(r"\1 ", text)


def spelled(chain: Chain) -> str:
    """A chain of names as a reader wants it, joined by " | "."""
    return " | ".join(said(term) for term in chain)


def flag_rows_of(chain: Chain, kernel: Kernel) -> tuple[int, ...]:
    """The rows, from 0, on which the terms of a chain name flags, each once."""
    return tuple(dict.fromkeys(row for term in chain for row in flag_rows(term, kernel)))


def flag_of(term: Expr, kernel: Kernel) -> Flag | None:
    """The flag that a term is the name of."""
    return kernel.flags.get(term.text) if term.op == "name" else None


def flag_sums(unit: FunctionUnit, step: Instruction, context: Context) -> Iterator[Chain]:
    """The sums of flags that a step asks for.

    Not what stands under & or ~, is compared, or goes into a variable that only cuts other masks
    down; what stands in the arguments of a call within belongs to that call's own step.
    """
    if step.op not in _ASKS or step.name in context.lookup.tools.helpers or not mentions(step, context.kernel):
        return
    for chain in _sums(step):
        named = [flag for flag in (flag_of(term, context.kernel) for term in chain) if flag is not None]
        if named and not any(flag.group == "test" for flag in named) and not _cuts(unit, step.target):
            yield chain


def _sums(step: Instruction) -> Iterator[Chain]:
    """Every sum in a step that is not under & or ~, compared, or in the arguments of a call within."""
    todo = list(expressions(step))
    while todo:
        chain = mask_algebra.terms(todo.pop())
        yield chain
        todo.extend(arg for term in chain if term.op not in (*_UNDER, "call") for arg in term.args)


def _cuts(unit: FunctionUnit, target: str) -> bool:
    """Whether a variable is taken out of other masks, or other masks are reduced to it."""
    return target.isidentifier() and target != "return" and target in _cutting(unit)


@lru_cache(maxsize=2)  # asked for each step of one
def _cutting(unit: FunctionUnit) -> frozenset[str]:
    """All names that are: after & or &=, or below ~."""
    found: set[str] = set()
    for step in unit.steps:
        if step.op == "&=" and step.value is not None:
            found.add(step.value.text)
        whole = (step.value,) if step.op == "&=" and step.value is not None else ()
        for part in (part for expr in (*whole, *expressions(step)) for part in expr.walk()):
            bare = [arg for arg in part.args if arg.op == "name"]
            if part.op == "~":
                found.update(arg.text for arg in bare)
            elif part.op == "&" and len(bare) == 2:
                found.add(bare[1].text)
    return frozenset(found)


@check(
    triggers=(Trigger.MASK_CHANGED,),
    keys=no_role("doubtful", "except", "meant", "zero_families"),
    values=("callee", "mask"),
)
def no_base_mask(side: FileVersion, rule: Rule, context: Context) -> Iterator[Hit]:
    """An allocator's mask made of modifiers alone: no bit says whether it may reclaim.

    Rows: `except`, allocators for which a bare modifier or 0 is the documented mask; `zero_families`,
    the families where a plain 0 is surely not meant; `meant`, modifiers nobody writes without having
    thought of reclaim; `doubtful`, those that stand beside such thoughts now and then.
    """
    for unit in side.units:
        for index, step in enumerate(unit.steps):
            found = allocation(step, context.kernel)
            mask = written_mask(step, found) if found is not None else None
            if found is None or mask is None or step.name in row_words(rule, "except"):
                continue
            mask = one_side(mask)
            chain, parts = mask_algebra.terms(mask), _parts(side, unit, index, mask)
            names = {part.text for part in parts}
            known = [flag_of(part, context.kernel) for part in parts]
            zero = mask.op == "num" and mask.text == "0" and found.family in row_words(rule, "zero_families")
            bare = bool(known) and all(flag is not None and not flag.base and flag.group != "test" for flag in known)
            if zero or (bare and not names & row_words(rule, "meant") and _all_of(unit, index, mask, known, context)):
                values = {"mask": spelled(chain), "callee": step.name}
                sure = "medium" if names & row_words(rule, "doubtful") else ""
                notes = evidence_of(side, unit, index, mask, context)
                rows = (mask.line, *step.lines, *(part.line for part in parts))
                yield Hit(rows, unit.function.name, step.name, values, notes, sure)


def _all_of(unit: FunctionUnit, index: int, mask: Expr, known: list[Flag | None], context: Context) -> bool:
    """Whether nothing but these flags can be in a mask, whatever path is taken."""
    if all(flag_of(term, context.kernel) for term in mask_algebra.terms(mask)):
        return True
    bits = frozenset[str]().union(*(flag.bits for flag in known if flag is not None))
    masks = masks_at(unit, index, mask, context) if reached(unit, index) else ()
    return bool(masks) and is_plain(unit, index, mask) and all(one.may <= bits for one in masks)


def _parts(side: FileVersion, unit: FunctionUnit, index: int, mask: Expr) -> list[Expr]:
    """The names that a mask is made of, those in its variables instead of the variables."""
    steps = [unit.steps[at] for at in unit.reaching.sources(index, mask)]
    filled = {step.target for step in steps}
    todo, found = list(added(mask)), list[Expr]()
    for step in steps:
        todo += added(step.value) if step.value is not None else ()
    for part in todo:
        lists = side.defines.by_name.get(part.text, ())
        if part.text not in filled and not (lists and part.text in unit.flow.given):
            found.append(part)
        for define in lists:
            found += [Expr("name", word, (), define.row) for word in _WORD.findall(define.body) if not word.isdigit()]
    return found


@check(triggers=(Trigger.MASK_CHANGED,), keys=no_role("conditions"), values=("flag", "instead", "life", "what"))
def unknown_flag(side: FileVersion, rule: Rule, context: Context) -> Iterator[Hit]:
    """A flag's name that this kernel version does not have, though another has or people believe one does.

    Rows: `conditions`, words of an #if around it that say that the text is for several versions.
    """
    prefixes = tuple(context.kernel.words["scope_flag_prefixes"])
    for unit in side.units:
        for step in unit.steps:
            for part in (part for expr in expressions(step) for part in _outside_calls(expr)):
                span = context.kernel.spans.get(part.text) if part.op == "name" else None
                if span is None or span.holds(context.kernel.version) or part.text in context.defined:
                    continue
                if context.incomplete and not span.never:  # a patch that is not here may define it
                    continue
                if part.text in context.kernel.flags or part.text in side.defines.by_name:
                    continue
                if _conditional(side, part.line, row_words(rule, "conditions") | {part.text}):
                    continue
                what = "task flag" if part.text.startswith(prefixes) else "GFP flag"
                values = {"flag": part.text, "what": what, "life": _life(span), "instead": _instead(span)}
                replace = (part.text, span.instead) if _misspelt(step, part, span, context) else None
                yield Hit((part.line,), unit.function.name, part.text, values, replace=replace)


def _misspelt(step: Instruction, part: Expr, span: Lifetime, context: Context) -> bool:
    """Whether a name that never was is surely another one: with that one, its sum has one base mask and no flag twice.

    A name that some version had may have meant more than what is there today; a mask that is tested or cut down with
    a name may need another one.
    """
    meant = context.kernel.flags.get(span.instead) if span.never and step.op in _ASKS else None
    chain = next((chain for chain in _sums(step) if part in chain), ())
    others = [flag_of(term, context.kernel) for term in chain if term != part]
    if meant is None or not chain or any(flag is None or meant.bits <= flag.bits for flag in others):
        return False
    return sum(flag.base for flag in (meant, *others) if flag is not None) == 1


def _outside_calls(expr: Expr) -> Iterator[Expr]:
    todo = [expr]
    while todo:
        at = todo.pop()
        yield at
        todo.extend(at.args if at.op != "call" else ())


def _conditional(side: FileVersion, row: int, names: frozenset[str]) -> bool:
    """Whether a row stands inside an #if, or a branch of one, that says any of the names."""
    open_: list[bool] = []
    for text in side.rows[:row]:
        match = _DIRECTIVE.match(text)
        if match and match[1].startswith("if"):
            open_.append(False)
        if match and match[1] == "endif":
            del open_[-1:]
        elif match and open_ and not names.isdisjoint(_WORD.findall(match[2])):
            open_[-1] = True
    return any(open_)


def _life(span: Lifetime) -> str:
    since = ".".join(map(str, span.since)) if span.since else ""
    until = ".".join(map(str, span.until)) if span.until else ""
    if span.never:
        return "no kernel has ever had it"
    if since and until:
        return f"it was added in {since} and removed in {until}"
    return f"it was removed in {until}" if until else f"it was added in {since}"


def _instead(span: Lifetime) -> str:
    return f" Did you mean {span.instead}?" if span.instead else ""


@check(triggers=(Trigger.MASK_CHANGED,), keys=no_role("flags", "home", "known"), values=("flag", "meaning"))
def mm_internal_flag(side: FileVersion, rule: Rule, context: Context) -> Iterator[Hit]:
    """A flag that is for mm/ alone, written elsewhere.

    Rows: `home`, path prefixes where all may stand; `known`, prefixes of users that may have the
    flags listed in `flags`, every flag if there is no such list.
    """
    if side.path.startswith(tuple(row_words(rule, "home"))):
        return
    for unit in side.units:
        for step in unit.steps:
            for chain in flag_sums(unit, step, context):
                for term in chain:
                    flag = flag_of(term, context.kernel)
                    if flag is None or not flag.internal or flag.kind != "bit" or _may(flag.name, side.path, rule):
                        continue
                    values = {"flag": flag.name, "meaning": flag.meaning}
                    yield Hit((term.line,), unit.function.name, flag.name, values)


def _may(name: str, path: str, rule: Rule) -> bool:
    rows = (row for row in rule.rows if name in strings(row, "flags") or "flags" not in row)
    return any(path.startswith(strings(row, "known")) for row in rows)


@check(
    triggers=(Trigger.MASK_CHANGED,),
    keys={**CALLBACKS, "flags": Role.FLAGS, "paths": Role.PATHS, **no_role("families", "known")},
    values=("callee", "flag"),
)
def nofs_outside_fs(side: FileVersion, rule: Rule, context: Context) -> Iterator[Hit]:
    """A flag of file systems where there is none; rows as of _misplaced().

    Rows with `functions`, see callbacks.callbacks(): a file with one of these needs the flag.
    """
    if not any(callbacks(side, [row for row in rule.rows if "functions" in row])):
        yield from _misplaced(side, rule, context)


@check(
    triggers=(Trigger.MASK_CHANGED,),
    keys={"flags": Role.FLAGS, "paths": Role.PATHS, **no_role("families", "known")},
    values=("callee", "flag"),
)
def legacy_dma_zone(side: FileVersion, rule: Rule, context: Context) -> Iterator[Hit]:
    """A flag for the oldest devices in code for newer ones; rows as of _misplaced()."""
    return _misplaced(side, rule, context)


def _misplaced(side: FileVersion, rule: Rule, context: Context) -> Iterator[Hit]:
    """A flag that has little to look for where it is written.

    Rows: `flags`; `paths`, prefixes where to ask about them, but not below `known`; `families` of the allocators whose
    masks are looked at.
    """
    for row in rule.rows:
        if not side.path.startswith(strings(row, "paths")) or side.path.startswith(strings(row, "known")):
            continue
        for unit in side.units:
            for index, step in enumerate(unit.steps):
                found = allocation(step, context.kernel)
                mask = written_mask(step, found) if found is not None else None
                if found is None or mask is None or found.family not in strings(row, "families"):
                    continue
                for term in mask_algebra.terms(spelled_out(unit, index, mask, side.defines, context)):
                    if term.op == "name" and term.text in strings(row, "flags"):
                        values = {"flag": term.text, "callee": step.name}
                        yield Hit((*step.lines, term.line), unit.function.name, f"{step.name} {term.text}", values)


@check(
    triggers=(Trigger.MASK_CHANGED,),
    keys=no_role("except", "families", "mask_names"),
    values=("callee", "flags", "place", "right"),
)
def gfp_argument_order(side: FileVersion, rule: Rule, context: Context) -> Iterator[Hit]:
    """Flags where another argument stands, and none where the mask does.

    Rows: `families`, those whose arguments never moved; `except`, calls of them whose arguments did;
    `mask_names`, parts of names that a variable with a mask in it has.
    """
    for unit in side.units:
        for index, step in enumerate(unit.steps):
            found = allocation(step, context.kernel)
            mask = (
                written_mask(step, found) if found is not None and found.family in row_words(rule, "families") else None
            )
            if (
                found is None
                or mask is None
                or step.name in row_words(rule, "except")
                or _may_be_mask(mask, rule, context)
            ):
                continue
            for at, given in enumerate(step.args):
                arg = spelled_out(unit, index, given, side.defines, context)
                if at != found.gfp and all(flag_of(term, context.kernel) for term in mask_algebra.terms(arg)):
                    values = {
                        "callee": step.name,
                        "flags": spelled(mask_algebra.terms(arg)),
                        "place": str(at + 1),
                        "right": str((found.gfp or 0) + 1),
                    }
                    yield Hit((given.line, *step.lines), unit.function.name, step.name, values)


def _may_be_mask(expr: Expr, rule: Rule, context: Context) -> bool:
    for part in expr.walk():
        if part.op in ("name", "field", "call"):
            if mask_algebra.is_flag_name(part.text, context.kernel):
                return True
            if any(word in part.text.lower() for word in row_words(rule, "mask_names")):
                return True
    return False
