"""Lowers the statements of a function's body to instructions and links them to its CFG."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct
from tree_sitter import Node

from reviewbot.frontend.expressions import DEEPEST, TooMuch, equal
from reviewbot.frontend.fragments import OPEN
from reviewbot.frontend.instructions import UNUSED, Expr, Instruction, squash, squeeze
from reviewbot.frontend.lower_expr import ExpressionLowering

_TWO_CALLS = ("macro_type_specifier", "function_declarator")  # what `macro(a) call(b);` is taken for
Blocks = tuple[tuple[str, ...], ...]


class Loop(Struct, frozen=True):
    """Where the `break` and `continue` instructions of a loop or switch wait to be linked."""

    breaks: list[int]
    continues: list[int]
    depth: int  # of blocks around it
    synthetic: bool  # made up: where it ends is not known
    switch: bool = False


class FunctionLowering(ExpressionLowering):
    """Lowers one function's statements.

    A method takes a node and the indexes of the instructions that lead to it, and returns those that lead on; see
    ExpressionLowering for how the two ways of a test are written. `do_<type>` lowers the nodes of that type.
    """

    def __init__(self, text: bytes, shift: int, words: Mapping[str, frozenset[str]], marks: Mapping[int, str]) -> None:
        super().__init__(text, shift, words, marks)
        self.labels: dict[str, tuple[int, Blocks]] = {}
        self.gotos: list[tuple[int, str, Blocks]] = []
        self.loops: list[Loop] = []

    def evaluate(self, node: Node, after: list[int], target: str) -> list[int]:
        """Lower an expression as the base class does, and a statement expression, `({ ... })`, as a block."""
        if node.type == "compound_statement":  # a statement expression: ({ ... })
            return self.compound(node, after, target)
        return super().evaluate(node, after, target)

    def compound(self, node: Node, after: list[int], target: str = "") -> list[int]:
        """Lower a block and end its guards. `target`: the variable that the value of its last statement goes to."""
        self.blocks.append([])
        children = node.named_children
        for child in children:
            last = target and child == children[-1]
            if last and child.type == "expression_statement" and child.named_children:
                after = self.value(child.named_children[0], after, target)
            else:
                after = self.statement(child, after)
        guards = self.blocks.pop()
        return self.leave(node, after, guards)

    def leave(self, node: Node, after: list[int], guards: list[str] | tuple[str, ...]) -> list[int]:
        """End the guards of a block, last first."""
        for guard in reversed(guards):
            after = self.add(Instruction("leave", (self.span(node)[1],) * 2, target=guard), after)
        return after

    def statement(self, node: Node, after: list[int]) -> list[int]:
        """Lower any statement by its type. Raises TooMuch where statements are nested deeper than DEEPEST."""
        self.depth += 1
        if self.depth > DEEPEST:
            raise TooMuch("statements nested too deep")
        try:
            handler = getattr(self, "do_" + node.type, None)
            if handler is not None:
                result: list[int] = handler(node, after)
                return result
            for child in node.named_children:
                after = self.statement(child, after) if child.type.endswith("_statement") else self.value(child, after)
            return after
        finally:
            self.depth -= 1

    def do_compound_statement(self, node: Node, after: list[int]) -> list[int]:
        """Lower a block."""
        return self.compound(node, after)

    def do_expression_statement(self, node: Node, after: list[int]) -> list[int]:
        """Lower an expression whose value is thrown away."""
        for child in node.named_children:
            after = self.value(child, after, UNUSED)
        return after

    def do_declaration(self, node: Node, after: list[int]) -> list[int]:
        """Lower a declaration to an assignment for each variable; its op is "" where nothing is assigned."""
        kind, made = node.child_by_field_name("type"), node.child_by_field_name("declarator")
        if kind is not None and made is not None and (kind.type, made.type) == _TWO_CALLS:
            raise TooMuch(f"not understood: {squeeze(self.source(node))[:60]}")
        static = any(child.type == "storage_class_specifier" for child in node.children)
        for child in node.named_children:
            if child.type == "init_declarator":
                name, value = child.child_by_field_name("declarator"), child.child_by_field_name("value")
                target = squash(self.source(name)).lstrip("*") if name else ""
                after = self.value(value, after, target) if value else after
                step = Instruction("assign", self.span(child), target=target, op="=", declares=True, static=static)
                if value is not None:
                    step = step._replace(value=self.expr(value), derefs=self.derefs(value))
                after = self.add(step, after)
            elif child.type.endswith("declarator") or child.type == "identifier":
                target = squash(self.source(child)).lstrip("*")
                step = Instruction("assign", self.span(child), target=target, op="", declares=True, static=static)
                after = self.add(step, after)
        return after

    def do_return_statement(self, node: Node, after: list[int]) -> list[int]:
        """Lower a return; nothing leads on from it."""
        values = [child for child in node.named_children if child.type != "comment"]
        for child in values:
            after = self.value(child, after, "return")
        value = self.expr(values[0]) if values else None
        derefs = self.derefs(values[0]) if values else frozenset()
        self.add(Instruction("return", self.span(node), value=value, derefs=derefs), after)
        return []

    def do_if_statement(self, node: Node, after: list[int]) -> list[int]:
        """Lower an if with all of its else-ifs."""
        out: list[int] = []
        at: Node | None = node
        while at is not None and at.type == "if_statement":  # else-if chains may be long: no recursion
            condition, yes = at.child_by_field_name("condition"), at.child_by_field_name("consequence")
            other = at.child_by_field_name("alternative")
            if condition is None:
                return out + after
            on_yes, after = self.branch(condition, after)
            out += self.statement(yes, on_yes) if yes else on_yes
            at = next((child for child in other.named_children if child.type != "comment"), None) if other else None
        return out + (self.statement(at, after) if at is not None else after)

    def loop_body(self, body: Node | None, after: list[int], synthetic: bool) -> tuple[list[int], list[int]]:
        """Lower a loop's body.

        Returns the indexes from which the loop goes round again, and those from which a break leaves it.
        """
        loop = self.enter_loop(synthetic)
        ends = self.statement(body, after) if body else after
        self.loops.pop()
        return ends + loop.continues, loop.breaks

    def do_while_statement(self, node: Node, after: list[int]) -> list[int]:
        """Lower a while loop, an iterator macro or a scoped guard; `marks` says which stood there."""
        mark = self.marks.get(node.start_byte, "")
        condition, body = node.child_by_field_name("condition"), node.child_by_field_name("body")
        if mark in self.scoped and condition is not None:
            return self.scoped_guard(node, condition, body, after)
        head = self.add(Instruction("join", self.span(node)), after)
        synthetic = condition is not None and OPEN in self.source(condition)
        yes, no = self.branch(condition, head) if condition is not None else (head, [])
        if mark:  # an iterator: its cursor is fresh in each round, and any round may be the last
            [index] = self.add(
                Instruction("test", self.span(node), value=Expr("other", f"@{node.start_byte}")), yes + no
            )
            yes, no = [index], [-index - 1]
        ends, breaks = self.loop_body(body, yes, synthetic)
        self.link(ends, head[0])
        return no + breaks

    def scoped_guard(self, node: Node, condition: Node, body: Node | None, after: list[int]) -> list[int]:
        """Lower a scoped guard: a call that takes it, the body, and its end."""
        args = self.expr(condition)
        listed = self.flat_comma(condition)
        texts = [arg.text for arg in listed] or [args.text]
        guard = f"{texts[0]}({','.join(texts[1:])})"
        step = Instruction("call", self.span(condition), name=self.marks[node.start_byte], args=tuple(listed), op=guard)
        after = self.add(step, after)
        self.blocks.append([guard])
        loop = self.enter_loop(False)  # scoped_guard() is a for loop: break leaves it
        after = self.statement(body, after) if body else after
        self.loops.pop()
        self.blocks.pop()
        return self.leave(node, after + loop.breaks + loop.continues, [guard])

    def flat_comma(self, node: Node) -> list[Expr]:
        """The operands of nested comma expressions, from left to right."""
        todo, out = [node], []
        while todo:
            at = todo.pop()
            if at.type in ("parenthesized_expression", "comma_expression"):
                todo.extend(reversed(at.named_children))
            else:
                out.append(self.expr(at))
        return out

    def do_do_statement(self, node: Node, after: list[int]) -> list[int]:
        """Lower a do loop."""
        condition, body = node.child_by_field_name("condition"), node.child_by_field_name("body")
        head = self.add(Instruction("join", self.span(node)), after)
        synthetic = condition is not None and OPEN in self.source(condition)
        ends, breaks = self.loop_body(body, head, synthetic)
        yes, no = self.branch(condition, ends) if condition is not None else (ends, ends)
        self.link(yes, head[0])
        return no + breaks

    def do_for_statement(self, node: Node, after: list[int]) -> list[int]:
        """Lower a for loop."""
        start, condition = node.child_by_field_name("initializer"), node.child_by_field_name("condition")
        update, body = node.child_by_field_name("update"), node.child_by_field_name("body")
        if start is not None:
            after = self.statement(start, after) if start.type == "declaration" else self.value(start, after)
        head = self.add(Instruction("join", self.span(node)), after)
        yes, no = self.branch(condition, head) if condition is not None else (head, [])
        ends, breaks = self.loop_body(body, yes, False)
        if update is not None:
            ends = self.value(update, ends)
        self.link(ends, head[0])
        return no + breaks

    def do_switch_statement(self, node: Node, after: list[int]) -> list[int]:
        """Lower a switch: every case is reached from its head, and from the case above where that falls through."""
        condition, body = node.child_by_field_name("condition"), node.child_by_field_name("body")
        after = self.value(condition, after) if condition else after
        [head] = self.add(Instruction("join", self.span(node)), after)
        chosen = self.expr(condition) if condition else None
        loop = self.enter_loop(False, switch=True)
        self.blocks.append([])
        ends: list[int] = []
        default = False
        for child in body.named_children if body else []:
            if child.type == "case_statement":
                default |= self.text[child.start_byte : child.start_byte + 7] == b"default"
                ends = self.case(child, [*ends, head], None if ends else chosen)
            else:
                ends = self.statement(child, ends)
        self.blocks.pop()
        self.loops.pop()
        return ends + loop.breaks + ([] if default else [head])

    def case(self, node: Node, after: list[int], chosen: Expr | None = None) -> list[int]:
        """Lower the statements of one case. `chosen`: what its switch is about, None where the case above goes on."""
        value = node.child_by_field_name("value")
        asked = self.expr(value) if value is not None and chosen is not None else None
        known = (equal(chosen, asked),) if chosen is not None and asked is not None else ()
        after = self.add(Instruction("join", self.span(node), args=known), after)
        for child in node.named_children:
            if child != value:
                after = self.statement(child, after)
        return after

    def do_case_statement(self, node: Node, after: list[int]) -> list[int]:
        """A case whose switch is not in the text: how it is reached is unknown."""
        return self.case(node, after)

    def do_labeled_statement(self, node: Node, after: list[int]) -> list[int]:
        """Lower a label, to which gotos are linked in the end, and its statement."""
        label = node.child_by_field_name("label")
        name = self.source(label) if label else ""
        after = self.add(Instruction("join", self.span(node), name=name), after)
        if label is not None:
            self.labels[name] = after[0], tuple(tuple(block) for block in self.blocks)
        for child in node.named_children:
            if child != label:
                after = self.statement(child, after)
        return after

    def do_goto_statement(self, node: Node, after: list[int]) -> list[int]:
        """Lower a goto, to be linked in the end; nothing leads on from it."""
        label = node.child_by_field_name("label")
        [index] = self.add(Instruction("join", self.span(node)), after)
        name = self.source(label) if label else ""
        self.gotos.append((index, name, tuple(tuple(block) for block in self.blocks)))
        return []

    def enter_loop(self, synthetic: bool, switch: bool = False) -> Loop:
        """Begin a loop or switch. `synthetic`: it was made up to close a fragment."""
        self.loops.append(Loop([], [], len(self.blocks), synthetic, switch))
        return self.loops[-1]

    def jump(self, node: Node, after: list[int], loop: Loop | None) -> list[int]:
        """End the guards of the blocks that a break or continue leaves, and return what is to be linked with its
        target.

        Where the loop itself is not in the text the path is lost, and nothing is returned.
        """
        if loop is None or loop.synthetic:
            self.add(Instruction("lost", self.span(node)), after)
            return []
        for block in reversed(self.blocks[loop.depth :]):
            after = self.leave(node, after, block)
        return after

    def do_break_statement(self, node: Node, after: list[int]) -> list[int]:
        """Lower a break of the innermost loop or switch."""
        loop = self.loops[-1] if self.loops else None
        out = self.jump(node, after, loop)
        if loop is not None:
            loop.breaks.extend(out)
        return []

    def do_continue_statement(self, node: Node, after: list[int]) -> list[int]:
        """Lower a continue of the innermost loop."""
        loop = next((loop for loop in reversed(self.loops) if not loop.switch), None)
        out = self.jump(node, after, loop)
        if loop is not None:
            loop.continues.extend(out)
        return []

    def do_preproc_if(self, node: Node, after: list[int]) -> list[int]:
        """Pass over an #if: none is left by preprocess.directives."""
        return after

    def do_comment(self, node: Node, after: list[int]) -> list[int]:
        """Pass over a comment."""
        return after

    def do_function_definition(self, node: Node, after: list[int]) -> list[int]:
        """Pass over a function inside a body."""
        return after  # what tree-sitter takes for one inside a body is a macro with a block

    def run(self, body: Node, line: int, ends: bool) -> tuple[Instruction, ...]:
        """All instructions of a body; instruction 0 is its start. `ends`: its closing brace is in the text."""
        after = self.compound(body, self.add(Instruction("join", (line, line)), []))
        return self.finish(body, after, ends)

    def finish(self, node: Node, after: list[int], ends: bool) -> tuple[Instruction, ...]:
        """Link gotos to their labels and add how the end of the text is reached."""
        last = (self.span(node)[1],) * 2
        self.add(Instruction("end" if ends else "lost", last), after)
        for index, name, blocks in self.gotos:
            if name not in self.labels:
                self.add(Instruction("lost", self.steps[index].lines), [index])
                continue
            target, inside = self.labels[name]
            same = sum(1 for here, there in zip(blocks, inside, strict=False) if here[: len(there)] == there)
            out = [index]
            for block in reversed(blocks[same:]):
                out = self.leave(node, out, block)
            self.link(out, target)
        return self.linked()
