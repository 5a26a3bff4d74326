"""Where frame numbers get to: followed from where they are handed out, both ways, through the code.

Nothing is accepted or refused here but a place that would have to hold frames in two forms; what is
found, `program.frames` judges.
"""

from __future__ import annotations

from shootdown.program.frame_cursor import Cursor, Refused
from shootdown.program.operation import (
    Arithmetic,
    Binary,
    Const,
    Load,
    Move,
    Operand,
    Operation,
    Reg,
    Store,
)

BARE = 0
"""a frame number by itself; otherwise it stands above so many bits"""

Node = tuple[int, int]
"""(-1, variable) or (actor, register)"""


def node_of(actor: int, operand: Operand) -> Node | None:
    """The register an operand is, if it is one."""
    return (actor, operand.index) if isinstance(operand, Reg) else None


class Flow:
    """Follows frame numbers through the program, both ways, until nothing new is found."""

    def __init__(self, cursor: Cursor) -> None:
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
                nodes = (node_of(actor, operand) for operand in (one, other))
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
            raise Refused

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
