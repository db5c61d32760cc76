"""Prepared C text in, its functions as plain data out: steps (calls, assignments, tests, exits) and their order.

The one place that knows tree-sitter. A text may be a whole file, or the piece of one that a hunk
shows; `pieces` closes what such a piece leaves open. Nothing here knows what a call means.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import tree_sitter_c
from tree_sitter import Language, Node, Parser

from reviewbot.frontend.expressions import TooMuch
from reviewbot.frontend.fragments import Fragment, function_name
from reviewbot.frontend.instructions import Function, Instruction, squeeze
from reviewbot.frontend.lower import FunctionLowering
from reviewbot.frontend.parse_errors import misread, refusal

_LANGUAGE = Language(tree_sitter_c.language())


def functions(piece: Fragment, words: Mapping[str, frozenset[str]], marks: Mapping[int, str]) -> Iterator[Function]:
    """The functions of one piece; one that could not be read has no steps, and says in `broken` why.

    `words`: guards, scoped_guards, transparent, telling; `marks`: dialect's, by text offset.
    """
    broken = refusal(piece.source)
    if broken:
        yield _unread(piece, broken)
        return
    data = piece.source.encode("latin-1", "replace")
    moved = {at - piece.offset + len(piece.prefix): word for at, word in marks.items()}
    root = Parser(_LANGUAGE).parse(data).root_node
    found = False
    todo = [root]
    while todo:
        node = todo.pop()
        if node.type == "function_definition":
            lower = FunctionLowering(data, piece.line - piece.prefix.count("\n"), words, moved)
            yield _function(node, lower, piece, misread(node, data, piece, words["telling"]))
            found = True
        elif node.type in ("translation_unit", "linkage_specification", "declaration_list", "ERROR"):
            todo.extend(reversed(node.named_children))
    if not found and (broken := misread(root, data, piece, words["telling"])):
        yield _unread(piece, broken)


def _unread(piece: Fragment, broken: str) -> Function:
    lines = (piece.line, piece.line + piece.text.count("\n"))
    name = piece.name or function_name(piece.text)
    whole = piece.starts and piece.ends
    return Function(name, (), (), whole, piece.starts, piece.ends, lines, lines, piece.macro, broken)


def _function(node: Node, lower: FunctionLowering, piece: Fragment, broken: str) -> Function:
    declarator = _function_declarator(node.child_by_field_name("declarator"))
    name_node, body = _declarator_name(declarator), node.child_by_field_name("body")
    made_up = node.start_byte < len(piece.prefix)  # the head is not in the text
    starts = piece.starts or not made_up
    ends = piece.ends or node.end_byte <= len(piece.prefix) + len(piece.text)
    name = piece.name if made_up and piece.name else lower.source(name_node) if name_node else ""
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
        whole=starts and ends and not piece.parts,
        starts=starts,
        ends=ends,
        lines=lines,
        head=(lines[0], head_end),
        macro=piece.macro,
        broken=broken,
        static=lower.source(node).startswith("static "),
        holes=bool(piece.parts),
    )


def _params(lower: FunctionLowering, declarator: Node | None) -> tuple[tuple[str, str], ...]:
    found = declarator.child_by_field_name("parameters") if declarator else None
    out = []
    for child in found.named_children if found else []:
        if child.type == "parameter_declaration":
            kind, name = child.child_by_field_name("type"), _declarator_name(child.child_by_field_name("declarator"))
            out.append((squeeze(lower.source(kind)) if kind else "", lower.source(name) if name else ""))
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
