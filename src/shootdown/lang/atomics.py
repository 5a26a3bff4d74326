"""Accesses made for concurrency, by the kernel's names.

READ_ONCE and WRITE_ONCE read and write like any access, and are marked. The atomic operations do
both with one piece of state in one step.

The state is named, not read: in `atomic_inc(self.users)` the argument is a place. Other arguments
are values, read before, each read a step as everywhere. What the operations mean is said in
Documentation/atomic_t.txt and Documentation/atomic_bitops.txt of Linux; they are fully ordered
there, and everything is here.
"""

from __future__ import annotations

import ast
from collections.abc import Callable
from types import FunctionType
from typing import cast

from shootdown.lang import actions
from shootdown.lang.assignments import Assignments
from shootdown.lang.declaration import Declaration
from shootdown.lang.subset import DOUBLE_STAR, refusal
from shootdown.lang.values import NONE, Dynamic, Static, Value, describe, kind_of, operand_of
from shootdown.program.kind import Family

Place = tuple[Declaration, Static | Dynamic]
Scalar = Static | Dynamic


class Atomics(Assignments):
    """The part of the compiler that knows atomic operations."""

    def atomic_call(self, function: FunctionType, node: ast.Call) -> Value:
        """A call of one of the functions of `ATOMICS`."""
        self._refuse_stars(node)
        names = function.__code__.co_varnames[: function.__code__.co_argcount]
        if node.keywords or len(node.args) != len(names):
            raise self.refuse(
                f"`{function.__name__}` takes {len(names)} values by position",
                f"write {function.__name__}({', '.join(names)})",
            )
        place: Place | None = None
        values: list[Scalar] = []
        for name, argument in zip(names, node.args, strict=True):
            if name == "state":
                place = self._state(function, argument)
            else:
                value = self.need_value(self.expression(argument), argument)
                values.append(cast(Scalar, self.own(name, value)))
        assert place is not None
        self.marked += 1
        result = ATOMICS[function](self, place, *values)
        self.marked -= 1
        return result

    def _refuse_stars(self, node: ast.Call) -> None:
        for argument in node.args:
            if isinstance(argument, ast.Starred):
                raise self.refuse(*refusal(argument), where=self.scope.where(argument))
        if any(keyword.arg is None for keyword in node.keywords):
            raise self.refuse(*DOUBLE_STAR)

    def _state(self, function: FunctionType, argument: ast.expr) -> Place:
        if not isinstance(argument, ast.Attribute | ast.Subscript):
            raise self.refuse(
                f"`{function.__name__}` needs to be told the state, not its value",
                f"name it in full: {function.__name__}(…self.users…)",
                self.scope.where(argument),
            )
        return self.target_place(argument)

    # --- one step -----------------------------------------------------------------------------

    def _read(self, place: Place) -> Dynamic:
        return self.load(*place)

    def _write(self, place: Place, value: Scalar) -> None:
        """The second half of the step: no point stands before it."""
        self.atomic += 1
        self.store(*place, value)
        self.atomic -= 1

    def _write_if(self, condition: Scalar, place: Place, value: Scalar) -> None:
        then, end = self.label(), self.label()
        self.branch(condition, then, end)
        self.place(then)
        self._write(place, value)
        self.place(end)

    def _number(self, place: Place) -> Dynamic:
        """What a place holds, which has to be a number that can be counted up and down."""
        old = self._read(place)
        if old.kind.family not in (Family.INT, Family.COUNTER):
            raise self.refuse(f"`{place[0].name}` is not a number", "declare it as Int or Counter")
        return old

    # --- the operations -----------------------------------------------------------------------

    def read_once(self, place: Place) -> Value:
        """READ_ONCE"""
        return self._read(place)

    def write_once(self, place: Place, value: Scalar) -> Value:
        """WRITE_ONCE"""
        self.store(*place, value)
        return NONE

    def increment(self, place: Place) -> Value:
        """atomic_inc"""
        return self.add(place, Static(1))

    def decrement(self, place: Place) -> Value:
        """atomic_dec"""
        return self.add(place, Static(-1))

    def add(self, place: Place, amount: Scalar) -> Value:
        """atomic_add"""
        self._add(place, amount)
        return NONE

    def _add(self, place: Place, amount: Scalar) -> tuple[Scalar, Scalar]:
        """What was there, and what is written."""
        old = self._number(place)
        new = self.arithmetic(ast.Add(), old, self.need_scalar(amount))
        self._write(place, new)
        return old, new

    def subtract(self, place: Place, amount: Scalar) -> Value:
        """atomic_sub"""
        old = self._number(place)
        self._write(place, self.arithmetic(ast.Sub(), old, self.need_scalar(amount)))
        return NONE

    def add_and_return(self, place: Place, amount: Scalar) -> Value:
        """atomic_add_return"""
        _, new = self._add(place, amount)
        if place[0].family != "counter":
            return new
        self.atomic += 1  # a counter wraps: what is there now is read in the same step
        wrapped = self._read(place)
        self.atomic -= 1
        return wrapped

    def increment_and_return(self, place: Place) -> Value:
        """atomic_inc_return"""
        return self.add_and_return(place, Static(1))

    def decrement_and_return(self, place: Place) -> Value:
        """atomic_dec_return"""
        return self.add_and_return(place, Static(-1))

    def fetch_and_add(self, place: Place, amount: Scalar) -> Value:
        """atomic_fetch_add"""
        return self._add(place, amount)[0]

    def add_unless(self, place: Place, amount: Scalar, unless: Scalar) -> Value:
        """atomic_add_unless"""
        old = self._number(place)
        other = self.compare(ast.NotEq(), old, self.need_scalar(unless))
        self._write_if(other, place, self.arithmetic(ast.Add(), old, self.need_scalar(amount)))
        return other

    def decrement_and_test(self, place: Place) -> Value:
        """atomic_dec_and_test"""
        old = self._number(place)
        self._write(place, self.arithmetic(ast.Sub(), old, Static(1)))
        return self.compare(ast.Eq(), old, Static(1))

    def increment_not_zero(self, place: Place) -> Value:
        """atomic_inc_not_zero"""
        old = self._number(place)
        some = self.compare(ast.NotEq(), old, Static(0))
        self._write_if(some, place, self.arithmetic(ast.Add(), old, Static(1)))
        return some

    def exchange(self, place: Place, new: Scalar) -> Value:
        """xchg"""
        old = self._read(place)
        self._write(place, new)
        return old

    def compare_and_exchange(self, place: Place, expected: Scalar, new: Scalar) -> Value:
        """cmpxchg"""
        old = self._read(place)
        self._write_if(self.compare(ast.Eq(), old, expected), place, new)
        return old

    def set_bit(self, place: Place, number: Scalar) -> Value:
        """set_bit"""
        self.test_and_set(place, number)
        return NONE

    def clear_bit(self, place: Place, number: Scalar) -> Value:
        """clear_bit"""
        self.test_and_clear(place, number)
        return NONE

    def test_bit(self, place: Place, number: Scalar) -> Value:
        """test_bit"""
        return self._test(*self._bits(place, number))

    def test_and_set(self, place: Place, number: Scalar) -> Value:
        """test_and_set_bit"""
        old, mask = self._bits(place, number)
        self._write(place, self.arithmetic(ast.BitOr(), old, mask))
        return self._test(old, mask)

    def test_and_clear(self, place: Place, number: Scalar) -> Value:
        """test_and_clear_bit"""
        old, mask = self._bits(place, number)
        found = self.arithmetic(ast.BitAnd(), old, mask)
        cleared = self.arithmetic(ast.BitXor(), old, found)
        self._write(place, Dynamic(operand_of(cleared), old.kind))
        return self._test(old, mask)

    def _bits(self, place: Place, number: Scalar) -> tuple[Dynamic, Scalar]:
        """What a place holds, and the mask of one bit of it."""
        mask = self.arithmetic(ast.LShift(), Static(1), self.need_scalar(number))
        old = self._read(place)
        is_number = old.kind.family in (Family.INT, Family.FLAG)
        if not is_number or old.kind.low < 0 or kind_of(mask).low > old.kind.high:
            raise self.refuse(
                f"`{place[0].name}` has no bit {self._shown(number)}",
                "declare it as Int(0, high) with room for the bit, or as Flag, which has bit 0",
            )
        return old, mask

    def _shown(self, number: Scalar) -> str:
        return str(number.value) if isinstance(number, Static) else describe(number)

    def _test(self, old: Scalar, mask: Scalar) -> Value:
        return self.compare(ast.NotEq(), self.arithmetic(ast.BitAnd(), old, mask), Static(0))


ATOMICS: dict[FunctionType, Callable[..., Value]] = {
    cast(FunctionType, function): method
    for function, method in (
        (actions.READ_ONCE, Atomics.read_once),
        (actions.WRITE_ONCE, Atomics.write_once),
        (actions.atomic_inc, Atomics.increment),
        (actions.atomic_dec, Atomics.decrement),
        (actions.atomic_add, Atomics.add),
        (actions.atomic_sub, Atomics.subtract),
        (actions.atomic_add_return, Atomics.add_and_return),
        (actions.atomic_inc_return, Atomics.increment_and_return),
        (actions.atomic_dec_return, Atomics.decrement_and_return),
        (actions.atomic_fetch_add, Atomics.fetch_and_add),
        (actions.atomic_add_unless, Atomics.add_unless),
        (actions.set_bit, Atomics.set_bit),
        (actions.clear_bit, Atomics.clear_bit),
        (actions.test_bit, Atomics.test_bit),
        (actions.atomic_dec_and_test, Atomics.decrement_and_test),
        (actions.atomic_inc_not_zero, Atomics.increment_not_zero),
        (actions.xchg, Atomics.exchange),
        (actions.cmpxchg, Atomics.compare_and_exchange),
        (actions.test_and_set_bit, Atomics.test_and_set),
        (actions.test_and_clear_bit, Atomics.test_and_clear),
    )
}
