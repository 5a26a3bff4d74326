"""Expressions: from a syntax node to a value.

What is known now is computed now; the rest becomes operations.
"""

from __future__ import annotations

import ast
from dataclasses import replace

from shootdown.lang.conditions import Conditions
from shootdown.lang.paging import Pte
from shootdown.lang.shapes import opened
from shootdown.lang.subset import refusal
from shootdown.lang.values import NONE, Dynamic, Items, Static, Value, kind_of, operand_of
from shootdown.program import kind as kinds


class Expressions(Conditions):
    """The part of the compiler that knows expressions. Calls are added by a subclass."""

    def comprehension(self, node: ast.ListComp | ast.GeneratorExp) -> Value:
        raise NotImplementedError  # `comprehensions.Comprehensions` has it

    def call(self, node: ast.Call) -> Value:
        raise NotImplementedError  # `calls.Calls` has it

    def expression(self, node: ast.expr) -> Value:
        """The value of any expression."""
        before, self.place_now = self.place_now, (self.scope, node)
        try:
            return self._dispatch(node)
        finally:
            self.place_now = before

    def _dispatch(self, node: ast.expr) -> Value:
        match node:
            case ast.Constant():
                return Static(node.value)
            case ast.Name():
                return self.name(node.id)
            case ast.Attribute():
                return self.attribute(self.expression(node.value), node.attr)
            case ast.Subscript(slice=ast.Slice() as part):
                return self._slice(self.expression(node.value), part)
            case ast.Subscript():
                return self.subscript(self.expression(node.value), self.expression(node.slice))
            case ast.Call():
                return self.call(node)
            case ast.Tuple() | ast.List():
                shape = tuple if isinstance(node, ast.Tuple) else list
                return Items(tuple(self.expression(element) for element in node.elts), shape)
            case ast.ListComp():
                return self.comprehension(node)
            case ast.JoinedStr():
                return self._joined(node)
            case _:
                return self._operation(node)

    def _slice(self, value: Value, node: ast.Slice) -> Value:
        """A part of a list or tuple known now; the bounds are known too."""
        ends = (node.lower, node.upper, node.step)
        bounds = [NONE if end is None else self.expression(end) for end in ends]
        whole = opened(value)
        if not isinstance(whole, Items) or not all(isinstance(end, Static) for end in bounds):
            raise self.refuse(
                "a slice needs a list and bounds known before the model runs",
                "loop over a range(…) and use one element at a time",
            )
        part = slice(*(end.value for end in bounds if isinstance(end, Static)))
        return replace(whole, values=self.compute(lambda: whole.values[part]))

    def _operation(self, node: ast.expr) -> Value:
        match node:
            case ast.BinOp():
                a, b = self.scalar(node.left), self.scalar(node.right)
                return self.arithmetic(node.op, a, b)
            case ast.UnaryOp():
                return self._unary(node)
            case ast.Compare():
                return self.comparison(node)
            case ast.BoolOp():
                return self.connected_value(node)
            case ast.IfExp():
                return self.conditional(node)
            case _:
                raise self.refuse(*refusal(node))

    def scalar(self, node: ast.expr) -> Static | Dynamic:
        """An expression that has to be a number, a flag or a page-table entry."""
        return self.need_scalar(self.expression(node), node)

    def _unary(self, node: ast.UnaryOp) -> Value:
        match node.op:
            case ast.Not():
                return self.negate(self.truth(self.expression(node.operand)))
            case ast.USub():
                return self.arithmetic(ast.Sub(), Static(0), self.scalar(node.operand))
            case ast.UAdd():
                return self.scalar(node.operand)
            case _:
                raise self.refuse(*refusal(node.op))

    def _joined(self, node: ast.JoinedStr) -> Value:
        text = ""
        for part in node.values:
            value = self.expression(part.value if isinstance(part, ast.FormattedValue) else part)
            if not isinstance(value, Static):
                raise self.refuse(
                    "a text can only be built from what is known before the run",
                    "leave the value out: a counterexample shows it",
                )
            text += str(value.value)
        return Static(text)

    def make_pte(self, frame: Static | Dynamic, rights: Static | Dynamic) -> Static | Dynamic:
        """Pte(frame, rights); without rights the entry is empty whatever the frame."""
        if isinstance(frame, Static) and isinstance(rights, Static):
            return Static(self.compute(Pte, frame.value, rights.value))
        if isinstance(rights, Static) and rights.value == 0:
            return Static(Pte(0, 0))
        frames = self.tables.options.geometry.frames
        shifted = self.arithmetic(ast.LShift(), frame, Static(kinds.RIGHTS_BITS))
        entry = self.arithmetic(ast.BitOr(), shifted, rights)
        whole = kinds.pte(frames)
        found = Dynamic(operand_of(entry), whole)
        if kind_of(rights).low > 0:
            return found
        register, filled, end = self.temporary(whole, "pte"), self.label(), self.label()
        self.assign(register, Static(0))
        self.branch(rights, filled, end)
        self.place(filled)
        self.assign(register, found)
        self.place(end)
        return self.read(register)
