"""Defines the tools of the server: what a client may give, and which command line of reviewbot answers it.

Nothing here runs anything, and nothing that a client gives becomes an option or the name of a file on this machine.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Annotated, Any, Literal, NamedTuple

import msgspec
from msgspec import Meta, Struct

from reviewbot.cli.mcp.operator import Operator, in_a_row
from reviewbot.model.errors import UsageError

Arguments = dict[str, Any]

_SHORT = 300  # characters of a name, a revision or a message id
_Name = Annotated[str, Meta(min_length=1, max_length=_SHORT)]
_Kernel = Annotated[
    str | None,
    Meta(description='Judge by this kernel version, such as "6.12". Default: that of the tree, subject or date.'),
]
_Tree = Annotated[str | None, Meta(description="One of the trees of this server, by its name. Default: the first one.")]
_Confidence = Annotated[
    Literal["low", "medium", "high"] | None,
    Meta(description="Leave out what is less sure. What is high can be stated, what is medium should be asked."),
]
_Revision = Annotated[_Name | None, Meta(description="A commit of the tree, as git names it. Default: HEAD.")]


class ReviewPatch(Struct, frozen=True, forbid_unknown_fields=True):
    """What review_patch takes."""

    patch: Annotated[
        str | None, Meta(description="The text of a patch mail or of an mbox, as git format-patch writes it.")
    ] = None
    message_id: Annotated[_Name | None, Meta(description="Instead of `patch`: the id of a mail of the thread.")] = None
    tree: _Tree = None
    base: Annotated[_Name | None, Meta(description="The commit of the tree that the series applies to.")] = None
    kernel: _Kernel = None
    min_confidence: _Confidence = None


class ReviewRange(Struct, frozen=True, forbid_unknown_fields=True):
    """What review_range takes."""

    range: Annotated[_Name, Meta(description="BASE..TIP, or one commit, as git names them.")]
    tree: _Tree = None
    kernel: _Kernel = None
    min_confidence: _Confidence = None


class ExplainRule(Struct, frozen=True, forbid_unknown_fields=True):
    """What explain_rule takes."""

    rule: Annotated[_Name | None, Meta(description='Its id, such as "scope-leak". Default: all rules.')] = None
    kernel: _Kernel = None


class FlagMatrix(Struct, frozen=True, forbid_unknown_fields=True):
    """What matrix takes."""

    name: Annotated[_Name | None, Meta(description="A flag, a scope or a call that opens one. Default: all.")] = None
    kernel: _Kernel = None


class Reach(Struct, frozen=True, forbid_unknown_fields=True):
    """What reach takes."""

    function: Annotated[_Name, Meta(description="The name of a function of the tree.")]
    scope: Annotated[
        Literal["atomic", "nofs", "noio", "noreclaim"],
        Meta(description="atomic: nothing may sleep; nofs, noio, noreclaim: what reclaim must not do."),
    ] = "atomic"
    callers: Annotated[bool, Meta(description="Ask who calls it there, and not what it reaches.")] = False
    file: Annotated[_Name | None, Meta(description="The file of the tree that defines it, where several do.")] = None
    revision: _Revision = None
    tree: _Tree = None
    kernel: _Kernel = None


class Asked(NamedTuple):
    """A command line of reviewbot, without its name, and what it gets on standard input."""

    words: tuple[str, ...]
    stdin: bytes = b""


class ToolKind(NamedTuple):
    """A tool. `takes`: the struct of its arguments; `answers`: the kind of schema that its answer has."""

    name: str
    title: str
    description: str
    takes: type[Struct]
    answers: str
    asked: Callable[[Any, Operator], Asked]
    needs_tree: bool = False


def tools(operator: Operator) -> dict[str, ToolKind]:
    """The tools that this server offers, by name."""
    return {kind.name: kind for kind in _KINDS if operator.trees or not kind.needs_tree}


def described(kind: ToolKind, operator: Operator) -> str:
    """The description of a tool, with what the operator allows."""
    parts = [kind.description]
    if "tree" in kind.takes.__struct_fields__ and operator.trees:
        parts.append(f"Trees of this server: {in_a_row(operator.names)}.")
    if kind.takes is ReviewPatch and not operator.archive:
        parts.append("This server does not fetch mails: give their text.")
    return " ".join(parts)


def input_schema(kind: ToolKind) -> Arguments:
    """The JSON Schema of the arguments of a tool."""
    (schema,), parts = msgspec.json.schema_components([kind.takes])
    found: Arguments = parts[schema["$ref"].rpartition("/")[2]]
    return {key: value for key, value in found.items() if key not in ("title", "description")}


def asked(kind: ToolKind, arguments: Arguments | None, operator: Operator) -> Asked:
    """What to run for a call. Raises UsageError for arguments that are wrong or not allowed."""
    try:
        given = msgspec.convert(arguments or {}, kind.takes)
    except (msgspec.ValidationError, RecursionError) as error:
        raise UsageError(f"wrong arguments for {kind.name}: {error}") from error
    return kind.asked(given, operator)


# --- command lines ---


def _review_patch(given: ReviewPatch, operator: Operator) -> Asked:
    if (given.patch is None) == (given.message_id is None):
        raise UsageError("give either the text of the mails as `patch`, or a `message_id`")
    tree = operator.tree(given.tree)
    if given.base is not None and tree is None:
        raise UsageError("`base` is a commit of a tree, and this server was started without --tree DIR")
    options = (*_options(tree=tree, base=given.base), *_review(given.kernel, given.min_confidence))
    if given.patch is None:
        return Asked(_line("thread", operator, options, operator.message_url(str(given.message_id))))
    text = given.patch.encode("utf-8", "surrogatepass")
    if len(text) > operator.bytes:
        raise UsageError(f"the patch is larger than {operator.bytes} bytes (bytes under [mcp] in config.toml)")
    return Asked(_line("thread", operator, options, "-"), text)


def _review_range(given: ReviewRange, operator: Operator) -> Asked:
    options = _options(tree=operator.required_tree(given.tree))
    return Asked(_line("range", operator, (*options, *_review(given.kernel, given.min_confidence)), given.range))


def _explain_rule(given: ExplainRule, operator: Operator) -> Asked:
    words = () if given.rule is None else (given.rule,)
    return Asked(_line("rule", operator, _options(kernel=given.kernel), *words))


def _matrix(given: FlagMatrix, operator: Operator) -> Asked:
    words = () if given.name is None else (given.name,)
    return Asked(_line("matrix", operator, _options(kernel=given.kernel), *words))


def _reach(given: Reach, operator: Operator) -> Asked:
    tree = operator.required_tree(given.tree)
    options = _options(tree=tree, scope=given.scope, file=given.file, kernel=given.kernel)
    more = ("--callers",) if given.callers else ()
    words = (given.function,) if given.revision is None else (given.function, given.revision)
    return Asked(_line("reach", operator, (*options, *more), *words))


def _review(kernel: str | None, confidence: str | None) -> Sequence[str]:
    # what was not read is in the answer, and whether there are remarks is no error
    return (*_options(kernel=kernel, min_confidence=confidence), "--unread=say", "--exit-zero")


def _options(**values: object) -> Sequence[str]:
    return [f"--{key.replace('_', '-')}={value}" for key, value in values.items() if value is not None]


def _line(command: str, operator: Operator, options: Sequence[str], *words: str) -> tuple[str, ...]:
    """A command line; the client's options come last and count, and none of its words is taken for one."""
    line = (command, "--quiet", "--format=json", *operator.shared, *options, "--", *words)
    if any("\0" in word for word in line):
        raise UsageError("an argument has a NUL character in it")
    return line


_KINDS = (
    ToolKind(
        "review_patch",
        "Review a patch for the Linux kernel",
        "Reviews patches for what their memory allocations may do where they stand: their flags, and the scopes and "
        "locks around them. Each remark has the line, the evidence, the calls that lead there, the reason and the "
        "sources. What was not looked at is listed under `unread`; no remark is no proof that all is well.",
        ReviewPatch,
        "review",
        _review_patch,
    ),
    ToolKind(
        "review_range",
        "Review commits of a kernel tree",
        "Does the same for commits of a git tree, with whole files. What a later commit mends is named as resolved.",
        ReviewRange,
        "review",
        _review_range,
        needs_tree=True,
    ),
    ToolKind(
        "explain_rule",
        "Explain a rule",
        "Tells what a rule finds, why that matters, what to do about it, with good and bad code and the sources.",
        ExplainRule,
        "rule",
        _explain_rule,
    ),
    ToolKind(
        "matrix",
        "The flag-scope matrix",
        "Tells whether a scope may set or clear a GFP flag for all allocations made in it, with reason and source, and "
        "what each kind of scope does to a mask.",
        FlagMatrix,
        "matrix",
        _matrix,
    ),
    ToolKind(
        "reach",
        "What a function reaches that breaks in a scope",
        "Follows calls from a function of the tree to allocations that must not be made in a scope, or with `callers` "
        "up to who calls it there. `width` in the answer says how far calls were followed: the tree where it has an "
        "index, else the folder. No answer is no proof.",
        Reach,
        "reach",
        _reach,
        needs_tree=True,
    ),
)
