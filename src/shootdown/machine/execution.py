"""One actor executing operations: the meaning of every operation, in plain Python, once.

Everything that runs a program without LLVM goes through `Execution`: the interpreter on packed
states and the runner on wide ones. They differ in where variables lie (`Memory`) and in who
decides a Choose. An execution goes from a point to the next stop; it keeps account of what it
passed.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum
from typing import Any, Protocol

from shootdown.program.kind import Family, Kind
from shootdown.program.known import KNOWN
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
    Mode,
    Move,
    Operand,
    Point,
    Progress,
    Release,
    Store,
)
from shootdown.program.program import Program
from shootdown.program.wellformed import IllFormedError
from shootdown.program.where import Where

FUEL = 1 << 20
"""how often a step of a search may turn back; loops of steps are a few pages long"""


class EndlessStepError(IllFormedError):
    """A step goes round a loop without a point, for ever: our bug, made visible."""

    def __init__(self, actor: str, where: Where) -> None:
        super().__init__(actor, where)
        self.actor = actor
        self.where = where

    def __str__(self) -> str:
        return f"{self.where}: a step of {self.actor} never ends"


class Memory(Protocol):
    """Where the variables of a program lie."""

    def load(self, variable: int, index: int) -> int:
        """The value of one element."""

    def store(self, variable: int, index: int, value: int) -> None:
        """Put a value that fits into one element."""


class Ending(Enum):
    """Why an execution stopped."""

    ARRIVED = "at a point"
    HALTED = "done"
    BLOCKED = "a guard failed or a lock was taken: the step does not happen"
    BROKEN = "a check failed"
    KNOWN = "a check of a known rule failed: the step could be taken and leads nowhere"


_ARITHMETIC: dict[Arithmetic, Callable[[int, int], int]] = {
    Arithmetic.ADD: lambda a, b: a + b,
    Arithmetic.SUB: lambda a, b: a - b,
    Arithmetic.MUL: lambda a, b: a * b,
    Arithmetic.DIV: lambda a, b: a // b,
    Arithmetic.MOD: lambda a, b: a % b,
    Arithmetic.AND: lambda a, b: a & b,
    Arithmetic.OR: lambda a, b: a | b,
    Arithmetic.XOR: lambda a, b: a ^ b,
    Arithmetic.SHL: lambda a, b: a << b,
    Arithmetic.SHR: lambda a, b: a >> b,
    Arithmetic.EQ: lambda a, b: int(a == b),
    Arithmetic.NE: lambda a, b: int(a != b),
    Arithmetic.LT: lambda a, b: int(a < b),
    Arithmetic.LE: lambda a, b: int(a <= b),
}


def write_held(kind: Kind, actor: int) -> int:
    """The value of a lock that this actor holds alone."""
    return actor + 1 + (kind.readers if kind.family is Family.RWLOCK else 0)


def shares(kind: Kind, mode: Mode) -> bool:
    """Whether holding a lock of this kind in this mode lets others in."""
    return kind.family is Family.RWLOCK and mode is Mode.READ


class Execution:
    """An actor on its way from one point to the next.

    `run` may be called again at the point where it stopped; registers go on from there.
    """

    def __init__(
        self,
        program: Program,
        actor: int,
        registers: list[int],
        memory: Memory,
        choose: Callable[[int], int],
        *,
        fuel: int = 0,
    ) -> None:
        self.program = program
        self.actor = actor
        self.code = program.actors[actor].code
        self.registers = registers
        self.memory = memory
        self.choose = choose
        self.fuel = fuel
        """how often a step may turn back; 0: as often as it likes"""
        self.reached: list[int] = []
        """operations executed, in order; the point at which it stops is not one of them"""
        self.checked: list[int] = []
        """rules checked, in order"""
        self.counts: list[tuple[int, int]] = []
        """(counter, amount) of every Count"""
        self.progressed = False
        """whether it passed a Progress"""
        self.ending = Ending.ARRIVED

    def run(self, index: int) -> tuple[Ending, int]:
        """Execute from the point at `index`; why it stopped, and at which operation.

        Raises:
            EndlessStepError: if the step has fuel and burns it all.
        """
        fuel = self.fuel
        while True:
            self.reached.append(index)
            operation = self.code[index]
            following = _EXECUTE[type(operation)](self, operation, index)
            if following < 0:
                return self.ending, index
            if isinstance(self.code[following], Point):
                return Ending.ARRIVED, following
            if following <= index:
                fuel -= 1
                if fuel == 0:
                    raise EndlessStepError(self.program.actors[self.actor].name, operation.where)
            index = following

    def value(self, operand: Operand) -> int:
        """The value of a register or constant."""
        return operand.value if isinstance(operand, Const) else self.registers[operand.index]

    def _stop(self, ending: Ending) -> int:
        self.ending = ending
        return -1

    def _point(self, operation: Point, index: int) -> int:
        return index + 1

    def _move(self, operation: Move, index: int) -> int:
        self.registers[operation.dst.index] = self.value(operation.a)
        return index + 1

    def _binary(self, operation: Binary, index: int) -> int:
        apply = _ARITHMETIC[operation.operator]
        self.registers[operation.dst.index] = apply(
            self.value(operation.a), self.value(operation.b)
        )
        return index + 1

    def _choose(self, operation: Choose, index: int) -> int:
        self.registers[operation.dst.index] = self.choose(operation.bound)
        return index + 1

    def _load(self, operation: Load, index: int) -> int:
        element = self.value(operation.index)
        self.registers[operation.dst.index] = self.memory.load(operation.variable, element)
        return index + 1

    def _store(self, operation: Store, index: int) -> int:
        kind = self.program.variables[operation.variable].kind
        value = self.value(operation.a)
        if kind.family is Family.COUNTER:
            value &= kind.high
        self.memory.store(operation.variable, self.value(operation.index), value)
        return index + 1

    def _acquire(self, operation: Acquire, index: int) -> int:
        kind = self.program.variables[operation.variable].kind
        held = self.memory.load(operation.variable, 0)
        if shares(kind, operation.mode):
            if held >= kind.readers:
                return self._stop(Ending.BLOCKED)
            self.memory.store(operation.variable, 0, held + 1)
        else:
            if held:
                return self._stop(Ending.BLOCKED)
            self.memory.store(operation.variable, 0, write_held(kind, self.actor))
        return index + 1

    def _release(self, operation: Release, index: int) -> int:
        kind = self.program.variables[operation.variable].kind
        shared = shares(kind, operation.mode)
        held = self.memory.load(operation.variable, 0) if shared else 1
        self.memory.store(operation.variable, 0, held - 1)
        return index + 1

    def _downgrade(self, operation: Downgrade, index: int) -> int:
        self.memory.store(operation.variable, 0, 1)
        return index + 1

    def _jump(self, operation: Jump, index: int) -> int:
        return operation.target

    def _branch(self, operation: Branch, index: int) -> int:
        return operation.then if self.value(operation.a) else operation.other

    def _guard(self, operation: Guard, index: int) -> int:
        return index + 1 if self.value(operation.a) else self._stop(Ending.BLOCKED)

    def _halt(self, operation: Halt, index: int) -> int:
        return self._stop(Ending.HALTED)

    def _check(self, operation: Check, index: int) -> int:
        self.checked.append(operation.rule)
        if self.value(operation.a):
            return index + 1
        known = self.program.rules[operation.rule].verdict == KNOWN
        return self._stop(Ending.KNOWN if known else Ending.BROKEN)

    def _count(self, operation: Count, index: int) -> int:
        self.counts.append((operation.counter, self.value(operation.a)))
        return index + 1

    def _progress(self, operation: Progress, index: int) -> int:
        self.progressed = True
        return index + 1


_EXECUTE: dict[type, Callable[[Execution, Any, int], int]] = {
    Point: Execution._point,
    Move: Execution._move,
    Binary: Execution._binary,
    Choose: Execution._choose,
    Load: Execution._load,
    Store: Execution._store,
    Acquire: Execution._acquire,
    Release: Execution._release,
    Downgrade: Execution._downgrade,
    Jump: Execution._jump,
    Branch: Execution._branch,
    Guard: Execution._guard,
    Halt: Execution._halt,
    Check: Execution._check,
    Count: Execution._count,
    Progress: Execution._progress,
}
