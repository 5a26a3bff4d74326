"""Page frames are alike: which number a frame has means nothing.

A program hands out things by number if it has a *cursor*: a variable that is only ever touched by

    frame = cursor;  check frame != 0;  …;  cursor = (frame + 1) % count

within one step. Frame 0 (the zero page) is not handed out, frames from the cursor on are fresh, and
the others may be anywhere: in variables and registers, bare or above a few bits of rights as in a
page-table entry, and as indexes of arrays with an element for each frame.

`find_frames` infers where frame numbers are, by following them from the cursor through the code. It
then accepts the program only if nothing is done with them that could tell one from another: they
are copied, compared for equality with each other or with 0, packed and unpacked, and used as
indexes. Any other operation, and no frame takes the place of another.

Why that is right. Take a state with cursor c and any permutation of the frames 1 .. c - 1. Every
accepted operation does the same before and after permuting; handing out frame c does so because
the permutation leaves c alone, and then leaves alone what is fresh now as well. So states that
differ by such a permutation have the same steps (Iosif, "Exploiting heap symmetries in
explicit-state model checking of software", ASE 2001, does this for heaps). Furthermore a frame
below c that is mentioned nowhere, and whose elements hold what those of fresh frames hold, can
never be told from a fresh one: no step can touch it. It may be counted among them, and the cursor
goes back by one. Then the machine runs out of frames later, which says nothing about the model: the
check of the cursor has to be one that makes the machine larger (`widen`).

All of that needs that frames from the cursor on are mentioned nowhere and hold what they held at
first. It is so in every start (this is checked), and no accepted step changes it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from shootdown.program.frame_cursor import Cursor, Refused, candidates
from shootdown.program.frame_flow import BARE, Flow, Node, node_of
from shootdown.program.kind import Family
from shootdown.program.operation import (
    Arithmetic,
    Binary,
    Branch,
    Check,
    Const,
    Count,
    Guard,
    Load,
    Move,
    Operand,
    Operation,
    Store,
    reads,
    writes,
)
from shootdown.program.program import Program


@dataclass(frozen=True, slots=True)
class Frames:
    """Where the frame numbers of a program are."""

    count: int
    cursor: int
    """the variable; 0 when there is no fresh frame any more"""
    shifts: tuple[tuple[Node, int], ...]
    """what holds frame numbers, and the bits below them"""
    arrays: tuple[int, ...]
    """variables with an element for each frame"""


def find_frames(program: Program) -> Frames | None:
    """The frames, if the program has them and they are alike."""
    for variable in sorted(candidates(program)):
        try:
            return _frames(Cursor(program, variable))
        except Refused:
            continue
    return None


def _frames(cursor: Cursor) -> Frames:
    """Raises Refused if some operation tells frames apart."""
    program = cursor.program
    shifts, arrays = Flow(cursor).find()
    frames = Frames(cursor.count, cursor.variable, tuple(sorted(shifts.items())), tuple(arrays))
    for number, actor in enumerate(program.actors):
        judge = _Judge(cursor, frames, number)
        for index, operation in enumerate(actor.code):
            judge.accept(index, operation)
    _accept_kinds(program, frames)
    for start in program.initials:
        _accept_start(program, frames, start)
    return frames


def _accept_kinds(program: Program, frames: Frames) -> None:
    """Whatever holds a frame has room for any other."""
    for (owner, number), below in frames.shifts:
        holder = program.variables[number] if owner < 0 else program.actors[owner].registers[number]
        most = (frames.count << below) - 1
        if holder.kind.low != 0 or holder.kind.bits < most.bit_length():
            raise Refused


class _Judge:
    """Accepts operations of one actor that cannot tell frames apart."""

    def __init__(self, cursor: Cursor, frames: Frames, actor: int) -> None:
        self.program = cursor.program
        self.frames = frames
        self.actor = actor
        self.shifts = dict(frames.shifts)
        windows = [window for window in cursor.windows if window.actor == actor]
        self.passed = {index for w in windows for index in (w.first, *w.arithmetic)}
        """operations of windows: they are known"""
        code = cursor.program.actors[actor].code
        self.secret = {writes(code[index]) for w in windows for index in w.arithmetic}
        """registers that hold the next cursor; nobody else may know it, as it may change"""

    def accept(self, index: int, operation: Operation) -> None:
        """Raises Refused if the operation could tell frames apart."""
        if index in self.passed or isinstance(operation, Count):
            return
        if self.secret.intersection(reads(operation)):
            raise Refused
        match operation:
            case Move():
                fits = self._is(operation.a, self._below(operation.dst))
            case Load() | Store():
                fits = self._accepts_access(operation)
            case Binary():
                fits = self._accepts_binary(operation)
            case Branch() | Guard() | Check():  # frame 0 stays frame 0, so being 0 stays
                fits = True
            case _:  # nothing else may have to do with frames
                registers = (*reads(operation), writes(operation))
                fits = all((self.actor, register) not in self.shifts for register in registers)
        if not fits:
            raise Refused

    def _below(self, operand: Operand) -> int | None:
        """The bits below a frame number, None if the operand is none."""
        node = node_of(self.actor, operand)
        return None if node is None else self.shifts.get(node)

    def _is(self, operand: Operand, below: int | None) -> bool:
        """Whether the operand is a frame number above so many bits, or, for None, is none."""
        if isinstance(operand, Const):
            return below is None or 0 <= operand.value < 1 << below
        return self._below(operand) == below

    def _accepts_access(self, operation: Load | Store) -> bool:
        variable = self.program.variables[operation.variable]
        below = self.shifts.get((-1, operation.variable))
        if operation.variable == self.frames.cursor:
            return False  # outside of a window
        held = operation.dst if isinstance(operation, Load) else operation.a
        if not self._is(held, below):
            return False
        if below is not None and variable.kind.family is Family.COUNTER:
            return False
        if operation.variable not in self.frames.arrays:
            return self._below(operation.index) is None
        fits = variable.length == self.frames.count and below is None
        return fits and self._is(operation.index, BARE)

    def _accepts_binary(self, operation: Binary) -> bool:
        a, b, dst = (self._below(o) for o in (operation.a, operation.b, operation.dst))
        match operation.operator, operation.b:
            case ((Arithmetic.EQ | Arithmetic.NE), _):
                below = b if a is None else a
                return dst is None and self._is(operation.a, below) and self._is(operation.b, below)
            case Arithmetic.SHL, Const(bits) if a == BARE:
                return dst == bits
            case Arithmetic.SHR, Const(bits) if a == bits and bits:
                return dst == BARE
            case Arithmetic.AND, Const(mask) if a is not None and dst is None:
                return 0 <= mask < 1 << a
            case Arithmetic.OR, _ if dst is not None and dst in (a, b):
                rest, other = (operation.b, b) if a == dst else (operation.a, a)
                return other is None and self._is_small(rest, dst)
            case _:
                return a is None and b is None and dst is None

    def _is_small(self, operand: Operand, bits: int) -> bool:
        """Whether the value never reaches the bits of the frame number."""
        if isinstance(operand, Const):
            return 0 <= operand.value < 1 << bits
        kind = self.program.actors[self.actor].registers[operand.index].kind
        return kind.low >= 0 and kind.high < 1 << bits


def _accept_start(program: Program, frames: Frames, start: Sequence[tuple[int, int, int]]) -> None:
    """Frames from the cursor on are mentioned nowhere, and hold what is declared for all."""
    changed = {(number, index): value for number, index, value in start}
    values = {
        (number, index): changed.get((number, index), value)
        for number, variable in enumerate(program.variables)
        for index, value in enumerate(variable.initial)
    }
    fresh = values[frames.cursor, 0] or frames.count
    for number, below in _variables(frames):
        for index in range(program.variables[number].length):
            if not 0 <= values[number, index] >> below < fresh:
                raise Refused
    for number in frames.arrays:
        declared = program.variables[number].initial
        untouched = [values[number, index] for index in range(fresh, frames.count)]
        if {*declared, *untouched} != {declared[0]} or declared[0] < 0:
            raise Refused


def _variables(frames: Frames) -> Iterator[tuple[int, int]]:
    """(variable, bits below the frame number) of those that hold frame numbers."""
    return ((node[1], below) for node, below in frames.shifts if node[0] < 0)
