"""Who calls whom in files that are read as one, and which functions lie between those that matter."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from hypothesis import given
from hypothesis import strategies as st

from engines import engine
from reviewbot.model.patch import DiffLine, FileChange, Hunk
from reviewbot.patch.function_hunks import text_of
from reviewbot.program.call_graph import FileCallGraph, FunctionKey, between
from reviewbot.program.file_version import FileVersion
from reviewbot.program.unit import FunctionUnit

ONE = """\
static int toy_get(struct toy *t)
{
	return toy_shared(t);
}

int toy_open(struct toy *t)
{
	t->p = kmalloc(64, GFP_KERNEL);
	return toy_get(t);
}
"""
TWO = """\
int toy_shared(struct toy *t)
{
	return toy_get(t);
}

static int toy_get(struct toy *t)
{
	t->p = kmalloc(64, GFP_KERNEL);
	return 0;
}

#define toy_open(t) toy_wide(t)
"""


def version(path: str, text: str) -> FileVersion:
    lines = tuple(DiffLine("+", row, None, at) for at, row in enumerate(text.split("\n"), 1))
    return engine("6.12").reader.hunks(FileChange(path, None, (Hunk("@@", "", lines),), created=True), "+")


def graph_of(*files: tuple[str, str]) -> FileCallGraph:
    sides = [version(path, text) for path, text in files]
    return FileCallGraph(lambda: sides, engine("6.12").kernel)


def test_a_name_means_the_function_of_its_own_file_first_and_a_static_one_nowhere_else() -> None:
    graph = graph_of(("a.c", ONE), ("b.c", TWO))
    assert [*graph.callees(("a.c", "toy_get"))] == [("b.c", "toy_shared")]
    assert [*graph.callees(("b.c", "toy_shared"))] == [("b.c", "toy_get")]
    assert [*graph.callers(("a.c", "toy_get"))] == [("a.c", "toy_open")]
    assert graph.meant("b.c", "toy_open") == ("a.c", "toy_open")
    assert graph.meant("c.c", "toy_get") is None  # both are static


def test_a_macro_of_the_same_name_is_what_is_meant() -> None:
    text = ONE + "\n#define toy_get(t) toy_other(t)\n"
    assert graph_of(("a.c", text)).meant("a.c", "toy_get") is None


def test_of_two_functions_with_one_name_none_is_meant_elsewhere() -> None:
    one = "int toy_shared(void)\n{\n\treturn 1;\n}\n"
    graph = graph_of(("a.c", one), ("b.c", one), ("c.c", ONE))
    assert graph.meant("c.c", "toy_shared") is None
    assert graph.meant("b.c", "toy_shared") == ("b.c", "toy_shared")


def test_a_call_is_found_with_its_file_and_instruction() -> None:
    graph = graph_of(("a.c", ONE), ("b.c", TWO))
    (call,) = graph.calls(("b.c", "toy_shared"))
    assert (call.path, call.unit.function.name) == ("a.c", "toy_get")
    assert call.unit.steps[call.at].name == "toy_shared"


def test_what_is_worked_out_once_is_kept() -> None:
    graph, made = graph_of(("a.c", ONE)), []
    for _ in range(2):
        graph.once("rule", lambda: made.append(1))
    assert made == [1]


class Drawn:
    """A call graph of numbers."""

    def __init__(self, calls: Mapping[int, Collection[int]]) -> None:
        self.calls = calls

    def callees(self, function: FunctionKey) -> Collection[FunctionKey]:
        return [("", str(one)) for one in sorted(self.calls.get(int(function[1]), ()))]

    def callers(self, function: FunctionKey) -> Collection[FunctionKey]:
        return [("", str(one)) for one, called in sorted(self.calls.items()) if int(function[1]) in called]

    def units(self, function: FunctionKey) -> Sequence[FunctionUnit]:
        return ()

    def steps(self, start: int, deepest: int) -> set[int]:
        """What is at most so many calls below."""
        found = {start}
        for _ in range(deepest):
            found |= {one for each in found for one in self.calls.get(each, ())}
        return found


@given(
    calls=st.dictionaries(st.integers(0, 7), st.sets(st.integers(0, 7), max_size=3), max_size=8),
    start=st.integers(0, 7),
    holder=st.integers(0, 7),
    asker=st.integers(0, 7),
)
def test_what_lies_between_is_below_what_holds_and_above_what_asks(
    calls: Mapping[int, set[int]], start: int, holder: int, asker: int
) -> None:
    graph = Drawn(calls)
    keys = [("", str(one)) for one in (start, holder, asker)]
    found = between(
        graph,
        keys[:1],
        lambda functions: {keys[1]: graph.callees(keys[1])} if keys[1] in functions else {},
        lambda functions: [keys[2]] if keys[2] in functions else [],
        4,
    )
    names = {int(name) for _, name in found}
    for one in names - {holder}:
        assert one in graph.steps(holder, 5)
        assert asker in graph.steps(one, 4)
    if start in calls.get(holder, ()) and asker in calls.get(start, ()) and start != holder:
        assert {start, asker, holder} <= names | {holder}
    if names:
        assert start in graph.steps(holder, 4)
        assert asker in graph.steps(start, 4)


def test_a_function_that_has_lost_its_name_is_no_function_that_others_know() -> None:
    """A damaged mail has such; looked for by its words, it stood everywhere and nowhere."""
    damaged = ONE.replace("int toy_open(struct toy *t)", "int *(*)(struct toy *t)")
    side = version("a.c", damaged)
    assert "" in {unit.function.name for unit in side.units}
    assert "" not in {name for _, name in graph_of(("a.c", damaged)).changed(side)}
    locked = damaged.replace("\tt->p", "\tspin_lock(&t->lock);\n\tt->p")
    found = engine("6.12").wrong("a.c", (None, text_of("a.c", locked)), "")
    assert [(rule, name) for rule, name, _ in found] == [("sleep-in-atomic", "")]
