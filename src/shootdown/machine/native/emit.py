"""Operations to LLVM IR: what the native engines have in common.

One actor becomes one function. Registers are stack slots, which LLVM's SROA pass turns into values;
within a block a register read twice is loaded once. Where variables lie and what happens at a
point, a failed guard, a broken check or a Choose is left to the subclass: see `packed` and `wide`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any

from shootdown.machine.execution import shares, write_held
from shootdown.machine.native.blocks import find_blocks
from shootdown.machine.native.text import Text
from shootdown.program.kind import Family
from shootdown.program.operation import (
    Acquire,
    Arithmetic,
    Binary,
    Branch,
    Check,
    Choose,
    Const,
    Count,
    Downgrade,
    Guard,
    Halt,
    Jump,
    Load,
    Move,
    Operand,
    Point,
    Progress,
    Reg,
    Release,
    Store,
)
from shootdown.program.program import Program

_SIMPLE = {
    Arithmetic.ADD: "add",
    Arithmetic.SUB: "sub",
    Arithmetic.MUL: "mul",
    Arithmetic.AND: "and",
    Arithmetic.OR: "or",
    Arithmetic.XOR: "xor",
    Arithmetic.SHL: "shl",
    Arithmetic.SHR: "ashr",
}
_COMPARE = {
    Arithmetic.EQ: "eq",
    Arithmetic.NE: "ne",
    Arithmetic.LT: "slt",
    Arithmetic.LE: "sle",
}


def power(number: int) -> int | None:
    """The exponent, if the number is a power of two."""
    return number.bit_length() - 1 if number & (number - 1) == 0 else None


class ActorWriter(ABC):
    """Writes the operations of one actor into a function body."""

    def __init__(self, program: Program, number: int) -> None:
        self.program = program
        self.number = number
        self.actor = program.actors[number]
        self.text = Text()
        self.blocks = find_blocks(self.actor)
        self.point_numbers = {index: n for n, index in enumerate(self.actor.points)}
        self.current = 0
        """index of the operation being written"""
        self._values: dict[int, str] = {}
        self._flags: dict[str, str] = {}

    @abstractmethod
    def load(self, variable: int, index: Operand) -> str:
        """The value of an element."""

    @abstractmethod
    def store(self, variable: int, index: Operand, value: str) -> None:
        """Put a value into an element."""

    @abstractmethod
    def choose(self, bound: int, index: int) -> str:
        """The next choice."""

    @abstractmethod
    def count(self, counter: int, amount: str) -> None:
        """Add to an event counter."""

    @abstractmethod
    def progress(self) -> None:
        """The step gets something done."""

    @abstractmethod
    def check(self, rule: int, passed: str, index: int) -> None:
        """Go on at the next operation if the flag is set; the rule is broken if not."""

    @abstractmethod
    def enter(self, block: int) -> None:
        """A basic block begins."""

    def destination(self, index: int) -> str:
        """The label where execution goes on at an operation."""
        if index in self.point_numbers:
            return f"arrive{self.point_numbers[index]}"
        return f"code{index}"

    def way(self, target: int) -> str:
        """The label to jump to in order to go on at an operation."""
        return self.destination(target)

    def write_code(self) -> None:
        """Every block but those of points, which belong to the subclass."""
        for number, block in enumerate(self.blocks):
            if isinstance(self.actor.code[block.start], Point):
                continue
            self.text.label(f"code{block.start}")
            self.begin_block()
            self.enter(number)
            for index in block:
                self.current = index
                operation = self.actor.code[index]
                _WRITE[type(operation)](self, operation, index)
            if not isinstance(self.actor.code[block.stop - 1], _ENDS):
                self.text.jump(self.destination(block.stop))

    def begin_block(self) -> None:
        """Nothing is known about the values of registers here."""
        self._values.clear()
        self._flags.clear()

    def value(self, operand: Operand) -> str:
        """A register or constant as an i64."""
        if isinstance(operand, Const):
            return str(operand.value)
        if operand.index not in self._values:
            self._values[operand.index] = self.text.set(f"load i64, ptr %r{operand.index}")
        return self._values[operand.index]

    def set_register(self, register: Reg, value: str) -> None:
        """Give a register a value."""
        self._values[register.index] = value
        self.text.line(f"store i64 {value}, ptr %r{register.index}")

    def flag(self, operand: Operand) -> str:
        """Whether an operand is not 0, as an i1."""
        value = self.value(operand)
        return self._flags.get(value) or self.text.set(f"icmp ne i64 {value}, 0")

    def _move(self, operation: Move, index: int) -> None:
        self.set_register(operation.dst, self.value(operation.a))

    def _binary(self, operation: Binary, index: int) -> None:
        a, b = self.value(operation.a), self.value(operation.b)
        if operation.operator in _SIMPLE:
            result = self.text.set(f"{_SIMPLE[operation.operator]} i64 {a}, {b}")
        elif operation.operator in _COMPARE:
            flag = self.text.set(f"icmp {_COMPARE[operation.operator]} i64 {a}, {b}")
            result = self.text.set(f"zext i1 {flag} to i64")
            self._flags[result] = flag
        else:
            result = self._divide(operation.operator, a, int(b))
        self.set_register(operation.dst, result)

    def _divide(self, operator: Arithmetic, a: str, divisor: int) -> str:
        """Floor division or its remainder; the hardware truncates, Python rounds down."""
        shift = power(divisor)
        wants_quotient = operator is Arithmetic.DIV
        if shift is not None:
            apply = f"ashr i64 {a}, {shift}" if wants_quotient else f"and i64 {a}, {divisor - 1}"
            return self.text.set(apply)
        rest = self.text.set(f"srem i64 {a}, {divisor}")
        negative = self.text.set(f"icmp slt i64 {rest}, 0")
        if wants_quotient:
            quotient = self.text.set(f"sdiv i64 {a}, {divisor}")
            one = self.text.set(f"zext i1 {negative} to i64")
            return self.text.set(f"sub i64 {quotient}, {one}")
        raised = self.text.add(rest, divisor)
        return self.text.set(f"select i1 {negative}, i64 {raised}, i64 {rest}")

    def _choose(self, operation: Choose, index: int) -> None:
        self.set_register(operation.dst, self.choose(operation.bound, index))

    def _load(self, operation: Load, index: int) -> None:
        self.set_register(operation.dst, self.load(operation.variable, operation.index))

    def _store(self, operation: Store, index: int) -> None:
        kind = self.program.variables[operation.variable].kind
        value = self.value(operation.a)
        if kind.family is Family.COUNTER:
            value = self.text.set(f"and i64 {value}, {kind.high}")
        self.store(operation.variable, operation.index, value)

    def _acquire(self, operation: Acquire, index: int) -> None:
        kind = self.program.variables[operation.variable].kind
        held = self.load(operation.variable, Const(0))
        shared = shares(kind, operation.mode)
        limit = kind.readers if shared else 1
        free = self.text.set(f"icmp ult i64 {held}, {limit}")
        self.text.fork(free, f"taken{index}", "blocked")
        self.text.label(f"taken{index}")
        value = self.text.add(held, 1) if shared else str(write_held(kind, self.number))
        self.store(operation.variable, Const(0), value)

    def _release(self, operation: Release, index: int) -> None:
        if shares(self.program.variables[operation.variable].kind, operation.mode):
            held = self.load(operation.variable, Const(0))
            self.store(operation.variable, Const(0), self.text.add(held, -1))
        else:
            self.store(operation.variable, Const(0), "0")

    def _downgrade(self, operation: Downgrade, index: int) -> None:
        self.store(operation.variable, Const(0), "1")

    def _jump(self, operation: Jump, index: int) -> None:
        self.text.jump(self.way(operation.target))

    def _branch(self, operation: Branch, index: int) -> None:
        then, other = self.way(operation.then), self.way(operation.other)
        self.text.fork(self.flag(operation.a), then, other)

    def _guard(self, operation: Guard, index: int) -> None:
        self.text.fork(self.flag(operation.a), self.destination(index + 1), "blocked")

    def _halt(self, operation: Halt, index: int) -> None:
        self.text.jump(f"arrive{self.actor.halted}")

    def _check(self, operation: Check, index: int) -> None:
        self.check(operation.rule, self.flag(operation.a), index)

    def _count(self, operation: Count, index: int) -> None:
        self.count(operation.counter, self.value(operation.a))

    def _progress(self, operation: Progress, index: int) -> None:
        self.progress()


_ENDS = (Guard, Check, Jump, Branch, Halt)
"""operations that write the jump to what follows themselves"""

_WRITE: dict[type, Callable[[ActorWriter, Any, int], None]] = {
    Move: ActorWriter._move,
    Binary: ActorWriter._binary,
    Choose: ActorWriter._choose,
    Load: ActorWriter._load,
    Store: ActorWriter._store,
    Acquire: ActorWriter._acquire,
    Release: ActorWriter._release,
    Downgrade: ActorWriter._downgrade,
    Jump: ActorWriter._jump,
    Branch: ActorWriter._branch,
    Guard: ActorWriter._guard,
    Halt: ActorWriter._halt,
    Check: ActorWriter._check,
    Count: ActorWriter._count,
    Progress: ActorWriter._progress,
}
