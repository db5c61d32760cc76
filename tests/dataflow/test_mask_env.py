"""What the engine believes of a mask holds whenever the code is run: invented functions are run with every caller.

A function is made of assignments and branches, written as C for the engine and carried out here for
a caller's masks. Wherever the run ends, one of the engine's states must allow the masks it has.
"""

from __future__ import annotations

import contextlib
import itertools

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from reviewbot.config import data_path
from reviewbot.dataflow import mask_algebra
from reviewbot.dataflow.mask_env import expression, tools_of
from reviewbot.dataflow.scope_table import ScopeTable
from reviewbot.frontend.instructions import Expr
from reviewbot.kernel.rules import load
from reviewbot.model.errors import ConfigError
from reviewbot.model.kernel import Mask
from reviewbot.program.reader import Reader

KERNEL, _ = load([data_path("rules")], (6, 12))
READER = Reader(KERNEL)
BITS = ("__GFP_IO", "__GFP_FS", "__GFP_DIRECT_RECLAIM", "__GFP_NOFAIL")
NAMES = (*BITS, "GFP_KERNEL", "GFP_NOWAIT", "GFP_NOFS")
VARIABLES = ("gfp", "other", "t->gfp")
BRANCHES = ("if", "return", "while")
TRUTHS = ("t->a", "t->b")

atoms = st.sampled_from([*NAMES, *VARIABLES, "0"]).map(lambda text: ("atom", text))
values = st.recursive(
    atoms,
    lambda below: st.one_of(
        st.tuples(st.sampled_from(["|", "&", "&~"]), below, below),
        st.tuples(st.just("?"), st.deferred(lambda: conditions), below, below),
    ),
    max_leaves=4,
)
conditions = st.recursive(
    st.one_of(
        st.tuples(st.just("truth"), st.sampled_from(TRUTHS)),
        st.tuples(st.just("some"), st.sampled_from(VARIABLES), st.sampled_from(NAMES)),
        st.tuples(st.just("=="), st.sampled_from(VARIABLES), st.sampled_from(NAMES), st.sampled_from(NAMES)),
        st.tuples(st.just("is"), st.sampled_from(VARIABLES), st.sampled_from(NAMES)),
        st.tuples(st.just("any"), st.sampled_from(VARIABLES)),
        st.tuples(st.just("blocking"), st.sampled_from(VARIABLES)),
    ),
    lambda below: st.one_of(st.tuples(st.just("!"), below), st.tuples(st.sampled_from(["&&", "||"]), below, below)),
    max_leaves=3,
)
assignments = st.tuples(st.sampled_from(["=", "|=", "&=", "&=~"]), st.sampled_from(VARIABLES), values)
bodies = st.recursive(
    st.lists(assignments, max_size=3),
    lambda below: st.lists(
        st.one_of(assignments, st.tuples(st.sampled_from(BRANCHES), conditions, below, below)),
        max_size=4,
    ),
    max_leaves=6,
)
callers = st.fixed_dictionaries(
    {**{name: st.frozensets(st.sampled_from(BITS)) for name in VARIABLES}, **dict.fromkeys(TRUTHS, st.booleans())}
)


class Returned(Exception):
    """A run came to a return."""


def c_of(node) -> str:
    """A value or a condition as C."""
    kind, *rest = node
    if kind in ("atom", "truth", "any"):
        return rest[0]
    if kind in ("|", "&", "&&", "||"):
        return f"({c_of(rest[0])} {kind} {c_of(rest[1])})"
    if kind == "&~":
        return f"({c_of(rest[0])} & ~{c_of(rest[1])})"
    if kind == "?":
        return f"({c_of(rest[0])} ? {c_of(rest[1])} : {c_of(rest[2])})"
    if kind == "!":
        return f"!({c_of(rest[0])})"
    if kind == "blocking":
        return f"gfpflags_allow_blocking({rest[0]})"
    if kind == "some":
        return f"({rest[0]} & {rest[1]})"
    return f"({rest[0]} == {rest[1]})" if kind == "is" else f"(({rest[0]} & {rest[1]}) == {rest[2]})"


def bits(text: str) -> frozenset[str]:
    return KERNEL.flags[text].bits if text in KERNEL.flags else frozenset()


def worth(node, state):
    """A value, or the truth of a condition, where the state holds."""
    kind, *rest = node
    if kind == "atom":
        return state[rest[0]] if rest[0] in state else bits(rest[0])
    if kind == "truth":
        return state[rest[0]]
    if kind == "any":
        return bool(state[rest[0]])
    if kind == "some":
        return bool(state[rest[0]] & bits(rest[1]))
    if kind == "is":
        return state[rest[0]] == bits(rest[1])
    if kind == "==":
        return state[rest[0]] & bits(rest[1]) == bits(rest[2])
    if kind == "blocking":
        return "__GFP_DIRECT_RECLAIM" in state[rest[0]]
    if kind == "!":
        return not worth(rest[0], state)
    if kind in ("&&", "||"):
        first, second = worth(rest[0], state), worth(rest[1], state)
        return first and second if kind == "&&" else first or second
    if kind == "?":
        return worth(rest[1] if worth(rest[0], state) else rest[2], state)
    left, right = worth(rest[0], state), worth(rest[1], state)
    return left | right if kind == "|" else left & right if kind == "&" else left - right


def rows(body, probes, indent: str = "\t"):
    """The lines of a body; before each of its statements, and at its end, stands a call that tells the place."""
    for kind, *rest in body:
        yield f"{indent}probe{next(probes)}();"
        if kind in ("=", "|=", "&=", "&=~"):
            yield f"{indent}{rest[0]} {kind.rstrip('~')} {'~' if '~' in kind else ''}{c_of(rest[1])};"
        else:
            yield f"{indent}{'while' if kind == 'while' else 'if'} ({c_of(rest[0])}) {{"
            yield from rows(rest[1], probes, indent + "\t")
            if kind != "if":
                yield indent + ("\tbreak;" if kind == "while" else "\treturn 0;")
                yield indent + "}"
            else:
                yield indent + "} else {"
                yield from rows(rest[2], probes, indent + "\t")
                yield indent + "}"
    yield f"{indent}probe{next(probes)}();"


def size(body) -> int:
    """How many probes a body has."""
    return 1 + sum(
        1 + (size(part[2]) + (size(part[3]) if part[0] == "if" else 0) if part[0] in BRANCHES else 0) for part in body
    )


def run(body, state, first, seen) -> None:
    """Carry a body out; `seen` gets the state at each probe, numbered from `first` as in its C."""
    for kind, *rest in body:
        seen.append((first, dict(state)))
        first += 1
        if kind not in BRANCHES:
            value, old = worth(rest[1], state), state[rest[0]]
            state[rest[0]] = {"=": value, "|=": old | value, "&=": old & value, "&=~": old - value}[kind]
            continue
        if worth(rest[0], state):
            run(rest[1], state, first, seen)
            if kind == "return":
                raise Returned
        elif kind == "if":
            run(rest[2], state, first + size(rest[1]), seen)
        first += size(rest[1]) + (size(rest[2]) if kind == "if" else 0)
    seen.append((first, dict(state)))


def followed(body):
    """The states at each probe of a function, and its text."""
    head = "static int toy(struct toy *t, gfp_t gfp, gfp_t other)"
    code = "\n".join([head, "{", *rows(body, itertools.count()), "\treturn 0;", "}"])
    [unit] = READER.read(code, "", True).units
    if unit.flow.lost:
        return {}, code
    steps = zip(unit.steps, unit.flow.at, strict=True)
    return {step.name: states for step, states in steps if step.name.startswith("probe")}, code


# what chooses the first value is not known of the variable any more once it has that value
AGAIN = ("?", ("some", "t->gfp", "__GFP_FS"), ("atom", "__GFP_IO"), ("atom", "__GFP_FS"))
NO_BITS = dict.fromkeys(VARIABLES, frozenset()) | dict.fromkeys(TRUTHS, False)


@settings(max_examples=600, deadline=None)
@given(bodies, st.lists(callers, min_size=1, max_size=6))
@example([("=", "t->gfp", AGAIN), ("=", "gfp", AGAIN)], [NO_BITS])
def test_no_run_leaves_what_is_believed(body, states) -> None:
    believed, code = followed(body)
    for state in states if believed else ():
        seen: list[tuple[int, dict]] = []
        with contextlib.suppress(Returned):
            run(body, dict(state), 0, seen)
        for at, found in seen:
            masks = [state.masks or {} for state in believed[f"probe{at}"]]
            fit = any(all(fits(known.get(name), found[name]) for name in VARIABLES) for known in masks)
            assert fit, f"probe{at}, {found}:\n{code}"


def fits(mask: Mask | None, value: frozenset[str]) -> bool:
    return mask is None or mask.must <= value <= mask.may


def test_the_runs_meet_what_is_believed_to_be_sure() -> None:
    """The test above would pass if nothing were ever known."""
    body = [("=", "gfp", ("atom", "GFP_NOFS")), ("if", ("some", "gfp", "__GFP_FS"), [], [("|=", "gfp", ("atom", "0"))])]
    believed, _ = followed(body)
    sure = Mask(bits("GFP_NOFS"), bits("GFP_NOFS"))
    assert [(state.masks or {})["gfp"] for state in believed["probe5"]] == [sure]
    assert not believed["probe2"], "GFP_NOFS does not hold __GFP_FS"


@pytest.mark.parametrize("key", ["mask_helpers", "mask_tests"])
def test_every_formula_names_its_parameters_and_flags_of_some_version(key: str) -> None:
    tools = tools_of(KERNEL)
    table = tools.helpers if key == "mask_helpers" else tools.tests
    assert len(table) == len(KERNEL.words[key]) >= 4
    for helper in table.values():
        for part in helper.body.walk():
            if part.op == "name":
                assert part.text in (*helper.params, "any", "softirq") or part.text in KERNEL.spans


@pytest.mark.parametrize("text", ["toy_gfp", "toy_gfp() =", "toy_gfp() = ", "toy_gfp(a) = a |", "toy_gfp() = a; b"])
def test_a_formula_that_is_none_is_told(text: str) -> None:
    broken = replace(KERNEL, words={**KERNEL.words, "mask_helpers": frozenset({text})})
    with pytest.raises(ConfigError, match="mask_helpers"):
        ScopeTable(broken)


@pytest.mark.parametrize(
    ("text", "op"),
    [("A | B", "|"), ("f(x)", "call"), ("a ? b : c", "?:"), ("({ a; })", None), ("a, b", "name"), ("a = b", None)],
)
def test_an_expression_is_one_or_none(text: str, op: str | None) -> None:
    found = expression(text, KERNEL)
    assert (found.op if found else None) == op


def test_a_helper_that_names_itself_ends() -> None:
    loop = mask_algebra.Helper((), Expr("call", "loop"))
    found = mask_algebra.evaluate(Expr("call", "loop"), {}, KERNEL, mask_algebra.MaskTools({"loop": loop}))
    assert found == mask_algebra.unknown_mask(KERNEL)
