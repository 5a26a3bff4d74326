"""Ways out of a block: its end, `return`, `break`, `continue`; and what is done on each of them.

`with` gives its lock back and `try … finally` runs its last block, whichever way is taken. Both are
entries of one stack (`Emitter.held`), innermost last. A way out that skips several of them undoes
them in that order, and each `finally` block is compiled anew at each way out: it sees the names
and the locks of that place.
"""

from __future__ import annotations

import ast
from types import MethodType

from shootdown.lang.atomics import Atomics
from shootdown.lang.declaration import Declaration
from shootdown.lang.emitter import Finally, Held, Inside
from shootdown.lang.errors import RefusedError
from shootdown.lang.locks import Lock
from shootdown.lang.sections import Section
from shootdown.lang.shapes import structured
from shootdown.lang.subset import EXCEPT, WITH_AS, leaves_finally, way_out
from shootdown.lang.values import NONE, LockUse, Poison, Static, Value, describe
from shootdown.program.operation import Mode


class Leaving(Atomics):
    """The part of the compiler that knows `with`, `try … finally`, and leaving them."""

    def leave_down_to(self, depth: int) -> None:
        """What a way out does that leaves all but `depth` blocks; the stack stays as it is."""
        whole = self.held
        try:
            for position in reversed(range(depth, len(whole))):
                self.held = whole[:position]
                self._leave(whole[position])
        finally:
            self.held = whole

    def _leave(self, entry: Held | Finally | Inside) -> None:
        match entry:
            case Held():
                self.give_back(entry)
            case Finally():
                self.body(entry.body)
            case Inside() if not self.scope.ended:
                self._leave_section(entry)

    # --- blocks that are left ------------------------------------------------------------------

    def with_block(self, items: list[ast.withitem], body: list[ast.stmt]) -> None:
        """with lock, lock: body"""
        if not items:
            self.body(body)
            return
        first, *others = items
        if first.optional_vars is not None:
            raise self.refuse(*WITH_AS)
        self.where = self.scope.where(first.context_expr)
        value = self.expression(first.context_expr)
        if isinstance(value, Static) and isinstance(value.value, Section):
            self._section(value.value, others, body)
            return
        lock = self._lock(value)
        if self.atomic:
            raise self.refuse(
                "a lock cannot be taken inside an indivisible step",
                "take it before, or drop @indivisible",
            )
        self.acquire(lock)
        held = len(self.held)
        self.with_block(others, body)
        if self.scope.ended:
            del self.held[held - 1 :]
        else:
            self.release()

    def _section(self, section: Section, others: list[ast.withitem], body: list[ast.stmt]) -> None:
        where = self.where
        token = self.apply(Static(section.enter), [], {})
        self.held.append(Inside(section.leave, self.own("token", token), section.atomic))
        held = len(self.held)
        self.with_block(others, body)
        entry = self.held[held - 1]
        del self.held[held - 1 :]
        self.where = where
        if not self.scope.ended and isinstance(entry, Inside):
            self._leave_section(entry)

    def _leave_section(self, entry: Inside) -> None:
        self.apply(Static(entry.leave), [] if entry.token == NONE else [entry.token], {})

    def _lock(self, value: Value) -> LockUse:
        match value:
            case LockUse():
                return value
            case Static(value=Lock() as lock):
                return LockUse(lock, Mode.WRITE)
            case Static(value=Declaration(family="rwlock") as lock):
                raise self.refuse(
                    f"`{lock.name}` can be held in two ways",
                    f"write `with {lock.attribute}.read():` or `with {lock.attribute}.write():`",
                )
            case Poison():
                raise RefusedError(None)
            case Static(value=MethodType() as method):
                raise self.refuse(
                    f"`with` needs a lock, not the method `{method.__name__}`",
                    f"call it: {method.__name__}()",
                )
            case _:
                raise self.refuse(
                    f"`with` needs a lock, not {describe(value)}",
                    "declare one in __init__: self.lock = Mutex()",
                )

    def try_block(self, node: ast.Try) -> None:
        """try: body, finally: finalbody"""
        if node.handlers:
            raise self.refuse(*EXCEPT)
        left = leaves_finally(node.finalbody)
        if left is not None:
            raise self.refuse(*way_out(left), where=self.scope.where(left))
        self.held.append(Finally(node.finalbody))
        held = len(self.held)
        self.body(node.body)
        del self.held[held - 1 :]
        self.body(node.finalbody)

    # --- ways out -----------------------------------------------------------------------------

    def leave_loop(self, is_break: bool) -> None:
        """break, continue"""
        loop = self.scope.loops[-1]
        self.leave_down_to(loop.held)
        (loop.leave_names if is_break else loop.again_names).append(dict(self.scope.names))
        self.jump(loop.leave if is_break else loop.again)
        self.scope.ended = True

    def return_value(self, value: Value) -> None:
        """return value"""
        scope, name = self.scope, self.scope.function.__name__
        if isinstance(value, Poison):
            raise RefusedError(None)
        if any(isinstance(entry, Finally) for entry in self.held[scope.held :]):
            value = self.own(name, value)  # whatever the last blocks assign
        self.leave_down_to(scope.held)
        if self.depth > scope.depth or scope.jumped:
            self._return_early(name, value)
        else:
            scope.value = self.own(name, value)
        scope.ended = True

    def _return_early(self, name: str, value: Value) -> None:
        scope = self.scope
        scope.jumped = True
        if value == NONE:
            scope.returned_nothing = True
        else:
            value = structured(value)
            scope.result = scope.result or self.new_slot(name, value)
            self.set_slot(name, scope.result, value)
        if scope.returned_nothing and scope.result is not None:
            raise self.refuse(
                f"`{name}` returns a value in one place and nothing in another",
                "return a value on every way out",
            )
        self.jump(scope.leave)
