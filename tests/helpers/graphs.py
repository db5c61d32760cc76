"""Control-flow graphs of any shape, as a hypothesis strategy."""

from __future__ import annotations

from collections.abc import Sequence

from hypothesis import strategies as st

from reviewbot.dataflow.cfg import Cfg
from reviewbot.frontend.instructions import Instruction

OUT = -1
# for each instruction its successors: none, one, or the two of a test, of which one may be out of sight
GRAPHS = st.integers(1, 7).flatmap(
    lambda size: st.lists(
        st.one_of(
            st.just(()),
            st.tuples(st.integers(0, size - 1)),
            st.tuples(st.integers(OUT, size - 1), st.integers(0, size - 1)),
        ),
        min_size=size,
        max_size=size,
    )
)


def cfg_of(graph: Sequence[Sequence[int]]) -> Cfg:
    kinds = {0: "end", 1: "call", 2: "test"}
    return Cfg([Instruction(kinds[len(to)], (at, at), next=tuple(to)) for at, to in enumerate(graph)])
