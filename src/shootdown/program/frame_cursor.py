"""Where a program hands out page frames: the windows of straight code that move its cursor on.

`program.frames` says what a cursor is, and why it has to be touched like that and not otherwise.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

from shootdown.program.operation import (
    Arithmetic,
    Binary,
    Check,
    Const,
    Count,
    Load,
    Move,
    Operation,
    Reg,
    Store,
    targets,
    writes,
)
from shootdown.program.program import Program


class Refused(Exception):  # noqa: N818  (nobody made a mistake)
    """Frames can be told apart."""


@dataclass(frozen=True, slots=True)
class Window:
    """Operations `first` to `last` of an actor hand out a frame."""

    actor: int
    first: int
    last: int
    names: frozenset[int]
    """registers that hold the frame"""
    arithmetic: frozenset[int]
    """operations that compute the next cursor"""


class Cursor:
    """A variable, taken to be the cursor."""

    def __init__(self, program: Program, variable: int) -> None:
        self.program = program
        self.variable = variable
        self.windows: list[Window] = []
        self.count = 0
        if program.variables[variable].length != 1:
            raise Refused
        for actor in range(len(program.actors)):
            self._find_windows(actor)
        if not self.windows:
            raise Refused

    def _find_windows(self, actor: int) -> None:
        code = self.program.actors[actor].code
        loads = [i for i, op in enumerate(code) if self._touches(op, Load)]
        stores = [i for i, op in enumerate(code) if self._touches(op, Store)]
        if len(loads) != len(stores):
            raise Refused
        aims = {
            target
            for index, operation in enumerate(code)
            for target in targets(operation, index)
            if target != index + 1
        }
        for first, last in zip(loads, stores, strict=True):
            if first > last or aims & set(range(first + 1, last + 1)):
                raise Refused
            self.windows.append(self._window(actor, first, last))
        if any(a.last > b.first for a, b in pairwise(self.windows) if a.actor == b.actor):
            raise Refused

    def _touches(self, operation: Operation, how: type) -> bool:
        return isinstance(operation, how) and getattr(operation, "variable", -1) == self.variable

    def _window(self, actor: int, first: int, last: int) -> Window:
        """Follow the frame through straight code; what is overwritten is not followed."""
        holds: dict[int, str] = {}
        checked = False
        arithmetic: set[int] = set()
        names: set[int] = set()
        for index in range(first, last):
            operation = self.program.actors[actor].code[index]
            if not isinstance(operation, Move | Binary | Check | Load | Store | Count):
                raise Refused
            if isinstance(operation, Check):
                checked |= self._is_nonzero(operation, holds)
                continue
            result = self._result(operation, holds)
            written = writes(operation)
            if written is None:
                continue
            holds.pop(written, None)
            if result:
                holds[written] = result
                if result in ("one more", "next"):
                    arithmetic.add(index)
                if result == "frame":
                    names.add(written)
        store = self.program.actors[actor].code[last]
        assert isinstance(store, Store)
        if not checked or not isinstance(store.a, Reg) or holds.get(store.a.index) != "next":
            raise Refused
        return Window(actor, first, last, frozenset(names), frozenset(arithmetic | {last}))

    def _is_nonzero(self, check: Check, holds: dict[int, str]) -> bool:
        widens = self.program.rules[check.rule].verdict == "widen"
        return widens and isinstance(check.a, Reg) and holds.get(check.a.index) == "nonzero"

    def _result(self, operation: Operation, holds: dict[int, str]) -> str:
        """What the operation makes of the frame handed out."""
        match operation:
            case Load(variable=self.variable):
                return "frame"
            case Move(a=Reg(register)):
                return holds.get(register, "")
            case Binary(a=Reg(register), b=Const(value)):
                return self._computed(operation.operator, holds.get(register, ""), value)
            case _:
                return ""

    def _computed(self, operator: Arithmetic, held: str, value: int) -> str:
        match operator, held:
            case Arithmetic.NE, "frame" if value == 0:
                return "nonzero"
            case Arithmetic.ADD, "frame" if value == 1:
                return "one more"
            case Arithmetic.MOD, "one more" if self.count in (0, value):
                self.count = value
                return "next"
            case _:
                return ""


def candidates(program: Program) -> set[int]:
    """Variables into which the rest of a division goes; of all, the cursor among them."""
    found: set[int] = set()
    for actor in program.actors:
        rests = {
            operation.dst
            for operation in actor.code
            if isinstance(operation, Binary) and operation.operator is Arithmetic.MOD
        }
        found |= {op.variable for op in actor.code if isinstance(op, Store) and op.a in rests}
    return found
