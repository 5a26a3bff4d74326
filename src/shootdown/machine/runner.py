"""One run with given choices: replaying a workload through the very program that is checked.

A runner holds the machine (one buffer) and any number of address spaces (one buffer each), and
drives one actor at a time: for each row of digits the actor leaves its REST point, its Chooses
take the row's digits, and it comes back to rest. Others only run where it has to wait for them.
Event counters and broken rules are what comes out.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from shootdown.machine.result import Engine
from shootdown.machine.wide import (
    Board,
    Buffer,
    Buffers,
    Driver,
    Making,
    Numbers,
    Pace,
    Place,
    Status,
    WideLayout,
    make_wide_layout,
)
from shootdown.machine.wide_python import PythonDriver
from shootdown.program.operation import Patience, Point
from shootdown.program.program import Program
from shootdown.program.where import Where

ROWS = 1 << 16
"""rows in one native call: between calls Ctrl-C is heard"""


@dataclass(frozen=True, slots=True, eq=False)
class Space:
    """One address space: its variables, and where every actor stands in it."""

    mm: Buffer


@dataclass(frozen=True, slots=True)
class Broken:
    """A check that failed in a drive."""

    rule: str
    actor: int
    index: int
    """of the check in the actor's code"""
    where: Where


@dataclass(frozen=True, slots=True)
class Driven:
    """What became of a drive: rows done, and the rule that ended it early."""

    rows: int
    broken: Broken | None
    halted: bool
    """the actor ended; rows after that have not been looked at"""


class RunError(Exception):
    """A drive cannot go on. The space is left in the middle of a row."""

    def __init__(self, message: str, row: int, waiting: tuple[str, ...] = ()) -> None:
        super().__init__(message, row, waiting)
        self.message = message
        self.row = row
        self.waiting = waiting
        """names of the actors that wait, for a deadlock"""

    def __str__(self) -> str:
        return f"row {self.row}: {self.message}"


class Runner:
    """Runs one program on wide state.

    Not for several threads at a time: all spaces share the machine and the counters.
    """

    def __init__(
        self,
        program: Program,
        engine: Engine = "native",
        check_bounds: bool = False,
        pace: Pace | None = None,
        *,
        kept: str = "",
    ) -> None:
        """`kept`: native code is made quickly, and kept under this name for the next process."""
        self.program = program
        self.layout = make_wide_layout(program)
        self.pace = pace or Pace()
        self.machine: Buffer = np.zeros(self.layout.machine, np.int32)
        self._counters: Numbers = np.zeros(len(program.counters), np.int64)
        self._driver = _make_driver(
            program, self.layout, self.pace, engine, Making(check_bounds, kept)
        )
        names = (variable.name for variable in program.variables)
        self._places = dict(zip(names, self.layout.variables, strict=True))
        self._begins_set = [any(variable.initial) for variable in program.variables]
        self._fill(self.machine, machine=True, start=0)

    def new_space(self, start: int = 0) -> Space:
        """An address space at one of the program's starts; every actor at its first point."""
        mm: Buffer = np.zeros(self.layout.mm, np.int32)
        self._fill(mm, machine=False, start=start)
        return Space(mm)

    def _fill(self, buffer: Buffer, machine: bool, start: int) -> None:
        """Initial values; zeros stay untouched, so that memory nobody uses is never there."""
        rows = zip(self.program.variables, self.layout.variables, self._begins_set, strict=True)
        for variable, place, is_set in rows:
            if is_set and place.machine == machine:
                buffer[place.offset : place.offset + place.length] = variable.initial
        for number, index, value in self.program.initials[start]:
            place = self.layout.variables[number]
            if place.machine == machine:
                buffer[place.offset + index] = value

    def copy_space(self, space: Space) -> Space:
        """A second address space equal to the first, as after a fork."""
        return Space(space.mm.copy())

    def view(self, space: Space, variable: str) -> Buffer:
        """The elements of a variable, as a window that may also be written."""
        place: Place = self._places[variable]
        buffer = self.machine if place.machine else space.mm
        return buffer[place.offset : place.offset + place.length]

    @property
    def counters(self) -> dict[str, int]:
        """What the program counted since the last reset, in all spaces together."""
        return dict(zip(self.program.counters, self._counters.tolist(), strict=True))

    def reset_counters(self) -> None:
        """Count from zero again."""
        self._counters[:] = 0

    def drive(self, space: Space, actor: int, digits: Numbers) -> Driven:
        """One row of `digits` after the other; digits a row does not need are not looked at.

        Raises:
            RunError: nobody can move (a deadlock), the actor does not come to rest, a digit is
                missing or not among its choices, or an index is out of range.
        """
        digits = np.ascontiguousarray(digits, np.int64)
        settled = self._settle(space, actor)
        if settled.broken or settled.halted:
            return settled
        done = 0
        while done < len(digits):
            part = self._drive(space, actor, digits[done : done + ROWS], done)
            done += part.rows
            if part.broken or part.halted:
                return Driven(done, part.broken, part.halted)
        return Driven(done, None, False)

    def _settle(self, space: Space, actor: int) -> Driven:
        """An actor that has not yet come to its first REST point goes there, without digits."""
        code = self.program.actors[actor]
        pc = int(space.mm[self.layout.pcs[actor]])
        if pc == code.halted or self._rests(actor, pc):
            return Driven(0, None, pc == code.halted)
        way = self._drive(space, actor, np.zeros((1, 0), np.int64), 0)
        return Driven(0, way.broken, way.halted)

    def _drive(self, space: Space, actor: int, digits: Numbers, first: int) -> Driven:
        """Rows of one call; `first` is the number of the first one in messages."""
        board: Numbers = np.zeros(len(Board), np.int64)
        buffers = Buffers(space.mm, self.machine, self._counters)
        spent, last = 0, -1
        while True:
            status = self._driver.drive(buffers, actor, digits, board)
            row = int(board[Board.ROW])
            if status in (Status.RESTED, Status.HALTED):
                return Driven(row, None, status is Status.HALTED)
            if status is Status.BROKEN:
                return Driven(row, self._broken(board), False)
            spent = spent + 1 if row == last else 1
            last = row
            if status is not Status.SPENT or spent > self.pace.patience:
                raise self._error(status, space, actor, board, first + row)

    def _broken(self, board: Numbers) -> Broken:
        actor, index = int(board[Board.ACTOR]), int(board[Board.PLACE])
        rule = self.program.rules[int(board[Board.RULE])]
        return Broken(rule.name, actor, index, self.program.actors[actor].code[index].where)

    def _error(
        self, status: Status, space: Space, driven: int, board: Numbers, row: int
    ) -> RunError:
        if status is Status.BLOCKED:
            waiting = self._waiting(space, driven)
            names = ", ".join(f"{name} at {place}" for name, place in waiting)
            return RunError(f"deadlock: {names}", row, tuple(name for name, _ in waiting))
        if status is Status.SPENT:
            return RunError("it does not come to rest", row)
        actor, index = int(board[Board.ACTOR]), int(board[Board.PLACE])
        where = self.program.actors[actor].code[index].where
        return RunError(
            f"{self.program.actors[actor].name}: {_COMPLAINTS[status]}, at {where}", row
        )

    def _waiting(self, space: Space, driven: int) -> list[tuple[str, Where]]:
        """The driven actor, and whoever else stands where it must go on."""
        found = []
        for number, actor in enumerate(self.program.actors):
            pc = int(space.mm[self.layout.pcs[number]])
            if pc == actor.halted:
                continue
            if number == driven or self._patience(number, pc) is Patience.MUST:
                found.append((actor.name, actor.code[actor.points[pc]].where))
        return found

    def _rests(self, actor: int, pc: int) -> bool:
        return self._patience(actor, pc) is Patience.REST

    def _patience(self, actor: int, pc: int) -> Patience:
        point = self.program.actors[actor].code[self.program.actors[actor].points[pc]]
        assert isinstance(point, Point)
        return point.patience


_COMPLAINTS = {
    Status.BAD_DIGIT: "a digit is not among its choices",
    Status.NO_DIGIT: "the row has too few digits",
    Status.OUT_OF_RANGE: "an index is out of range",
}


def _make_driver(
    program: Program, layout: WideLayout, pace: Pace, engine: Engine, making: Making
) -> Driver:
    """The engine asked for; LLVM is only imported for its own."""
    if engine == "python":
        return PythonDriver(program, layout, pace)
    from shootdown.machine.native.drive import NativeDriver

    return NativeDriver(program, layout, pace, making)
