"""Conditions: `and`, `or`, `not`, comparisons and `a if b else c`.

They branch as in C, because looking at shared state is a step and must not happen needlessly.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from shootdown.lang.errors import RefusedError
from shootdown.lang.names import Names
from shootdown.lang.scope import Slot
from shootdown.lang.shapes import fits_slot, is_poisoned, structured
from shootdown.lang.values import Dynamic, Items, Static, Struct, Value, kind_of
from shootdown.program import kind as kinds
from shootdown.program.operation import Arithmetic, Reg


@dataclass(frozen=True, slots=True)
class Counted:
    """A loop over a range: its index, and where its rounds and the loop itself end."""

    index: Dynamic
    step: int
    leave: int
    surely: bool
    """there is at least one round"""


class Conditions(Names):
    """The part of the compiler that knows conditions."""

    def expression(self, node: ast.expr) -> Value:
        raise NotImplementedError  # `expressions.Expressions` has it

    @contextmanager
    def sometimes(self) -> Iterator[None]:
        """Around code inside an expression that only some runs execute."""
        ended = self.scope.ended
        self.depth += 1
        yield
        self.depth -= 1
        self.scope.ended = ended

    @contextmanager
    def counted(
        self, name: str, start: Static | Dynamic, end: Static | Dynamic
    ) -> Iterator[Counted | None]:
        """Around the body of a loop over a range; None if the range is surely empty."""
        last = self.need_scalar(self.own(f"{name}.end", end))
        low, high = kind_of(start), kind_of(end)
        if high.high <= low.low:
            yield None
            return
        whole = kinds.integer(low.low, max(low.high, high.high))
        index = self.temporary(whole, name, changes=True)
        self.assign(index, start)
        again, inside, step, leave = (self.label() for _ in range(4))
        self.place(again)
        here = self.read(index)
        self.branch(self.binary(Arithmetic.LT, here, last, "more"), inside, leave)
        inner = Dynamic(index, kinds.integer(low.low, high.high - 1))
        self.place(inside)
        yield Counted(inner, step, leave, surely=low.high < high.low)
        self.place(step)
        self.assign(index, self.arithmetic(ast.Add(), inner, Static(1)))
        self.jump(again)
        self.place(leave)

    # --- as a branch --------------------------------------------------------------------------

    def condition(self, node: ast.expr, then: int, other: int) -> bool | None:
        """Branch on an expression; True or False if it is known now (and nothing leads away)."""
        before, self.place_now = self.place_now, (self.scope, node)
        try:
            return self._condition(node, then, other)
        finally:
            self.place_now = before

    def _condition(self, node: ast.expr, then: int, other: int) -> bool | None:
        match node:
            case ast.BoolOp():
                return self._connected(node, then, other)
            case ast.UnaryOp(op=ast.Not(), operand=operand):
                known = self.condition(operand, other, then)
                return None if known is None else not known
            case ast.Compare(ops=[_, _, *_]):
                return self._chain(node, then, other)
            case _:
                return self._branch_on(self.truth(self.expression(node)), then, other)

    def _branch_on(self, value: Static | Dynamic, then: int, other: int) -> bool | None:
        if isinstance(value, Static):
            return self.truth_of(value)
        self.branch(value, then, other)
        return None

    def _connected(self, node: ast.BoolOp, then: int, other: int) -> bool | None:
        """`and` goes on while parts are true, `or` while they are false."""
        *first, last = node.values
        conjunction = isinstance(node.op, ast.And)
        for part in first:
            go_on = self.label()
            yes, no = (go_on, other) if conjunction else (then, go_on)
            with self.sometimes():
                known = self.condition(part, yes, no)
            self.place(go_on)
            if known is not None and known != conjunction:
                return self._settled(known, then, other)
        with self.sometimes():
            known = self.condition(last, then, other)
        return known if known is None else self._settled(known, then, other)

    def _settled(self, known: bool, then: int, other: int) -> bool | None:
        """A later part decides, but an earlier part may already have branched: then jump."""
        if self.leads_to(then) or self.leads_to(other):
            self.jump(then if known else other)
            return None
        return known

    def _chain(self, node: ast.Compare, then: int, other: int) -> bool | None:
        """a < b < c: the third is only looked at if the first two compare so."""
        left = self.expression(node.left)
        for op, right_node in zip(node.ops, node.comparators, strict=True):
            right = self.expression(right_node)
            value = self.compare(op, left, right)
            left = right
            if right_node is node.comparators[-1]:
                break
            if isinstance(value, Static):
                if not self.truth_of(value):
                    return self._settled(False, then, other)
                continue
            go_on = self.label()
            self.branch(value, go_on, other)
            self.place(go_on)
        known = self._branch_on(value, then, other)
        return known if known is None else self._settled(known, then, other)

    # --- as a value ---------------------------------------------------------------------------

    def comparison(self, node: ast.Compare) -> Value:
        """The value of a comparison."""
        if len(node.ops) == 1:
            left = self.expression(node.left)
            return self.compare(node.ops[0], left, self.expression(node.comparators[0]))
        then, other, end = self.label(), self.label(), self.label()
        known = self._chain(node, then, other)
        if known is not None:
            return Static(known)
        register = self.register("condition")
        for label, flag in ((then, True), (other, False)):
            self.place(label)
            self.assign(register, Static(flag))
            self.jump(end)
        self.place(end)
        return self.read(register)

    def connected_value(self, node: ast.BoolOp) -> Value:
        """`a and b` and `a or b` are one of their parts, the first that decides, as in Python."""
        *first, last = node.values
        conjunction = isinstance(node.op, ast.And)
        register, end = self.register("either"), self.label()
        for part in first:
            with self.sometimes():
                value = self.expression(part)
            truth = self.truth(value)
            if isinstance(truth, Static):
                if self.truth_of(truth) == conjunction:
                    continue
                return self._last_part(value, register, end)
            self.assign(register, self.need_scalar(value))
            go_on = self.label()
            self.branch(truth, *((go_on, end) if conjunction else (end, go_on)))
            self.place(go_on)
        with self.sometimes():
            value = self.expression(last)
        return self._last_part(value, register, end)

    def _last_part(self, value: Value, register: Reg, end: int) -> Value:
        if not self.leads_to(end):
            return value
        self.assign(register, self.need_scalar(value))
        self.place(end)
        return self.read(register)

    def conditional(self, node: ast.IfExp) -> Value:
        """a if b else c"""
        then, other, end = self.label(), self.label(), self.label()
        known = self.condition(node.test, then, other)
        if known is not None:
            return self.expression(node.body if known else node.orelse)
        slot: Slot | None = None
        for label, part in ((then, node.body), (other, node.orelse)):
            self.place(label)
            with self.sometimes():
                value = structured(self.expression(part))
                if is_poisoned(value):
                    raise RefusedError(None)
                if not isinstance(value, Items | Struct) or not fits_slot(value):
                    value = self.need_value(value, part)
            slot = slot or self.new_slot("either", value)
            self.set_slot("either", slot, value)
            self.jump(end)
        self.place(end)
        assert slot is not None
        return self.read_slot(slot)
