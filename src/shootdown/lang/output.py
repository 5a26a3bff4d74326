"""The output of the compiler for one actor: places, registers, labels and operations.

Registers get the range of what is assigned to them. In a loop a range can grow after it was read;
the actor is then compiled again with what was learned. A register that still grows after `ROUNDS`
times is capped: it gets a fixed range up to `LOCAL_HIGH` and a check that it stays inside. Because
what is compiled may itself depend on ranges, registers are recognised by name and place, not by
their number.
"""

from __future__ import annotations

import ast
from collections import Counter as Tally
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from shootdown.lang.errors import Diagnostic, RefusedError, is_shipped
from shootdown.lang.scope import Scope
from shootdown.lang.tables import RANGE, Hints, Key, Tables
from shootdown.lang.values import Dynamic, Static, describe, kind_of, operand_of
from shootdown.program.kind import Family, Kind
from shootdown.program.operation import (
    Branch,
    Const,
    Halt,
    Jump,
    Move,
    Operation,
    Reg,
)
from shootdown.program.points import retarget
from shootdown.program.program import Register, Rule
from shootdown.program.where import NOWHERE, Where

ROUNDS = 3
LOCAL_HIGH = 255


@dataclass(slots=True)
class Box:
    """A register while its kind is still being found."""

    name: str
    kind: Kind | None
    fixed: bool = False
    """the kind does not grow: what is assigned is checked"""
    changes: bool = False
    """it may be assigned again while somebody still needs the old value"""
    key: Key | None = None
    """for a register that grows"""
    is_read: bool = False
    stale: bool = False
    """the kind grew after the register was read"""


class Output:
    """Collects the operations of one actor."""

    def __init__(self, tables: Tables, actor: int, hints: Hints) -> None:
        self.tables = tables
        self.actor = actor
        self.hints = hints
        self.keys: Tally[tuple[Where, str]] = Tally()
        self.code: list[Operation] = []
        self.positions: list[int] = []
        self.aims: set[int] = set()
        """labels that some operation leads to"""
        self.boxes: list[Box] = []
        self.stack: list[Scope] = []
        """calls being inlined, the innermost last"""
        """branches and loops around the current place that are decided only when running"""
        self.place_now: Where | tuple[Scope, ast.AST] = NOWHERE
        """where the operations to come stand; only worked out when one is emitted"""

    @property
    def where(self) -> Where:
        """The place in the source of what is being compiled."""
        place = self.place_now
        return place if isinstance(place, Where) else place[0].where(place[1])

    @where.setter
    def where(self, place: Where) -> None:
        self.place_now = place

    # --- errors -------------------------------------------------------------------------------

    def refuse(self, message: str, help: str, where: Where | None = None) -> RefusedError:
        """The exception for a mistake at the current place, to be raised by the caller.

        What is wrong in a method of ours comes from what it was given: then the place is where it
        was called.
        """
        place = where or self.where
        outer = next((p for p in place.chain if p.function and not is_shipped(p.file)), place)
        notes = () if outer is place else (f"found in `{place.function}` at {place}",)
        sources = [scope.source for scope in self.stack if scope.source.shown == outer.file]
        before = sources[-1].before(outer) if sources else ()
        return RefusedError(Diagnostic(outer, message, help, notes, before))

    # --- registers ----------------------------------------------------------------------------

    def register(self, name: str) -> Reg:
        """A new register, to be assigned again and again; its kind grows with what is assigned."""
        place = self.where, name
        key = (*place, self.keys[place])
        self.keys[place] += 1
        kind = self.hints.kinds.get(key)
        self.boxes.append(Box(name, kind, key in self.hints.capped, changes=True, key=key))
        return Reg(len(self.boxes) - 1)

    def temporary(self, kind: Kind, name: str = "", changes: bool = False) -> Reg:
        """A register of a kind that holds all it will be assigned."""
        self.boxes.append(Box(name or f"t{len(self.boxes)}", kind, fixed=True, changes=changes))
        return Reg(len(self.boxes) - 1)

    def read(self, register: Reg) -> Dynamic:
        """The value of a register, with the kind known so far."""
        box = self.boxes[register.index]
        if box.kind is None:
            raise AssertionError(f"{box.name} is read before anything is assigned to it")
        box.is_read = True
        return Dynamic(register, box.kind)

    def assign(self, register: Reg, value: Static | Dynamic) -> None:
        """register = value"""
        box, kind = self.boxes[register.index], kind_of(value)
        if box.fixed and box.kind is not None:
            if not box.kind.holds(kind):
                self.check_range(value, box.kind, RANGE)
        else:
            if box.kind is not None and box.kind.title != kind.title:
                raise self.refuse(
                    f"{describe(value)} does not go with what stands here on another way",
                    "use members of one Enum on every way, or another name",
                )
            joined = kind if box.kind is None else box.kind.join(kind)
            box.stale = box.stale or (box.is_read and joined != box.kind)
            box.kind = joined
        self.emit(Move(self.where, register, operand_of(value)))

    def grown(self) -> tuple[dict[Key, Kind], set[Key]]:
        """If some register was read when its kind was still narrower: the kinds of all that grow,
        and which were read too early."""
        late = {box.key for box in self.boxes if box.stale and box.key is not None}
        kinds = {
            box.key: box.kind
            for box in self.boxes
            if box.key is not None and box.kind is not None and not box.fixed
        }
        return (kinds, late) if late else ({}, late)

    # --- code ---------------------------------------------------------------------------------

    def emit(self, operation: Operation) -> None:
        self.code.append(operation)

    def label(self) -> int:
        """A new label, to be placed later."""
        self.positions.append(-1)
        return len(self.positions) - 1

    def place(self, label: int) -> None:
        self.positions[label] = len(self.code)

    def leads_to(self, label: int) -> bool:
        """Whether some operation so far goes on at the label."""
        return label in self.aims

    def jump(self, label: int) -> None:
        self.aims.add(label)
        self.emit(Jump(self.where, label))

    def branch(self, value: Static | Dynamic, then: int, other: int) -> None:
        if isinstance(value, Static):
            self.jump(then if operand_of(value) != Const(0) else other)
        else:
            self.aims |= {then, other}
            self.emit(Branch(self.where, value.operand, then, other))

    @contextmanager
    def unrecorded(self) -> Iterator[None]:
        """Look at an expression without compiling it: whatever was emitted inside is dropped."""
        before = len(self.code), len(self.boxes), len(self.tables.touches)
        try:
            yield
        finally:
            code, boxes, touches = before
            del self.code[code:], self.boxes[boxes:], self.tables.touches[touches:]

    def finish(self) -> tuple[tuple[Operation, ...], tuple[Register, ...]]:
        """The code with labels resolved, and the registers."""
        self.emit(Halt(self.where))
        code = tuple(retarget(operation, self.positions) for operation in self.code)
        empty = Kind(Family.INT, 0, 0)
        return code, tuple(Register(box.name, box.kind or empty) for box in self.boxes)

    def check_range(self, value: Static | Dynamic, kind: Kind, rule: Rule) -> None:
        raise NotImplementedError  # `emitter.Emitter` has it
