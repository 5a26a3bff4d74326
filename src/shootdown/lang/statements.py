"""Statements: blocks, loops and assertions."""

from __future__ import annotations

import ast
from dataclasses import replace

from shootdown.lang.branches import Branches
from shootdown.lang.errors import RefusedError
from shootdown.lang.scope import (
    Loop,
    Names,
    Slot,
    Unclear,
    can_leave,
    loaded_outside,
    stored_names,
)
from shootdown.lang.sections import Section
from shootdown.lang.subset import FOR_ELSE, WHILE_ELSE, refusal
from shootdown.lang.tables import ASSERTION
from shootdown.lang.values import (
    NONE,
    Dynamic,
    LockUse,
    Poison,
    Static,
    Value,
)

AGAIN = Unclear(
    "is assigned again further down in this loop, so what it holds here is not known",
    "let it hold a number, a flag or a page-table entry, or use another name in the loop",
)


class Statements(Branches):
    """The whole compiler for the code of one actor."""

    def body(self, statements: list[ast.stmt]) -> None:
        """A block. A refused statement does not stop the rest from being looked at."""
        for node in statements:
            if self.scope.ended:
                return
            scope, place, depth = self.scope, self.place_now, self.depth
            counts = self.atomic, self.ghosts, self.judging, self.contexts
            lengths = len(self.held), len(self.stack), len(scope.loops)
            self.place_now = scope, node
            try:
                self.statement(node)
            except RefusedError as refused:
                self.scope, self.depth = scope, depth
                self.atomic, self.ghosts, self.judging, self.contexts = counts
                held, calls, loops = lengths
                del self.held[held:], self.stack[calls:], scope.loops[loops:]
                scope.ended = False
                self._recover(node, refused)
            self.place_now = place

    def _recover(self, node: ast.stmt, refused: RefusedError) -> None:
        """Go on after a refusal: what the statement would have set is unknown, and says nothing."""
        if refused.diagnostic is not None:
            self.tables.errors.add(refused.diagnostic)
        for name in stored_names(node):
            self.scope.names[name] = Poison()
        returns = any(isinstance(child, ast.Return) for child in ast.walk(node))
        self.scope.refused = self.scope.refused or returns
        match node:
            case ast.If():
                blocks = [node.body, node.orelse]
            case ast.While() | ast.For() | ast.With():
                blocks = [node.body]
            case ast.Match():
                blocks = [case.body for case in node.cases]
            case ast.Try():
                handlers = [handler.body for handler in node.handlers]
                blocks = [node.body, *handlers, node.orelse, node.finalbody]
            case _:
                blocks = []
        self.scope.loops.append(Loop(self.label(), self.label(), len(self.held)))
        for block in blocks:
            self.body(block)
            self.scope.ended = False
        self.scope.loops.pop()

    def statement(self, node: ast.stmt) -> None:
        """One statement."""
        match node:
            case ast.Expr(value=ast.Constant()) | ast.Pass() | ast.AnnAssign(value=None):
                pass
            case ast.Expr(value=ast.BoolOp() as both):
                end = self.label()
                self.condition(both, end, end)
                self.place(end)
            case ast.Expr():
                self._alone(self.expression(node.value))
            case ast.Assign():
                value = self.expression(node.value)
                for target in node.targets:
                    self.assign_target(target, value)
            case ast.AnnAssign(value=ast.expr() as given):
                self.assign_target(node.target, self.expression(given))
            case ast.AugAssign():
                self.augmented(node)
            case ast.Return():
                self.return_value(NONE if node.value is None else self.expression(node.value))
            case ast.Assert():
                self._assert(node)
            case _:
                self._compound(node)

    def _alone(self, value: Value) -> None:
        """An expression for what it does; naming a section does nothing."""
        if isinstance(value, LockUse) or isinstance(getattr(value, "value", None), Section):
            raise self.refuse("this holds nothing by itself", "write it after `with`")

    def _compound(self, node: ast.stmt) -> None:
        match node:
            case ast.If():
                self.if_statement(node)
            case ast.Match():
                self.match_statement(node)
            case ast.While():
                self._while(node)
            case ast.For():
                self._for(node)
            case ast.With():
                self.with_block(node.items, node.body)
            case ast.Try():
                self.try_block(node)
            case ast.Break() | ast.Continue():
                self.leave_loop(isinstance(node, ast.Break))
            case _:
                raise self.refuse(*refusal(node))

    # --- loops --------------------------------------------------------------------------------

    def _while(self, node: ast.While) -> None:
        if self.atomic:
            raise self.refuse(
                "`while` inside an indivisible step needs a bound the checker can see",
                "write `for … in range(…)` and `break`",
            )
        if node.orelse:
            raise self.refuse(*WHILE_ELSE)
        again, inside, leave = self.label(), self.label(), self.label()
        self.place(again)
        self.point(loop=True)
        self._turn(node.body)
        head = dict(self.scope.names)
        self.depth += 1
        known = self.condition(node.test, inside, leave)
        self.depth -= 1
        if known is False:
            return
        loop = Loop(again, leave, len(self.held))
        self.place(inside)
        self._loop_body(node.body, loop)
        if not self.scope.ended:
            self.jump(again)
        self.place(leave)
        self.meet([*loop.leave_names, *([] if known else [head])])

    def _turn(self, body: list[ast.stmt]) -> None:
        """A loop begins here: what its body assigns is known in the first round only."""
        for name in frozenset[str]().union(*map(stored_names, body)):
            found = self.scope.names.get(name)
            if found is not None and not isinstance(found, Slot | Poison | Unclear):
                self.scope.names[name] = AGAIN

    def _loop_body(self, body: list[ast.stmt], loop: Loop) -> None:
        self.depth += 1
        self.scope.loops.append(loop)
        self.body(body)
        self.scope.loops.pop()
        self.depth -= 1

    def _for(self, node: ast.For) -> None:
        if node.orelse:
            raise self.refuse(*FOR_ELSE)
        value = self.expression(node.iter)
        bounds = self.bounds_of(value)
        if bounds is None:
            self._unroll(node, self.members(value))
        elif not isinstance(node.target, ast.Name):
            raise self.refuse("a loop over a range has one name", "write one name after `for`")
        else:
            self._for_range(node, node.target.id, *bounds)

    def _for_range(
        self, node: ast.For, name: str, start: Static | Dynamic, end: Static | Dynamic
    ) -> None:
        with self.counted(name, start, end) as counted:
            if counted is None:
                return
            self._turn(node.body)
            head = dict(self.scope.names)
            if name in self.scope.changing:
                self.bind(name, counted.index)
            else:  # the index itself; whoever keeps it takes a copy
                self.scope.names[name] = counted.index
            loop = Loop(counted.step, counted.leave, len(self.held))
            self._loop_body(node.body, loop)
            rounds = [*loop.again_names, *([] if self.scope.ended else [self.scope.names])]
        self.meet([*loop.leave_names, *rounds, *([] if counted.surely else [head])])

    def _unroll(self, node: ast.For, members: tuple[Value, ...]) -> None:
        leave = self.label()
        # With a break or continue, what follows is only reached in some runs: it counts as a
        # branch, and what the loop sets for later lives in registers.
        inside = can_leave(node)
        if inside:
            outside = loaded_outside(self.scope.node, node)
            self.scope.changing |= stored_names(node) & outside
        self.depth += inside
        left: list[Names] = []
        for member in members:
            loop = Loop(self.label(), leave, len(self.held))
            self.scope.loops.append(loop)
            self.assign_target(node.target, self.loaded(member))
            self.body(node.body)
            self.scope.loops.pop()
            self.place(loop.again)
            left += loop.leave_names
            self.meet([*loop.again_names, *([] if self.scope.ended else [self.scope.names])])
            if self.scope.ended:
                break
        self.depth -= inside
        self.place(leave)
        self.meet([*left, *([] if self.scope.ended else [self.scope.names])])

    # --- assertions ----------------------------------------------------------------------------

    def _assert(self, node: ast.Assert) -> None:
        message = self.expression(node.msg) if node.msg is not None else NONE
        value = self.judged(node.test)
        rule = ASSERTION
        if isinstance(message, Static) and message.value:
            rule = replace(rule, sentence=str(message.value))
        if self.tables.options.checked:
            self.check(value, rule)
