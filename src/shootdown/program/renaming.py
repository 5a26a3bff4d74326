"""Renamings of a program, and the proof that one of them changes nothing.

A renaming says where everything goes: each actor to an actor, each element of a variable to an
element, and what becomes of the values that elements and registers hold (a lock held by actor 0
is then held by actor 1; a `turn` that names thread 0 names thread 1). It is an *automorphism* if
renaming a state and then taking a step gives the same as taking the step and then renaming. Then a
state and its renamed twin break the same rules after equally many steps, and a search needs to look
at one of them only (Ip and Dill, "Better verification through symmetry", FMSD 9, 1996; Clarke,
Enders, Filkorn and Jha, "Exploiting symmetry in temporal logic model checking", same issue).

`is_automorphism` is the only thing that is trusted. It compares the code of every actor with the
code of the actor it goes to, operation by operation, and accepts an operation only if it does to
renamed operands what it did to the operands, renamed. Whatever it has no argument for, it refuses.
Starts need not be preserved: from a renamed start everything that can happen is the renamed run.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from shootdown.program.kind import Family, Kind
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
    Operation,
    Point,
    Progress,
    Reg,
    Release,
    Store,
)
from shootdown.program.program import Program

ValueMap = tuple[tuple[int, int], ...]
"""(value, renamed value) of the values that change, in order; () changes nothing"""

Element = tuple[int, int]
"""(variable, index)"""

LOCKS = (Family.LOCK, Family.RWLOCK)
EQUALITY = (Arithmetic.EQ, Arithmetic.NE)
SMALL_BITS = 8
"""kinds of so many bits are compared value by value"""


@dataclass(frozen=True, slots=True)
class Renaming:
    """Where actors, elements and values go."""

    actors: tuple[int, ...]
    """per actor, the actor that takes its part"""
    elements: tuple[tuple[Element, ...], ...]
    """per variable and index, the element that takes its part"""
    values: tuple[tuple[ValueMap, ...], ...]
    """per variable and index, what becomes of the value"""
    registers: tuple[tuple[ValueMap, ...], ...]
    """per actor and register, what becomes of the value"""

    @property
    def moved(self) -> tuple[int, ...]:
        """The actors that change places."""
        return tuple(n for n, image in enumerate(self.actors) if image != n)


def apply(values: ValueMap, value: int) -> int:
    """The value, renamed."""
    for old, new in values:
        if old == value:
            return new
    return value


def held_values(kind: Kind, actors: tuple[int, ...]) -> ValueMap:
    """What becomes of the value of a lock when actors change places (`kind.Family`)."""
    first = 1 + (kind.readers if kind.family is Family.RWLOCK else 0)
    return tuple((first + n, first + image) for n, image in enumerate(actors) if n != image)


def is_automorphism(program: Program, renaming: Renaming) -> bool:
    """Whether the renaming commutes with every step of the program."""
    return (
        sorted(renaming.actors) == list(range(len(program.actors)))
        and _elements_agree(program, renaming)
        and all(_Actor(program, renaming, number).agrees() for number in range(len(program.actors)))
    )


def _elements_agree(program: Program, renaming: Renaming) -> bool:
    """Elements go one to one to elements of the same kind, and so do their values."""
    images: set[Element] = set()
    for number, variable in enumerate(program.variables):
        row = zip(renaming.elements[number], renaming.values[number], strict=True)
        for image, values in row:
            kind = program.variables[image[0]].kind
            if (kind.family, kind.readers) != (variable.kind.family, variable.kind.readers):
                return False
            if variable.kind.family in LOCKS and values != held_values(kind, renaming.actors):
                return False
            if not _maps_onto(values, variable.kind, kind):
                return False
            images.add(image)
    return len(images) == sum(variable.length for variable in program.variables)


def _maps_onto(values: ValueMap, kind: Kind, image: Kind) -> bool:
    """Whether a permutation of numbers turns the values of one kind into exactly those of another.

    It has to be a permutation, so that different values stay different from any constant as well.
    """
    if not values:
        return (kind.low, kind.high) == (image.low, image.high)
    if sorted(old for old, _ in values) != sorted({new for _, new in values}):
        return False
    if kind.bits <= SMALL_BITS:
        there = {apply(values, value) for value in range(kind.low, kind.high + 1)}
        return there == set(range(image.low, image.high + 1))
    inside = all(kind.low <= old <= kind.high for old, _ in values)
    return inside and (kind.low, kind.high) == (image.low, image.high)


class _Actor:
    """One actor beside the one that takes its part."""

    def __init__(self, program: Program, renaming: Renaming, number: int) -> None:
        self.program = program
        self.renaming = renaming
        self.actor = program.actors[number]
        self.image = program.actors[renaming.actors[number]]
        self.registers = renaming.registers[number]

    def agrees(self) -> bool:
        """Whether the one does to renamed state what the other does to the state."""
        actor, image = self.actor, self.image
        if (len(actor.code), len(actor.registers)) != (len(image.code), len(image.registers)):
            return False
        rows = zip(actor.registers, image.registers, self.registers, strict=True)
        return (
            actor.daemon == image.daemon
            and all(_maps_onto(values, one.kind, other.kind) for one, other, values in rows)
            and all(map(self._same, actor.code, image.code))
        )

    def _same(self, one: Operation, other: Operation) -> bool:
        """Whether two operations correspond; those without a comparison here never do."""
        compare = _SAME.get(type(one))
        return compare is not None and type(one) is type(other) and compare(self, one, other)

    def _same_point(self, one: Point, other: Point) -> bool:
        return one.patience is other.patience

    def _same_move(self, one: Move, other: Move) -> bool:
        return one.dst == other.dst and self._goes(one.a, other.a, self._of(one.dst))

    def _same_lock(self, one: Acquire | Release, other: Acquire | Release) -> bool:
        return one.mode is other.mode and self._same_downgrade(one, other)

    def _same_downgrade(
        self, one: Acquire | Release | Downgrade, other: Acquire | Release | Downgrade
    ) -> bool:
        return self.renaming.elements[one.variable][0] == (other.variable, 0)

    def _same_jump(self, one: Jump, other: Jump) -> bool:
        return one.target == other.target

    def _same_branch(self, one: Branch, other: Branch) -> bool:
        ways = (one.then, one.other) == (other.then, other.other)
        return ways and self._same_truth(one.a, other.a)

    def _same_guard(self, one: Guard, other: Guard) -> bool:
        return self._same_truth(one.a, other.a)

    def _same_check(self, one: Check, other: Check) -> bool:
        return one.rule == other.rule and self._same_truth(one.a, other.a)

    def _same_count(self, one: Count, other: Count) -> bool:
        """Events are not part of a search, but what they read must be alive in both."""
        return one.a == other.a or (isinstance(one.a, Const) and isinstance(other.a, Const))

    def _same_nothing(self, one: Halt | Progress, other: Halt | Progress) -> bool:
        return True

    def _of(self, operand: Operand) -> ValueMap:
        """What becomes of the values of a register; a constant says nothing."""
        return self.registers[operand.index] if isinstance(operand, Reg) else ()

    def _goes(self, one: Operand, other: Operand, values: ValueMap) -> bool:
        """Whether the other operand is the one, renamed this way."""
        if isinstance(one, Const):
            return isinstance(other, Const) and apply(values, one.value) == other.value
        return one == other and self._of(one) == values

    def _same_truth(self, one: Operand, other: Operand) -> bool:
        """Being 0 must survive."""
        if isinstance(one, Const):
            return isinstance(other, Const) and (one.value == 0) == (other.value == 0)
        return one == other and apply(self._of(one), 0) == 0

    def _same_binary(self, one: Binary, other: Binary) -> bool:
        if one.operator is not other.operator or one.dst != other.dst or self._of(one.dst):
            return False
        values: ValueMap = ()
        if one.operator in EQUALITY:  # equal values stay equal, whatever they are renamed to
            values = self._of(one.a) or self._of(one.b)
        return self._goes(one.a, other.a, values) and self._goes(one.b, other.b, values)

    def _same_choice(self, one: Choose, other: Choose) -> bool:
        """The choices together stay the same choices."""
        options = range(one.bound)
        renamed = {apply(self._of(one.dst), option) for option in options}
        return (one.dst, one.bound) == (other.dst, other.bound) and renamed == set(options)

    def _same_access(self, one: Load | Store, other: Load | Store) -> bool:
        """Every element that may be meant goes to the one meant by the other, and so its value."""
        length = self.program.variables[one.variable].length
        if isinstance(one.index, Const):
            if not isinstance(other.index, Const):
                return False
            pairs = [(one.index.value, other.index.value)]
        else:
            if one.index != other.index:
                return False
            renamed = self._of(one.index)
            pairs = [(index, apply(renamed, index)) for index in range(length)]
        places = self.renaming.elements[one.variable]
        return all(
            places[index] == (other.variable, image) and self._same_value(one, other, index)
            for index, image in pairs
        )

    def _same_value(self, one: Load | Store, other: Load | Store, index: int) -> bool:
        values = self.renaming.values[one.variable][index]
        if isinstance(one, Load) or isinstance(other, Load):
            return isinstance(one, Load) and self._of(one.dst) == values
        if self.program.variables[one.variable].kind.family is Family.COUNTER and values:
            return False  # what is stored is cut to the width first
        return self._goes(one.a, other.a, values)


_SAME: dict[type, Callable[[_Actor, Any, Any], bool]] = {
    Point: _Actor._same_point,
    Move: _Actor._same_move,
    Binary: _Actor._same_binary,
    Choose: _Actor._same_choice,
    Load: _Actor._same_access,
    Store: _Actor._same_access,
    Acquire: _Actor._same_lock,
    Release: _Actor._same_lock,
    Downgrade: _Actor._same_downgrade,
    Jump: _Actor._same_jump,
    Branch: _Actor._same_branch,
    Guard: _Actor._same_guard,
    Halt: _Actor._same_nothing,
    Check: _Actor._same_check,
    Count: _Actor._same_count,
    Progress: _Actor._same_nothing,
}
