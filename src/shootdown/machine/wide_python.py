"""The runner's reference engine: `wide` word for word, over `execution`."""

from __future__ import annotations

from dataclasses import dataclass

from shootdown.machine.execution import Ending, Execution
from shootdown.machine.wide import (
    Board,
    Buffer,
    Buffers,
    Numbers,
    Pace,
    Status,
    WideLayout,
    may_block,
    saved_registers,
)
from shootdown.program.operation import Patience, Point
from shootdown.program.program import Program


class _StopError(Exception):
    """Something is wrong with the row or the program; carries what."""

    def __init__(self, status: Status) -> None:
        super().__init__(status.name)
        self.status = status


@dataclass(frozen=True, slots=True)
class _Wide:
    """The variables in their buffers."""

    layout: WideLayout
    buffers: Buffers

    def load(self, variable: int, index: int) -> int:
        buffer, place = self._find(variable, index)
        return int(buffer[place])

    def store(self, variable: int, index: int, value: int) -> None:
        buffer, place = self._find(variable, index)
        buffer[place] = value

    def _find(self, variable: int, index: int) -> tuple[Buffer, int]:
        place = self.layout.variables[variable]
        if not 0 <= index < place.length:
            raise _StopError(Status.OUT_OF_RANGE)
        buffer = self.buffers.machine if place.machine else self.buffers.mm
        return buffer, place.offset + index


class _Digits:
    """The choices of a row; without a row every choice is 0."""

    def __init__(self, row: Numbers | None, board: Numbers) -> None:
        self.row = row
        self.board = board

    def __call__(self, bound: int) -> int:
        if self.row is None:
            return 0
        position = int(self.board[Board.POSITION])
        if position >= len(self.row):
            raise _StopError(Status.NO_DIGIT)
        if not 0 <= self.row[position] < bound:
            raise _StopError(Status.BAD_DIGIT)
        self.board[Board.POSITION] += 1
        return int(self.row[position])


class PythonDriver:
    """Drives actors of one program."""

    def __init__(self, program: Program, layout: WideLayout, pace: Pace) -> None:
        self.program = program
        self.layout = layout
        self.pace = pace
        self._saved = [saved_registers(actor) for actor in program.actors]
        self._blocks = [may_block(actor) for actor in program.actors]

    def drive(self, buffers: Buffers, actor: int, digits: Numbers, board: Numbers) -> Status:
        """See `wide.Driver`."""
        memory = _Wide(self.layout, buffers)
        while board[Board.ROW] < len(digits):
            if not board[Board.RESUME]:
                board[Board.POSITION] = 0
            board[Board.RESUME] = 1
            row = digits[board[Board.ROW]]
            status = self._row(memory, actor, row, board)
            if status not in (Status.RESTED, Status.HALTED):
                return status
            board[Board.ROW] += 1
            board[Board.RESUME] = 0
            if status is Status.HALTED:
                return status
        return Status.RESTED

    def _row(self, memory: _Wide, actor: int, row: Numbers, board: Numbers) -> Status:
        """One row: the actor and, where it cannot go on, the others in turn."""
        others = [a for a in range(len(self.program.actors)) if a != actor]
        turns = 0
        while True:
            status = self._advance(memory, actor, row, board)
            if status not in (Status.BLOCKED, Status.SPENT):
                return status
            idle = 0
            while True:
                if idle == len(others):
                    return status
                other = others[board[Board.TURN] % len(others)]
                board[Board.TURN] = (board[Board.TURN] + 1) % len(others)
                got = self._advance(memory, other, None, board)
                if got >= Status.BROKEN:
                    return got
                if board[Board.PASSED]:
                    break
                idle += 1
            turns += 1
            if turns == self.pace.turns:
                return Status.SPENT

    def _advance(self, memory: _Wide, actor: int, row: Numbers | None, board: Numbers) -> Status:
        """One advance of one actor; what went wrong, if something did, is on the board."""
        code = self.program.actors[actor]
        board[Board.PASSED] = 0
        pc = int(memory.buffers.mm[self.layout.pcs[actor]])
        if pc == code.halted:
            return Status.HALTED if row is not None else Status.ASLEEP
        if row is None and self._rests(actor, pc):
            return Status.ASLEEP
        execution = self._restore(memory, actor, pc, _Digits(row, board))
        return self._walk(memory, execution, code.points[pc], board)

    def _walk(self, memory: _Wide, execution: Execution, index: int, board: Numbers) -> Status:
        """Step after step, until a stop."""
        actor = execution.actor
        points = self.program.actors[actor].points
        while True:
            began = int(board[Board.POSITION])
            try:
                ending, index = execution.run(index)
            except _StopError as stop:
                board[Board.ACTOR], board[Board.PLACE] = actor, execution.reached[-1]
                return stop.status
            finally:
                for counter, amount in execution.counts:
                    memory.buffers.counters[counter] += amount
                execution.counts.clear()
            if ending is Ending.BLOCKED:
                board[Board.POSITION] = began
                return Status.BLOCKED
            if ending is Ending.BROKEN:
                board[Board.ACTOR], board[Board.PLACE] = actor, index
                board[Board.RULE] = execution.checked[-1]
                return Status.BROKEN
            board[Board.PASSED] += 1
            if ending is Ending.HALTED:
                memory.buffers.mm[self.layout.pcs[actor]] = len(points)
                return Status.HALTED
            pc = points.index(index)
            rests, spent = self._rests(actor, pc), board[Board.PASSED] == self.pace.fuel
            if rests or spent or self._blocks[actor][pc]:
                self._save(memory, actor, pc, execution.registers)
            if rests or spent:
                return Status.RESTED if rests else Status.SPENT

    def _rests(self, actor: int, pc: int) -> bool:
        point = self.program.actors[actor].code[self.program.actors[actor].points[pc]]
        return isinstance(point, Point) and point.patience is Patience.REST

    def _restore(self, memory: _Wide, actor: int, pc: int, digits: _Digits) -> Execution:
        registers = [0] * len(self.program.actors[actor].registers)
        first = self.layout.registers[actor]
        for register in self._saved[actor][pc]:
            registers[register] = int(memory.buffers.mm[first + register])
        return Execution(self.program, actor, registers, memory, digits)

    def _save(self, memory: _Wide, actor: int, pc: int, registers: list[int]) -> None:
        memory.buffers.mm[self.layout.pcs[actor]] = pc
        first = self.layout.registers[actor]
        for register in self._saved[actor][pc]:
            memory.buffers.mm[first + register] = registers[register]
