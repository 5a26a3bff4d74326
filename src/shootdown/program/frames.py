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
from itertools import pairwise

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
    Reg,
    Store,
    reads,
    targets,
    writes,
)
from shootdown.program.program import Program

BARE = 0
"""a frame number by itself; otherwise it stands above so many bits"""

Node = tuple[int, int]
"""(-1, variable) or (actor, register)"""


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

    def below(self, node: Node) -> int | None:
        """How many bits are below the frame number in a node; None if there is none."""
        return next((shift for found, shift in self.shifts if found == node), None)


class _Refused(Exception):  # noqa: N818  (nobody made a mistake)
    """Frames can be told apart."""


@dataclass(frozen=True, slots=True)
class _Window:
    """Operations `first` to `last` of an actor hand out a frame."""

    actor: int
    first: int
    last: int
    names: frozenset[int]
    """registers that hold the frame"""
    arithmetic: frozenset[int]
    """operations that compute the next cursor"""


def find_frames(program: Program) -> Frames | None:
    """The frames, if the program has them and they are alike."""
    for variable in sorted(_candidates(program)):
        try:
            return _Cursor(program, variable).frames()
        except _Refused:
            continue
    return None


def _candidates(program: Program) -> set[int]:
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


class _Cursor:
    """A variable, taken to be the cursor."""

    def __init__(self, program: Program, variable: int) -> None:
        self.program = program
        self.variable = variable
        self.windows: list[_Window] = []
        self.count = 0
        if program.variables[variable].length != 1:
            raise _Refused
        for actor in range(len(program.actors)):
            self._find_windows(actor)
        if not self.windows:
            raise _Refused

    def frames(self) -> Frames:
        """Raises _Refused if some operation tells frames apart."""
        shifts, arrays = _Flow(self).find()
        frames = Frames(self.count, self.variable, tuple(sorted(shifts.items())), tuple(arrays))
        for number, actor in enumerate(self.program.actors):
            judge = _Judge(self, frames, number)
            for index, operation in enumerate(actor.code):
                judge.accept(index, operation)
        self._accept_kinds(frames)
        for start in self.program.initials:
            _accept_start(self.program, frames, start)
        return frames

    def _accept_kinds(self, frames: Frames) -> None:
        """Whatever holds a frame has room for any other."""
        for (owner, number), below in frames.shifts:
            variables, actors = self.program.variables, self.program.actors
            holder = variables[number] if owner < 0 else actors[owner].registers[number]
            most = (self.count << below) - 1
            if holder.kind.low != 0 or holder.kind.bits < most.bit_length():
                raise _Refused

    # --- handing out --------------------------------------------------------------------------

    def _find_windows(self, actor: int) -> None:
        code = self.program.actors[actor].code
        loads = [i for i, op in enumerate(code) if self._touches(op, Load)]
        stores = [i for i, op in enumerate(code) if self._touches(op, Store)]
        if len(loads) != len(stores):
            raise _Refused
        aims = {
            target
            for index, operation in enumerate(code)
            for target in targets(operation, index)
            if target != index + 1
        }
        for first, last in zip(loads, stores, strict=True):
            if first > last or aims & set(range(first + 1, last + 1)):
                raise _Refused
            self.windows.append(self._window(actor, first, last))
        if any(a.last > b.first for a, b in pairwise(self.windows) if a.actor == b.actor):
            raise _Refused

    def _touches(self, operation: Operation, how: type) -> bool:
        return isinstance(operation, how) and getattr(operation, "variable", -1) == self.variable

    def _window(self, actor: int, first: int, last: int) -> _Window:
        """Follow the frame through straight code; what is overwritten is not followed."""
        holds: dict[int, str] = {}
        checked = False
        arithmetic: set[int] = set()
        names: set[int] = set()
        for index in range(first, last):
            operation = self.program.actors[actor].code[index]
            if not isinstance(operation, Move | Binary | Check | Load | Store | Count):
                raise _Refused
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
            raise _Refused
        return _Window(actor, first, last, frozenset(names), frozenset(arithmetic | {last}))

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


class _Flow:
    """Follows frame numbers through the program, both ways, until nothing new is found."""

    def __init__(self, cursor: _Cursor) -> None:
        self.cursor = cursor
        self.shifts: dict[Node, int] = {}
        self.arrays: set[int] = set()
        self.changed = True
        self.same: list[tuple[Node, Node]] = []
        """two that hold the same"""
        self.packed: list[tuple[Node, Node, int]] = []
        """the first holds above so many bits what the second holds"""
        self.keeps: list[tuple[Node, Node]] = []
        """the second may hold the first and more bits"""
        self.indexes: list[tuple[int, Node]] = []
        """(variable, index)"""
        for number, actor in enumerate(cursor.program.actors):
            for operation in actor.code:
                self._read(number, operation)

    def _read(self, actor: int, operation: Operation) -> None:
        match operation:
            case Move(dst=dst, a=Reg(register)):
                self.same.append(((actor, dst.index), (actor, register)))
            case Load() | Store() if operation.variable != self.cursor.variable:
                held = operation.dst if isinstance(operation, Load) else operation.a
                if isinstance(held, Reg):
                    self.same.append(((-1, operation.variable), (actor, held.index)))
                if isinstance(operation.index, Reg):
                    self.indexes.append((operation.variable, (actor, operation.index.index)))
            case Binary():
                self._read_binary(actor, operation)

    def _read_binary(self, actor: int, operation: Binary) -> None:
        dst = (actor, operation.dst.index)
        match operation.operator, operation.a, operation.b:
            case ((Arithmetic.EQ | Arithmetic.NE), Reg(one), Reg(other)):
                self.same.append(((actor, one), (actor, other)))
            case Arithmetic.SHL, Reg(register), Const(bits):
                self.packed.append((dst, (actor, register), bits))
            case Arithmetic.SHR, Reg(register), Const(bits):
                self.packed.append(((actor, register), dst, bits))
            case Arithmetic.OR, one, other:
                nodes = (_node(actor, operand) for operand in (one, other))
                self.keeps += [(node, dst) for node in nodes if node is not None]

    def find(self) -> tuple[dict[Node, int], list[int]]:
        """The nodes and the arrays."""
        for window in self.cursor.windows:
            for register in window.names:
                self._note((window.actor, register), BARE)
        while self.changed:
            self.changed = False
            for one, other in self.same:
                self._join(one, other)
                self._join(other, one)
            for one, other in self.keeps:
                self._join(one, other)
            for packed, bare, bits in self.packed:
                if bare in self.shifts:
                    self._note(packed, bits)
                elif packed in self.shifts:
                    self._note(bare, BARE)
            for variable, index in self.indexes:
                self._follow_index(variable, index)
        return self.shifts, sorted(self.arrays)

    def _note(self, node: Node, shift: int) -> None:
        if node not in self.shifts:
            self.changed = True
        if self.shifts.setdefault(node, shift) != shift:
            raise _Refused

    def _join(self, one: Node, other: Node) -> None:
        """The other holds what the one holds."""
        if one in self.shifts:
            self._note(other, self.shifts[one])

    def _follow_index(self, variable: int, index: Node) -> None:
        if index in self.shifts and variable not in self.arrays:
            self.arrays.add(variable)
            self.changed = True
        if variable in self.arrays:
            self._note(index, BARE)


class _Judge:
    """Accepts operations of one actor that cannot tell frames apart."""

    def __init__(self, cursor: _Cursor, frames: Frames, actor: int) -> None:
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
        """Raises _Refused if the operation could tell frames apart."""
        if index in self.passed or isinstance(operation, Count):
            return
        if self.secret.intersection(reads(operation)):
            raise _Refused
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
            raise _Refused

    def _below(self, operand: Operand) -> int | None:
        """The bits below a frame number, None if the operand is none."""
        node = _node(self.actor, operand)
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
                raise _Refused
    for number in frames.arrays:
        declared = program.variables[number].initial
        untouched = [values[number, index] for index in range(fresh, frames.count)]
        if {*declared, *untouched} != {declared[0]} or declared[0] < 0:
            raise _Refused


def _variables(frames: Frames) -> Iterator[tuple[int, int]]:
    """(variable, bits below the frame number) of those that hold frame numbers."""
    return ((node[1], below) for node, below in frames.shifts if node[0] < 0)


def _node(actor: int, operand: Operand) -> Node | None:
    return (actor, operand.index) if isinstance(operand, Reg) else None
