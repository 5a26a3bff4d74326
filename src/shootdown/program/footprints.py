"""What a step may touch, and what an actor may still touch in all its future.

A footprint is three sets of elements of the shared variables, as bits of whole numbers: those read,
those written, and those only *counted*, like a lock taken for reading, where the order of two
counts makes no difference. An access with an index that the run decides may touch every element.
Ghost state counts like any other, since a rule reads it; a Check reads nothing but registers.

Two footprints *conflict* if what one changes the other touches. Steps whose footprints do not
conflict lead to the same state in either order, and neither can make the other possible or
impossible, choose differently or break a rule.

The future of an actor is taken up to the locks that somebody else holds: as long as they are
held, what comes behind taking them cannot happen (`held`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache

from shootdown.program.held import Held, LockUse
from shootdown.program.operation import (
    Acquire,
    Const,
    Downgrade,
    Load,
    Mode,
    Operand,
    Operation,
    Point,
    Release,
    Store,
    targets,
)
from shootdown.program.program import Actor, Program


@dataclass(frozen=True, slots=True)
class Footprint:
    """Sets of elements; bit i stands for element i of all variables in a row."""

    reads: int = 0
    writes: int = 0
    counts: int = 0

    def __or__(self, other: Footprint) -> Footprint:
        return Footprint(
            self.reads | other.reads, self.writes | other.writes, self.counts | other.counts
        )

    def conflicts(self, other: Footprint) -> bool:
        """Whether the order of two steps that do this may matter."""
        return bool(
            self.writes & (other.reads | other.writes | other.counts)
            | other.writes & (self.reads | self.counts)
            | self.reads & other.counts
            | other.reads & self.counts
        )

    @property
    def as_reads(self) -> Footprint:
        """The same elements, only looked at."""
        return Footprint(self.reads | self.writes | self.counts)


NOTHING = Footprint()


class Footprints:
    """The footprints of everything in one program."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self._first: list[int] = []
        """the element with which each variable begins"""
        self._elements_in_all = 0
        for variable in program.variables:
            self._first.append(self._elements_in_all)
            self._elements_in_all += variable.length
        self.locks = LockUse(program)
        self._own = [
            [self._as_number(self.of(operation)) for operation in actor.code]
            for actor in program.actors
        ]
        self._follow = [
            [targets(operation, index) for index, operation in enumerate(actor.code)]
            for actor in program.actors
        ]
        self._futures = cache(self._find_futures)

    def of(self, operation: Operation) -> Footprint:
        """What one operation touches."""
        match operation:
            case Load():
                return Footprint(reads=self._elements(operation.variable, operation.index))
            case Store():
                return Footprint(writes=self._elements(operation.variable, operation.index))
            case Acquire() | Release():
                lock = 1 << self._first[operation.variable]
                if operation.mode is Mode.READ and operation.variable in self.locks.counted:
                    return Footprint(counts=lock)
                return Footprint(writes=lock)
            case Downgrade():
                return Footprint(writes=1 << self._first[operation.variable])
            case _:
                return NOTHING

    def _elements(self, variable: int, index: Operand) -> int:
        first, length = self._first[variable], self.program.variables[variable].length
        if isinstance(index, Const):
            return 1 << first + index.value
        return (1 << length) - 1 << first

    def of_all(self, actor: int, indexes: Iterable[int]) -> Footprint:
        """What some operations of an actor touch together."""
        found = 0
        for index in indexes:
            found |= self._own[actor][index]
        return self._from_number(found)

    def futures(self, actor: int, held: Held) -> tuple[Footprint, ...]:
        """For each value of the pc what the actor may touch from there on while somebody else holds
        these locks; the last, for the actor that is done, is nothing."""
        return self._futures(actor, self.locks.barring(held))

    def _find_futures(self, actor: int, barred: Held) -> tuple[Footprint, ...]:
        """A fixpoint over the code, backwards."""
        row = self.program.actors[actor]
        found, follow = list(self._own[actor]), list(self._follow[actor])
        for index, operation in enumerate(row.code):
            if isinstance(operation, Acquire) and (operation.variable, operation.mode) in barred:
                found[index], follow[index] = 0, ()
        changed = True
        while changed:
            changed = False
            for index in range(len(found) - 1, -1, -1):
                whole = found[index]
                for target in follow[index]:
                    whole |= found[target]
                if whole != found[index]:
                    found[index] = whole
                    changed = True
        return (*(self._from_number(found[index]) for index in row.points), NOTHING)

    def _as_number(self, footprint: Footprint) -> int:
        """All three sets as one, which is much faster to join."""
        size = self._elements_in_all
        return footprint.reads | footprint.writes << size | footprint.counts << 2 * size

    def _from_number(self, number: int) -> Footprint:
        size = self._elements_in_all
        mask = (1 << size) - 1
        return Footprint(number & mask, number >> size & mask, number >> 2 * size)


def step_from(actor: Actor, point: int) -> Iterator[int]:
    """The operations of the step from an operation, a point, on."""
    seen: set[int] = set()
    work = [point + 1]
    while work:
        index = work.pop()
        if index in seen or isinstance(actor.code[index], Point):
            continue
        seen.add(index)
        yield index
        work += targets(actor.code[index], index)
