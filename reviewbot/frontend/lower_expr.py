"""Lowers expressions and conditions to the instructions that evaluate them, in order."""

from __future__ import annotations

from collections.abc import Mapping

from tree_sitter import Node

from reviewbot.frontend.expressions import DEEPEST, LEAVES, SyntaxText, TooMuch
from reviewbot.frontend.instructions import UNUSED, Instruction, squash

_MOST_STEPS = 20_000


class ExpressionLowering(SyntaxText):
    """Lowers what is evaluated.

    `words` are those of rules/_macros.toml; `marks` the words that preprocessing rewrote, by their offset in the text.
    Methods take and return indexes of instructions whose successor is still open. A test has two ways out: its index
    stands for "yes", -index-1 for "no".
    """

    def __init__(self, text: bytes, shift: int, words: Mapping[str, frozenset[str]], marks: Mapping[int, str]) -> None:
        super().__init__(text, shift)
        self.marks = marks
        self.guards, self.scoped, self.transparent = words["guards"], words["scoped_guards"], words["transparent"]
        self.steps: list[Instruction] = []
        self.next: list[list[int]] = []  # of each step, to be put into it when all is linked
        self.blocks: list[list[str]] = []
        self.depth = 0

    def add(self, step: Instruction, after: list[int]) -> list[int]:
        """Append an instruction reached from `after` and return its index in a list.

        Raises TooMuch where there are more than _MOST_STEPS.
        """
        if len(self.steps) >= _MOST_STEPS:
            raise TooMuch("more steps than are followed")
        index = len(self.steps)
        self.steps.append(step)
        self.next.append([-1, -1] if step.kind == "test" else [])
        self.link(after, index)
        return [index]

    def link(self, after: list[int], index: int) -> None:
        """Make the instruction at `index` a successor of each in `after`."""
        for at in after:
            where = at if at >= 0 else -at - 1
            if self.steps[where].kind == "test":
                self.next[where][0 if at >= 0 else 1] = index
            else:
                self.next[where].append(index)

    def linked(self) -> tuple[Instruction, ...]:
        """All instructions with their successors."""
        return tuple(
            step if ahead in ([], [-1, -1]) else step._replace(next=tuple(ahead))
            for step, ahead in zip(self.steps, self.next, strict=True)
        )

    def value(self, node: Node, after: list[int], target: str = "") -> list[int]:
        """Lower an expression, in order of evaluation. `target`: the variable that its value goes to, or UNUSED.

        Raises TooMuch where it is nested deeper than DEEPEST.
        """
        if node.type in LEAVES:
            return after
        self.depth += 1
        if self.depth > DEEPEST:
            raise TooMuch("an expression nested too deep")
        try:
            return self.evaluate(node, after, target)
        finally:
            self.depth -= 1

    def evaluate(self, node: Node, after: list[int], target: str) -> list[int]:
        """Lower an expression by its kind."""
        kind = node.type
        if kind == "call_expression":
            return self.call(node, after, target)
        if kind == "assignment_expression":
            return self.assign(node, after)
        children = node.named_children
        if kind in ("parenthesized_expression", "cast_expression", "comma_expression"):
            if kind == "cast_expression" and target == UNUSED:
                target = ""  # (void)f(): thrown away on purpose
            for child in children:
                after = self.value(child, after, target if child == children[-1] else "")
            return after
        if kind == "conditional_expression":
            condition = node.child_by_field_name("condition")
            yes, no = node.child_by_field_name("consequence"), node.child_by_field_name("alternative")
            if condition is None:
                return after
            on_yes, on_no = self.branch(condition, after)
            left = self.value(yes, on_yes, target) if yes else on_yes
            right = self.value(no, on_no, target) if no else on_no
            return left + right
        if kind == "binary_expression" and self.operator(node) in ("&&", "||") and self.has_call(node):
            on_yes, on_no = self.branch(node, after)
            return on_yes + on_no
        if kind == "update_expression" and children:
            step = Instruction("assign", self.span(node), target=squash(self.source(children[0])), op="++")
            return self.add(step, after)
        if kind in ("sizeof_expression", "type_descriptor"):
            return after
        for child in children:
            after = self.value(child, after)
        return after

    def call(self, node: Node, after: list[int], target: str) -> list[int]:
        """Lower a call behind its arguments; `guard(x)(y)` opens a guard of the block."""
        callee, args = node.child_by_field_name("function"), node.child_by_field_name("arguments")
        for child in args.named_children if args else []:
            after = self.value(child, after)
        whole = self.expr(node)
        step = Instruction(
            "call", self.span(node), name=whole.text, args=whole.args, target=target, derefs=self.derefs(node)
        )
        if callee is not None and callee.type == "call_expression":  # guard(x)(y)
            inner = self.expr(callee)
            if inner.text in self.guards and inner.args and self.blocks:
                named, given = (", ".join(arg.text for arg in one.args) for one in (inner, whole))
                guard = f"{inner.text}({named})({given})"
                self.blocks[-1].append(guard)
                step = step._replace(name=inner.text, args=(inner.args[0], *whole.args), op=guard)
        return self.add(step, after)

    def assign(self, node: Node, after: list[int]) -> list[int]:
        """Lower an assignment behind its operands."""
        left, right = node.child_by_field_name("left"), node.child_by_field_name("right")
        if left is None or right is None:
            return after
        target = squash(self.source(left))
        after = self.value(right, self.value(left, after), target)
        step = Instruction(
            "assign",
            self.span(node),
            target=target,
            op=self.operator(node),
            value=self.expr(right),
            derefs=self.derefs(node),
        )
        return self.add(step, after)

    # -- conditions --

    def branch(self, node: Node, after: list[int]) -> tuple[list[int], list[int]]:
        """Lower a condition: what leads on where it is true, and where it is false.

        Raises TooMuch where it is nested deeper than DEEPEST.
        """
        self.depth += 1
        if self.depth > DEEPEST:
            raise TooMuch("a condition nested too deep")
        try:
            return self._branch(node, after)
        finally:
            self.depth -= 1

    def _branch(self, node: Node, after: list[int]) -> tuple[list[int], list[int]]:
        children = [child for child in node.named_children if child.type != "comment"]
        if node.type == "parenthesized_expression" and len(children) == 1:
            return self.branch(children[0], after)
        if node.type == "call_expression":
            callee, args = node.child_by_field_name("function"), node.child_by_field_name("arguments")
            listed = args.named_children if args else []
            if callee is not None and self.source(callee) in self.transparent and len(listed) == 1:
                return self.branch(listed[0], after)
        operator = self.operator(node)
        if node.type == "unary_expression" and operator == "!" and children:
            yes, no = self.branch(children[0], after)
            return no, yes
        if node.type == "binary_expression" and operator in ("&&", "||") and len(children) == 2:
            yes, no = self.branch(children[0], after)
            if operator == "&&":
                yes, more = self.branch(children[1], yes)
                return yes, no + more
            more, no = self.branch(children[1], no)
            return yes + more, no
        after = self.value(node, after)
        value = self.expr(node)
        while value.op == "=" and value.args:
            value = value.args[0]
        [index] = self.add(Instruction("test", self.span(node), value=value, derefs=self.derefs(node)), after)
        if value.op == "num":
            never = value.text in ("0", "0L", "0UL")
            return ([] if never else [index]), ([-index - 1] if never else [])
        return [index], [-index - 1]
