"""Turns the expressions of a syntax tree into plain data."""

from __future__ import annotations

from tree_sitter import Node

from reviewbot.frontend.instructions import Expr, squash

NAMES = frozenset(("identifier", "true", "false", "null"))
_AROUND = frozenset(("parenthesized_expression", "cast_expression", "comma_expression"))  # the last of what is inside
LEAVES = frozenset((*NAMES, "number_literal", "string_literal", "char_literal", "comment"))  # that do nothing
DEEPEST = 120  # nested statements or expressions; beyond it a function is unread, not guessed


def equal(left: Expr, right: Expr) -> Expr:
    """The condition that two expressions are equal."""
    return Expr("==", f"{left.text}=={right.text}", (left, right), right.line)


class TooMuch(Exception):
    """The function is larger or deeper than is followed; the text says which."""


class SyntaxText:
    """A parsed text. `shift` maps the tree's lines to the text's, both 0-based."""

    def __init__(self, text: bytes, shift: int) -> None:
        self.text, self.shift = text, shift
        self._decoded = text.decode("latin-1")  # a character a byte

    def source(self, node: Node) -> str:
        """The text of a node."""
        return self._decoded[node.start_byte : node.end_byte]

    def line(self, node: Node) -> int:
        """The first line of a node in the whole text, 0-based."""
        return int(node.start_point[0]) + self.shift

    def span(self, node: Node) -> tuple[int, int]:
        """The first and last line of a node in the whole text, 0-based."""
        return int(node.start_point[0]) + self.shift, int(node.end_point[0]) + self.shift

    def operator(self, node: Node) -> str:
        """The text of a node's operator, "" where it has none."""
        operator = node.child_by_field_name("operator")
        return self.source(operator) if operator else ""

    def has_call(self, node: Node) -> bool:
        """Whether evaluating the node does anything but read."""
        todo = [node]
        while todo:
            at = todo.pop()
            if at.type in ("call_expression", "assignment_expression"):
                return True
            todo.extend(at.named_children)
        return False

    def expr(self, node: Node, depth: int = 0) -> Expr:
        """The plain form of an expression. Raises TooMuch where it is nested deeper than DEEPEST."""
        if depth > DEEPEST:
            raise TooMuch("an expression nested too deep")
        kind, line = node.type, self.line(node)
        if kind in NAMES:
            return Expr("name", squash(self.source(node)), (), line)
        children = node.named_children
        if kind in _AROUND and (inner := [child for child in children if child.type != "comment"]):
            return self.expr(inner[-1], depth + 1)
        if kind == "call_expression":
            callee, args = node.child_by_field_name("function"), node.child_by_field_name("arguments")
            listed = [self.expr(child, depth + 1) for child in (args.named_children if args else [])]
            name = squash(self.source(callee)) if callee else ""
            return Expr("call", name, tuple(listed), line)
        text = squash(self.source(node))
        if kind == "number_literal":
            return Expr("num", text, (), line)
        if kind == "field_expression":
            below = node.child_by_field_name("argument")
            return Expr("field", text, (self.expr(below, depth + 1),) if below else (), line)
        if kind in ("binary_expression", "assignment_expression", "unary_expression", "pointer_expression"):
            operator = node.child_by_field_name("operator")
            op = self.source(operator) if operator else "?"
            op = "*x" if kind == "pointer_expression" and op == "*" else "&x" if kind == "pointer_expression" else op
            return Expr(op, text, tuple(self.expr(child, depth + 1) for child in children), line)
        if kind == "initializer_pair" and len(children) == 2 and children[0].type == "field_designator":
            return Expr("init", squash(self.source(children[0])), (self.expr(children[1], depth + 1),), line)
        if kind == "conditional_expression" and len(children) >= 2:
            return Expr("?:", text, tuple(self.expr(child, depth + 1) for child in children), line)
        return Expr("other", text, tuple(self.expr(child, depth + 1) for child in children), line)

    def derefs(self, node: Node) -> frozenset[str]:
        """The lvalues that an expression dereferences: p of p->x, *p and p[i]."""
        found, todo = set(), [node]
        while todo:
            at = todo.pop()
            kind = at.type
            if kind in LEAVES or kind == "sizeof_expression":
                continue
            if kind in ("field_expression", "subscript_expression", "pointer_expression"):
                base = at.child_by_field_name("argument")
                operator = at.child_by_field_name("operator")
                sign = self.source(operator) if operator else "["
                if base is not None and sign in ("->", "*", "["):
                    found.add(squash(self.source(base)))
            todo.extend(at.named_children)
        return frozenset(found)
