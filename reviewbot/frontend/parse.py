"""Parses prepared C text with tree-sitter and returns its functions as plain data.

The text is that of one fragment: all of a file's function, or what a hunk shows of it. `fragments` closes what it
leaves open. Output: instructions (calls, assignments, tests, exits) and their order. Nothing here knows what a call
means.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import tree_sitter
import tree_sitter_c
from tree_sitter import Language, Node, Parser

from reviewbot.frontend.expressions import TooMuch
from reviewbot.frontend.fragments import Fragment, function_name
from reviewbot.frontend.instructions import Function, Instruction, squeeze
from reviewbot.frontend.lower import FunctionLowering
from reviewbot.frontend.parse_errors import misread, refusal

_LANGUAGE = Language(tree_sitter_c.language())


def functions(fragment: Fragment, words: Mapping[str, frozenset[str]], marks: Mapping[int, str]) -> Iterator[Function]:
    """The functions of a fragment; one that could not be read has no instructions, and `broken` says why.

    `words`: guards, scoped_guards, transparent, telling; `marks`: those of prepare.Prepared, by text offset.
    """
    broken = refusal(fragment.source)
    if broken:
        yield _unread(fragment, broken)
        return
    data = fragment.source.encode("latin-1", "replace")
    moved = {at - fragment.offset + len(fragment.prefix): word for at, word in marks.items()}
    root = Parser(_LANGUAGE).parse(data).root_node
    found = False
    todo = [root]
    while todo:
        node = todo.pop()
        if node.type == "function_definition":
            lower = FunctionLowering(data, fragment.line - fragment.prefix.count("\n"), words, moved)
            yield _function(node, lower, fragment, misread(node, data, fragment, words["telling"]))
            found = True
        elif node.type in ("translation_unit", "linkage_specification", "declaration_list", "ERROR"):
            todo.extend(reversed(node.named_children))
    if not found and (broken := misread(root, data, fragment, words["telling"])):
        yield _unread(fragment, broken)


def parser_files() -> Sequence[str]:
    """The files of the parser that was built into this Python: another one may read a text otherwise."""
    places = (Path(one.__file__ or "").parent for one in (tree_sitter, tree_sitter_c))
    return sorted(str(path) for place in places for path in place.glob("*.so"))


def _unread(fragment: Fragment, broken: str) -> Function:
    lines = (fragment.line, fragment.line + fragment.text.count("\n"))
    name = fragment.name or function_name(fragment.text)
    whole = fragment.starts and fragment.ends
    return Function(name, (), (), whole, fragment.starts, fragment.ends, lines, lines, fragment.macro, broken)


def _function(node: Node, lower: FunctionLowering, fragment: Fragment, broken: str) -> Function:
    declarator = _function_declarator(node.child_by_field_name("declarator"))
    name_node, body = _declarator_name(declarator), node.child_by_field_name("body")
    made_up = node.start_byte < len(fragment.prefix)  # the head is not in the text
    starts = fragment.starts or not made_up
    ends = fragment.ends or node.end_byte <= len(fragment.prefix) + len(fragment.text)
    name = fragment.name if made_up and fragment.name else lower.source(name_node) if name_node else ""
    lines = lower.span(node)
    head_end = body.start_point[0] + lower.shift if body else lines[0]
    steps: tuple[Instruction, ...] = ()
    try:
        if body is not None and not broken:
            steps = lower.run(body, head_end, ends)
    except TooMuch as error:
        broken = str(error)
    return Function(
        name=name,
        params=_params(lower, declarator),
        steps=steps,
        whole=starts and ends and not fragment.parts,
        starts=starts,
        ends=ends,
        lines=lines,
        head=(lines[0], head_end),
        macro=fragment.macro,
        broken=broken,
        static=lower.source(node).startswith("static "),
        holes=bool(fragment.parts),
        returns=squeeze(lower.source(kind)) if (kind := node.child_by_field_name("type")) else "",
    )


def _params(lower: FunctionLowering, declarator: Node | None) -> tuple[tuple[str, str], ...]:
    found = declarator.child_by_field_name("parameters") if declarator else None
    out = []
    for child in found.named_children if found else []:
        if child.type == "parameter_declaration":
            kind, name = child.child_by_field_name("type"), _declarator_name(child.child_by_field_name("declarator"))
            out.append((squeeze(lower.source(kind)) if kind else "", lower.source(name) if name else ""))
        elif child.type == "variadic_parameter":
            out.append(("...", ""))
    return tuple(out)


def _declarator_name(node: Node | None) -> Node | None:
    """The identifier inside pointer, function and array declarators."""
    while node is not None and node.type != "identifier":
        below = node.child_by_field_name("declarator")
        if below is None:
            wanted = ("identifier", "pointer_declarator", "function_declarator", "array_declarator")
            below = next((child for child in node.named_children if child.type in wanted), None)
        node = below
    return node


def _function_declarator(node: Node | None) -> Node | None:
    while node is not None and node.type != "function_declarator":
        node = node.child_by_field_name("declarator")
    return node
