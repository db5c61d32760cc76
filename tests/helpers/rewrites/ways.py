"""The names of all ways, and what falls short by design."""

from __future__ import annotations

from rewrites import chains, control, helper, layout, locks, masks, names, old
from rewrites.pair import Pair, Way


def same(pair: Pair) -> Pair | None:
    """As the fixture has it, by a diff of our own."""
    return pair


WAYS: dict[str, Way] = {
    "as it is": same,
    "mask: variable": masks.variable,
    "mask: macro": masks.macro,
    "mask: both sides of ?:": masks.both_sides,
    "mask: built in steps": masks.steps,
    "mask: parenthesised": masks.parenthesised,
    "static helper": helper.helper,
    "allocating macro": helper.macro,
    "tested in line": control.in_line,
    "variable initialised": control.initialises,
    "unlikely()": control.unlikely,
    "result cast": control.cast,
    "other names": names.everything,
    "guard()": locks.guard,
    "lock by pointer": locks.pointer,
    "lock in helpers": locks.helpers,
    "unrelated test": control.test,
    "unrelated call": control.call,
    "unrelated loop": control.loop,
    "goto out": control.single_exit,
    "typed allocator": masks.typed,
    "mask left out": masks.left_out,
    "split over rows": layout.split,
    "odd layout": layout.odd,
    "#ifdef": layout.conditional,
    "through a quiet function": chains.quiet(1),
    "through two quiet functions": chains.quiet(2),
    "arguments swapped": chains.swapped,
    "callee in another file": chains.elsewhere,
    "callee beside the patch": chains.beside,
}
OLD: dict[str, Way] = {
    "old: function": old.function,
    "old: variable": old.variable,
    "old: size": old.size,
    "old: callee": old.callee,
    "old: lock": old.lock,
    "old: moved to a helper": old.moved,
    "old: moved below": old.below,
    "old: blank rows": old.rows,
    "old: deeper": old.deeper,
    "old: to a variable": old.by(masks.variable),
    "old: to a macro": old.by(masks.macro),
    "old: to a typed allocator": old.by(masks.typed),
    "old: mask left out": old.by(masks.left_out),
    "old: to guard()": old.by(locks.guard),
    "old: static helper": old.by(helper.helper),
    "old: lock into helpers": old.by(locks.helpers),
    "old: to goto out": old.by(control.single_exit),
    "old: split over rows": old.by(layout.split),
}

# rule, way: why the rule is right to stay silent, or to speak
_MORE = "the rule is about a scope with nothing but one allocation in it"
_OTHERS = "a function that other files may call has callers that are not shown"
_APART = "the rule compares what stands in one function"
DESIGN: dict[tuple[str, str], str] = {
    ("scope-around-one-allocation", "unrelated test"): _MORE,
    ("scope-around-one-allocation", "unrelated call"): _MORE,
    ("scope-around-one-allocation", "unrelated loop"): _MORE,
    ("scope-around-one-allocation", "static helper"): _MORE,
    ("mixed-reclaim-flags", "static helper"): _APART,
    ("ignored-gfp-argument", "callee in another file"): _OTHERS,
    ("unneeded-atomic", "callee in another file"): _OTHERS,
    ("reserves-scope", "unrelated call"): "a call that nobody can see through may take from the reserves",
    ("open-coded-nofail", "unrelated call"): "a call on the way back may end the loop or find memory",
    ("reclaim-recursion", "old: function"): "a list knows a function by its name, and knew it by no other",
    ("new-scope-api", "old: function"): "a helper for a scope that has a new name is a new one to its callers",
}
