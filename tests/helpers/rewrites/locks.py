"""Ways to write a lock: as a guard, or through a pointer to it."""

from __future__ import annotations

from rewrites.ctext import Call, Edit, Function, Statement, calls, edited, functions, indent, source, statements, tokens
from rewrites.pair import Pair, each, fresh, opening

# what takes a lock: what gives it back, and its name in guard()
GUARDS = {
    "spin_lock": ("spin_unlock", "spinlock"),
    "spin_lock_irq": ("spin_unlock_irq", "spinlock_irq"),
    "spin_lock_irqsave": ("spin_unlock_irqrestore", "spinlock_irqsave"),
    "spin_lock_bh": ("spin_unlock_bh", "spinlock_bh"),
    "raw_spin_lock": ("raw_spin_unlock", "raw_spinlock"),
    "raw_spin_lock_irq": ("raw_spin_unlock_irq", "raw_spinlock_irq"),
    "raw_spin_lock_irqsave": ("raw_spin_unlock_irqrestore", "raw_spinlock_irqsave"),
    "read_lock": ("read_unlock", "read_lock"),
    "write_lock": ("write_unlock", "write_lock"),
    "mutex_lock": ("mutex_unlock", "mutex"),
    "down_read": ("up_read", "rwsem_read"),
    "down_write": ("up_write", "rwsem_write"),
    "rcu_read_lock": ("rcu_read_unlock", "rcu"),
    "preempt_disable": ("preempt_enable", "preempt"),
    "local_irq_disable": ("local_irq_enable", "irq"),
    "local_irq_save": ("local_irq_restore", "irqsave"),
}
POINTERS = {"spin_lock": "spinlock_t", "raw_spin_lock": "raw_spinlock_t", "mutex_lock": "struct mutex"}


def _alone(text: str, told: list[Statement], name: str) -> list[tuple[Statement, Call]]:
    """The statements that are one call of a name, which no condition governs."""
    out = []
    for one in told:
        first = calls(text, one.first, one.last)[:1] if one.kind == "simple" and not one.governed else []
        if first and first[0].name == name and (first[0].at, first[0].last) == (one.first, one.last - 1):
            out.append((one, first[0]))
    return out


def guard(pair: Pair) -> Pair | None:
    """guard(spinlock)(&x); for the one pair of a function, scoped_guard() if something follows."""

    def rewrite(text: str) -> str:
        return edited(text, [edit for function in functions(text) for edit in _guarded(text, function)])

    return each(pair, rewrite) if tuple(map(int, pair.kernel.split("."))) >= (6, 6) else None


def _guarded(text: str, function: Function) -> list[Edit]:
    told, made = statements(text, function), calls(text, function.first, function.last)
    if any(one.kind in ("goto", "label") for one in told):
        return []
    for name, (leave, kind) in GUARDS.items():
        taken, given = _alone(text, told, name), _alone(text, told, leave)
        used = [call for call in made if call.name in (name, leave)]
        if len(taken) == len(given) == 1 and len(used) == 2 and taken[0][0].block == given[0][0].block:
            return _pair(text, told, (taken[0], given[0]), kind)
    return []


def _pair(
    text: str, told: list[Statement], both: tuple[tuple[Statement, Call], tuple[Statement, Call]], kind: str
) -> list[Edit]:
    """The edits for one pair; its first argument is the lock if it has one that is no place for saved flags."""
    toks = tokens(text)
    (enter, call), (leave, _) = both
    first, last = toks[enter.first].start, toks[enter.last].end
    lock = "" if kind in ("irq", "irqsave", "rcu", "preempt") or not call.args else source(text, *call.args[0])
    after = [one for one in told if one.block == leave.block and one.first > leave.last]
    harmless = all(one.kind == "return" and not calls(text, one.first, one.last) for one in after)
    gone = _row(text, toks[leave.first].start, toks[leave.last].end)
    if harmless:
        return [Edit(first, last, f"guard({kind})({lock});"), gone]
    inside = [one for one in told if enter.last < one.first < leave.first]
    blanks = indent(text, first)
    if blanks is None or any(one.kind in ("return", "break", "continue") for one in inside):
        return []
    if any(one.kind == "declaration" and one.block == enter.block for one in inside):
        return []
    args = f"{kind}, {lock}" if lock else kind
    return [
        Edit(first, last, f"scoped_guard({args}) {{"),
        *_deeper(text, last, gone.start),
        Edit(gone.start, gone.end, f"{blanks}}}\n"),
    ]


def _row(text: str, start: int, end: int) -> Edit:
    """The edit that takes away a statement with its row."""
    if indent(text, start) is None or text[end : end + 1] != "\n":
        return Edit(start, end, "")
    return Edit(text.rfind("\n", 0, start) + 1, end + 1, "")


def _deeper(text: str, start: int, end: int) -> list[Edit]:
    """One tab more for each row that begins between two places."""
    starts = [at + 1 for at in range(start, end - 1) if text[at] == "\n" and text[at + 1] != "\n"]
    return [Edit(at, at, "\t") for at in starts]


def pointer(pair: Pair) -> Pair | None:
    """spinlock_t *lock = &t->lock; spin_lock(lock); for spin_lock(&t->lock)."""
    name = fresh(pair, "toy_guard_lock")

    def rewrite(text: str) -> str:
        return edited(text, [edit for function in functions(text) for edit in _pointed(text, function, name)])

    return each(pair, rewrite)


def _pointed(text: str, function: Function, name: str) -> list[Edit]:
    """One lock of one parameter, for the pointer is set at the top of the function."""
    params = {one.text for one in tokens(text)[function.opens : function.closes]}
    made = calls(text, function.first, function.last)
    for enter, kind in POINTERS.items():
        locks = {source(text, *call.args[0]) for call in made if call.name.startswith(enter) and call.args}
        if len(locks) != 1:
            continue
        lock = locks.pop()
        words = [one.text for one in tokens(lock)]
        if words[:1] != ["&"] or words[1] not in params or "[" in words:
            continue
        head = opening(text, function, f"\t{kind} *{name} = {lock};\n")
        uses = [call.args[0] for call in made if call.args and source(text, *call.args[0]) == lock]
        toks = tokens(text)
        return [head, *(Edit(toks[a].start, toks[b].end, name) for a, b in uses)] if head else []
    return []


def helpers(pair: Pair) -> Pair | None:
    """static void toy_hold_lock(struct toy *t) { spin_lock(&t->lock); }, and one for the unlock."""

    def rewrite(text: str) -> str:
        return edited(text, [edit for function in functions(text) for edit in _helped(text, function)])

    return each(pair, rewrite) if len(functions(pair.after)) == 1 else None


def _helped(text: str, function: Function) -> list[Edit]:
    """The one lock of the one function, if it is in a structure that a parameter points to."""
    toks, made = tokens(text), calls(text, function.first, function.last)
    params = source(text, function.opens + 1, function.closes - 1).split(", ")
    for enter, (leave, _) in GUARDS.items():
        both = [call for call in made if call.name in (enter, leave)]
        locks = {tuple(source(text, *part) for part in call.args) for call in both}
        if {call.name for call in both} != {enter, leave} or len(locks) != 1 or len(both[0].args) != 1:
            continue
        lock = locks.pop()[0]
        param = next((one for one in params if "struct " in one and lock.startswith(f"&{one.split('*')[-1]}->")), None)
        if param is None:
            continue
        name = param.split("*")[-1]
        rows = [
            f"static void toy_hold_{word}({param})\n{{\n\t{call}({lock});\n}}\n\n"
            for word, call in (("lock", enter), ("unlock", leave))
        ]
        words = {enter: "lock", leave: "unlock"}
        uses = [Edit(toks[one.at].start, toks[one.last].end, f"toy_hold_{words[one.name]}({name})") for one in both]
        place = toks[function.head].start
        return [Edit(place, place, "".join(rows)), *uses]
    return []
