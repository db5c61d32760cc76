"""Declares beside a check what the prefilter may sift away from it: its triggers, and the roles of its row keys.

`range` looks at the words of a changed function before it is parsed, and reads it only where a trigger fires that a
check of an active rule declares (review/prefilter/). A new check is a generator in a module of reviewbot/checks/ with

    @check(triggers=(Trigger.MASK_CHANGED,), keys={"frees": Role.REQUESTS, **no_role("legal")}, values=("callee",))

above it: the triggers say what may make a hit of it new, and `keys` names every row key that it, or what it calls,
asks rows for, each with the role that its words play for the triggers; no_role() takes those that play none. A new row
key of an existing check is added to that check's `keys`. Both may be left out: a check without a declaration, or a rule
with a row key that its check does not declare, works as well, but then nothing is sifted away, and `range` takes twice
as long or more. `values` names what its hits fill in: a rule whose texts want something else is an error at the start,
and not where the first hit is made.

tests/review/prefilter/test_declarations.py holds each declaration against the keys that the check's code asks for, and
against fixtures: a rule must find as much where only its own triggers say what is read, and less without any one of
them. A trigger that the rule's fixture does not show to be needed gets a case in triggers.md beside that test.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import Enum
from importlib import import_module
from string import Template

from msgspec import Struct

from reviewbot.kernel.rules import place_of
from reviewbot.model.errors import ConfigError
from reviewbot.model.kernel import Rule
from reviewbot.program.context import Check


class Trigger(Enum):
    """What in or beside a change may make a hit of a check new."""

    SCOPE_CALL = "a call that enters or leaves a scope stands in the function"
    NEVER_FAILS = "a call stands in the function that never fails with a mask that may sleep"
    FAR_REACHING = "a flag or a condition stands in the function that makes a request matter far from its line"
    ASKED_AGAIN = "a request is asked for again after it has failed, and what was changed has part in it"
    MASK_CHANGED = "a changed line tells of a mask, a request or a scope, and not all masks are one plain one"
    NARROWED = "others run the function, or a caller of it, where not all that a mask may have can be asked for"
    SLEEP_CONTEXT = "a request stands below a lock or in what others run, and what was changed has to do with either"
    RECLAIM_WAITS = (
        "a lock may be held around a request in a file with what reclaim runs, and what was changed may matter"
    )


class Role(Enum):
    """What the words below a row key are to the triggers."""

    NONE = "they make no hit new by standing in a text"
    REQUESTS = "calls that count as requests"
    ASSERTIONS = "words that say that a lock is held"
    RETURNED = "types that only functions return which others run"
    PARAMETERS = "the types of all parameters of such a function, with commas between them"
    MEMBERS = '"member" or "structure member": what is put there is run by others'
    FUNCTIONS = "names of functions that are run by others"
    SIGNATURES = "as PARAMETERS, with a pattern of the name: see kernel.rows.signature"
    REGISTERS = '"call position": what is handed to the call is run by others'
    HELD = "as MEMBERS, of a structure that is handed to a call"
    HANDLE_CALLS = "calls below which not all may be asked for that a mask may have"
    HANDLE_ENDS = "parts of the names of calls that end what such a call began"
    HANDLE_TYPES = "types of parameters of functions in which that is so"
    LOCKS = "calls that take and give back locks that sleep, with a position behind them, and classes of guards"
    CONDITIONS = "parts of names in conditions that tell one who comes there from another"
    FLAGS = "flags that are minded even where one is the only mask: in files of PATHS of the same row, or everywhere"
    PATHS = "how the paths of files begin in which that is so"


class Declaration(Struct, frozen=True):
    """What a check declares."""

    triggers: frozenset[Trigger]
    keys: Mapping[str, Role]
    values: frozenset[str] = frozenset()


ALWAYS = frozenset({"function", "line"})  # what each finding fills in, whatever the check
_declared: dict[Check, Declaration] = {}

# the row keys of interproc.registered.callbacks
CALLBACKS: Mapping[str, Role] = {
    "members": Role.MEMBERS,
    "registers": Role.REGISTERS,
    "holds": Role.HELD,
    "returns": Role.RETURNED,
    "takes": Role.PARAMETERS,
    "signature": Role.SIGNATURES,
    "functions": Role.FUNCTIONS,
    **dict.fromkeys(("as", "beside", "context", "file", "made", "note", "on", "queues", "source"), Role.NONE),
    **dict.fromkeys(("given_with", "through", "unless"), Role.NONE),
}


def check(
    *, triggers: tuple[Trigger, ...], keys: Mapping[str, Role], values: tuple[str, ...] = ()
) -> Callable[[Check], Check]:
    """A decorator of a check, which stays what it is. `keys`: every row key that it asks for, by role.

    `values`: the placeholders that its hits have a value for; none where that is not told.
    """

    def declare(function: Check) -> Check:
        _declared[function] = Declaration(frozenset(triggers), keys, frozenset(values))
        return function

    return declare


def no_role(*keys: str) -> Mapping[str, Role]:
    """Row keys whose words play no role for the triggers."""
    return dict.fromkeys(keys, Role.NONE)


def declaration_of(function: Check) -> Declaration | None:
    """What a check declares, None if it does not."""
    return _declared.get(function)


def check_of(rule: Rule) -> Check:
    """The check that a rule's `check = "module:function"` names below reviewbot.checks.

    Raises ConfigError if it names none, or if a text of the rule has a placeholder that the check does not fill in.
    """
    module, _, name = rule.check.partition(":")
    try:
        check: Check = getattr(import_module(f"reviewbot.checks.{module}"), name)
    except (ImportError, AttributeError) as error:
        raise ConfigError(f"{place_of(rule, 'check')}: check: no check {rule.check!r}{_near(rule.check)}") from error
    declared = declaration_of(check)
    if declared is not None and declared.values:
        _check_placeholders(rule, declared.values | ALWAYS)
    return check


def _near(wanted: str) -> str:
    """The check that was probably meant."""
    from difflib import get_close_matches
    from pkgutil import walk_packages

    from reviewbot import checks

    for found in walk_packages(checks.__path__, f"{checks.__name__}."):
        import_module(found.name)
    prefix = f"{checks.__name__}."
    names = [f"{one.__module__.removeprefix(prefix)}:{one.__name__}" for one in _declared]
    near = get_close_matches(wanted, names, 1, 0.5)
    return f"; did you mean {near[0]}?" if near else ""


def _check_placeholders(rule: Rule, known: frozenset[str]) -> None:
    for key, text in (("summary", rule.summary), ("question", rule.question), ("ask", rule.ask)):
        for name in Template(text).get_identifiers():
            if name not in known:
                allowed = ", ".join(sorted(known))
                where = place_of(rule, key, name)
                raise ConfigError(f"{where}: {key}: {rule.check} fills in no ${name}; allowed: {allowed}")
