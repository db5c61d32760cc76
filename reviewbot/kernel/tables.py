"""Resolves the tables of rules/_*.toml to a Kernel at one version.

Whatever has a life (`since`, `until`) is resolved here: names, the bits of a compound, what an allocator refuses, where
its mask stands. Pure: rules.py reads the files.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from reviewbot.kernel import schema
from reviewbot.kernel.schema import INDEX, INDEXES, LIFE, LIVES, NUMBER, SWITCH, TABLE, TABLES, TEXT, TEXTS, Spec
from reviewbot.model.errors import ConfigError
from reviewbot.model.kernel import Allocator, Flag, Kernel, Lifetime, Limit, ScopeCall, ScopeKind, Verdict, Version
from reviewbot.model.review import CONFIDENCES, SEVERITIES

Files = Sequence[tuple[str, Mapping[str, Any]]]  # a path for errors, and what the file holds
Bits = Mapping[str, frozenset[str]]
_NO_BITS = frozenset[str]()

WORDS = ("unsafe", "context", "pointless", "safe", "none")  # strictest first
NEVER = (0, 0)  # `until` of a name that no version had; see Lifetime.never
_VERDICTS = tuple(f"{side}{key}" for side in ("set", "clear") for key in ("", "_why", "_source"))

_SPAN: Spec = {**LIFE, "note": TEXT, "instead": TEXT, "never": SWITCH}
_FLAG: Spec = {
    **LIFE,
    **dict.fromkeys(("note", "instead", "group", "meaning"), TEXT),
    **dict.fromkeys(("internal", "base"), SWITCH),
}
_BIT: Spec = {
    **_FLAG,
    **{key: WORDS if key in ("set", "clear") else TEXT for key in _VERDICTS},
    "api": TEXTS,
    "api_at": LIVES,
    "requested": TEXT,
}
_COMPOUND: Spec = {**_FLAG, "bits": TEXTS, "bits_at": LIVES, "without": TEXTS, "all": SWITCH}
_SCOPE_CALL: Spec = {"call": TEXT, "has": TEXT, "token": TEXT, "key": NUMBER, "when": ("", "true")}
_SCOPE: Spec = {
    **LIFE,
    **dict.fromkeys(("name", "flag", "why", "source", "known_by"), TEXT),
    **dict.fromkeys(("enter", "leave"), TABLES),
    **dict.fromkeys(("guards", "clears", "sets", "hides"), TEXTS),
    "family": ("memalloc", "lock", "rcu", "irq", "bh", "preempt", "handle", "expression", "memcg"),
    "atomic": SWITCH,
    "verdict": ("safe", "unsafe", "discouraged"),
}
_LIMIT: Spec = {
    **LIFE,
    **dict.fromkeys(("has", "lacks"), TEXTS),
    **dict.fromkeys(("effect", "instead", "source"), TEXT),
    "severity": ("", *SEVERITIES),
    "confidence": ("", *CONFIDENCES),
}
_FAMILY: Spec = {
    "limits": TEXTS,
    "sleeps": ("mask", "always", "never"),
    "returns": ("pointer", "errno", "count", "errptr", "other"),
    "nofail_order": NUMBER,
    "nofail_when": TEXTS,
    "allocates": SWITCH,
    "implicit": TEXT,
    "gfp": INDEX,
    "size": INDEXES,
    "order": INDEX,
}
_CALL: Spec = {**_FAMILY, **LIFE, "gfp_before": TABLE}
_GFP_BEFORE: Spec = {"version": schema.VERSION, "index": INDEX}

TOP: Mapping[str, Spec] = {
    "_flags.toml": {"source": TEXT, "bit": TABLE, "compound": TABLE, "span": TABLE},
    "_scopes.toml": {"scope": TABLES},
    "_allocators.toml": {"limit": TABLE, "family": TABLE, "call": TABLE},
    "_macros.toml": {"words": TABLE},
    "_releases.toml": {"release": TABLE, "longterm": schema.VERSIONS},
    "_projects.toml": {"kernel": schema.TEXTS, "project": TABLE},
    "_roots.toml": {"root": TABLES},
    "_probes.toml": {"probe": TABLE},
}


class _Row(NamedTuple):
    """A checked table, and the words that name it in an error."""

    where: str
    table: Mapping[str, Any]


_Rows = dict[str, _Row]


def kernel(files: Files, version: Version) -> Kernel:
    """The facts of all files at this version; a later file adds to an earlier one or overrides it by name.

    Raises ConfigError, naming file and key, for whatever a table may not say.
    """
    bits = _named(_with_source(files), "bit", _BIT, ("meaning", *_VERDICTS))
    compounds = _named(files, "compound", _COMPOUND, ("meaning",))
    expanded = _expand(bits, compounds, version)
    return Kernel(
        version=version,
        flags=_flags(bits, compounds, expanded, version),
        spans=_spans(_named(files, "span", _SPAN) | compounds | bits),
        scopes=_scopes(files, expanded, version),
        allocators=_allocators(files, expanded, version),
        words=_words(files),
    )


def _with_source(files: Files) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Give a verdict that names no source the file's own."""
    for path, content in files:
        if source := content.get("source"):
            default = {"set_source": source, "clear_source": source}
            rows = content.get("bit", {}).items()
            yield path, {"bit": {name: default | row if type(row) is dict else row for name, row in rows}}
        else:
            yield path, content


def _named(files: Any, kind: str, spec: Spec, required: Sequence[str] = ()) -> _Rows:
    rows: _Rows = {}
    for path, content in files:
        for name, table in content.get(kind, {}).items():
            where = f"{path}: {kind}.{name}"
            schema.check_table(table, spec, where, required)
            rows[name] = _Row(where, table)
    return rows


# --- flags ---


def _current(table: Mapping[str, Any], key: str, version: Version) -> Iterator[str]:
    """The items of a list at this version: those of `key`, and those of `key`_at whose dates hold."""
    yield from table.get(key, ())
    for name, (since, until) in table.get(f"{key}_at", {}).items():
        if schema.holds({"since": since, "until": until}, version):
            yield name


def _expand(bits: _Rows, compounds: _Rows, version: Version) -> dict[str, frozenset[str]]:
    """The bits of every name of any version, as of this one, so that a table may name all of them."""
    alive = frozenset(name for name, row in bits.items() if schema.holds(row.table, version))
    expanded = {name: alive & {name} for name in bits}
    for name, (where, table) in compounds.items():
        without = table.get("without", ())
        schema.check_names(
            [*table.get("bits", ()), *table.get("bits_at", ()), *without], expanded, where, "flag above it"
        )
        held = alive if table.get("all") else _union(_current(table, "bits", version), expanded)
        expanded[name] = held - _union(without, expanded)
    return expanded


def _union(names: Iterator[str] | Sequence[str], expanded: Bits) -> frozenset[str]:
    return frozenset[str]().union(*(expanded[name] for name in names))


def _flags(bits: _Rows, compounds: _Rows, expanded: Bits, version: Version) -> dict[str, Flag]:
    flags: dict[str, Flag] = {}
    for name, (_, table) in {**bits, **compounds}.items():
        if not schema.holds(table, version):
            continue
        single = name not in compounds
        held = [bit for bit in flags if bit in expanded[name]]
        flags[name] = Flag(
            name=name,
            kind="bit" if single else "compound",
            group=table.get("group", "" if single else "request"),
            bits=expanded[name],
            meaning=table["meaning"],
            on=_verdict(table, "set") if single else _strictest({bit: flags[bit].on for bit in held}),
            off=_verdict(table, "clear") if single else _strictest({bit: flags[bit].off for bit in held}),
            api=tuple(_current(table, "api", version)),
            requested=table.get("requested", ""),
            internal=table.get("internal", False),
            base=table.get("base", False),
        )
    return flags


def _verdict(table: Mapping[str, Any], side: str) -> Verdict:
    return Verdict(table[side], table[f"{side}_why"], table[f"{side}_source"])


def _strictest(verdicts: Mapping[str, Verdict]) -> Verdict:
    """The verdict on a compound: a scope may do with it what it may do with the strictest of its bits."""
    word = min((verdict.word for verdict in verdicts.values()), key=WORDS.index, default="none")
    deciding = ", ".join(bit for bit, verdict in verdicts.items() if verdict.word == word)
    return Verdict(word, f"What its bits allow together; {deciding or 'no bit'} decides.", "derived from its bits")


def _spans(rows: _Rows) -> dict[str, Lifetime]:
    spans = {}
    for name, (_, table) in rows.items():
        since, until = (None, NEVER) if table.get("never") else schema.life(table)
        spans[name] = Lifetime(name, since, until, table.get("note", ""), table.get("instead", ""))
    return spans


# --- scopes ---


def _scopes(files: Files, expanded: Bits, version: Version) -> dict[str, ScopeKind]:
    scopes: dict[str, ScopeKind] = {}
    for path, content in files:
        own: dict[str, ScopeKind] = {}
        named = set()
        for number, table in enumerate(content.get("scope", ()), 1):
            where = f"{path}: scope {table.get('name', number)!r}"
            schema.check_table(table, _SCOPE, where, ("name", "family", "enter"))
            named.add(table["name"])
            scope = _scope(table, where, expanded)
            if not schema.holds(table, version):
                continue
            if scope.name in own:
                raise ConfigError(
                    f"{where}: stands twice for {version[0]}.{version[1]}; since and until must part them"
                )
            own[scope.name] = scope
        scopes = {name: scope for name, scope in scopes.items() if name not in named} | own
    return scopes


def _scope(table: Mapping[str, Any], where: str, expanded: Bits) -> ScopeKind:
    return ScopeKind(
        name=table["name"],
        family=table["family"],
        enter=_scope_calls(table, "enter", where),
        leave=_scope_calls(table, "leave", where),
        guards=tuple(table.get("guards", ())),
        clears=_bits(table, "clears", where, expanded),
        sets=_bits(table, "sets", where, expanded),
        atomic=table.get("atomic", False),
        flag=table.get("flag", ""),
        verdict=table.get("verdict", "safe"),
        why=table.get("why", ""),
        source=table.get("source", ""),
        hides=tuple(table.get("hides", ())),
        known_by=table.get("known_by", ""),
    )


def _scope_calls(table: Mapping[str, Any], key: str, where: str) -> tuple[ScopeCall, ...]:
    for scope_call in table.get(key, ()):
        schema.check_table(scope_call, _SCOPE_CALL, f"{where}: {key}", ("call",))
    return tuple(ScopeCall(**scope_call) for scope_call in table.get(key, ()))


def _bits(table: Mapping[str, Any], key: str, where: str, expanded: Bits) -> frozenset[str]:
    names = table.get(key, ())
    schema.check_names(names, expanded, f"{where}: {key}", "flag")
    return _union(names, expanded)


# --- allocators ---


def _allocators(files: Files, expanded: Bits, version: Version) -> dict[str, Allocator]:
    rows = _named(files, "limit", _LIMIT, ("effect",))
    limits = {name: _limit(name, row, expanded) for name, row in rows.items()}
    held = {name for name, row in rows.items() if schema.holds(row.table, version)}
    families = _named(files, "family", _FAMILY)
    for where, table in families.values():
        _check_names(table, where, limits, expanded)
    shared = {family: _held(row.table, {}, limits, held) for family, row in families.items()}
    allocators = {}
    for name, (family, where, table) in _calls(files).items():
        _check_names(table, where, limits, expanded)
        if schema.holds(table, version):
            defaults = families[family].table if family in families else {}
            own = _held(defaults, table, limits, held) if "limits" in table else shared.get(family, ())
            allocators[name] = _allocator(name, family, {**defaults, **table}, own, expanded, version)
    return allocators


def _held(
    defaults: Mapping[str, Any], table: Mapping[str, Any], limits: Mapping[str, Limit], held: Collection[str]
) -> tuple[Limit, ...]:
    """The limits of a family and of a call in it that hold at this version."""
    named = dict.fromkeys([*defaults.get("limits", ()), *table.get("limits", ())])
    return tuple(limits[limit] for limit in named if limit in held)


def _calls(files: Files) -> dict[str, tuple[str, str, Mapping[str, Any]]]:
    """Each [call.FAMILY] row with its family and where it stands."""
    calls: dict[str, tuple[str, str, Mapping[str, Any]]] = {}
    for path, content in files:
        own: dict[str, tuple[str, str, Mapping[str, Any]]] = {}
        for family, rows in content.get("call", {}).items():
            if type(rows) is not dict:
                raise ConfigError(f"{path}: call.{family} must be a table")
            for name, table in rows.items():
                where = f"{path}: call.{family}.{name}"
                schema.check_table(table, _CALL, where)
                if name in own:
                    raise ConfigError(f"{where}: stands in call.{own[name][0]} as well; one of them must go")
                own[name] = family, where, table
        calls |= own
    return calls


def _check_names(table: Mapping[str, Any], where: str, limits: Mapping[str, Limit], expanded: Bits) -> None:
    if "limits" in table:
        schema.check_names(table["limits"], limits, where, "limit")
    if "nofail_when" in table:
        schema.check_names(table["nofail_when"], expanded, where, "flag")
    if "gfp_before" in table:
        schema.check_table(table["gfp_before"], _GFP_BEFORE, f"{where}: gfp_before", ("version", "index"))


def _limit(name: str, row: _Row, expanded: Bits) -> Limit:
    where, table = row
    return Limit(
        name=name,
        has=_bits(table, "has", where, expanded),
        lacks=_bits(table, "lacks", where, expanded),
        effect=table["effect"],
        instead=table.get("instead", ""),
        source=table.get("source", ""),
        severity=table.get("severity", ""),
        confidence=table.get("confidence", ""),
    )


def _allocator(
    name: str, family: str, table: Mapping[str, Any], limits: tuple[Limit, ...], expanded: Bits, version: Version
) -> Allocator:
    gfp = table.get("gfp")
    if (before := table.get("gfp_before")) and schema.holds({"until": before["version"]}, version):
        gfp = before["index"]
    return Allocator(
        name=name,
        family=family,
        gfp=gfp,
        implicit=table.get("implicit", ""),
        size=tuple(table.get("size", ())),
        order=table.get("order"),
        sleeps=table.get("sleeps", "mask"),
        allocates=table.get("allocates", True),
        returns=table.get("returns", "pointer"),
        nofail_order=table.get("nofail_order", -1),
        nofail_when=_union(table["nofail_when"], expanded) if "nofail_when" in table else _NO_BITS,
        limits=limits,
    )


def _words(files: Files) -> dict[str, frozenset[str]]:
    """The lists of words; those of the same name add up, so that one may add to the kernel's without repeating them."""
    words: dict[str, frozenset[str]] = {}
    for path, content in files:
        own = content.get("words", {})
        schema.check_table(own, dict.fromkeys(own, TEXTS), f"{path}: words")
        words |= {name: words.get(name, frozenset()).union(listed) for name, listed in own.items()}
    return words
