"""Which locks an actor certainly holds, and what that keeps others from doing."""

from __future__ import annotations

from collections.abc import Iterator

from shootdown.program.kind import Family
from shootdown.program.operation import (
    Acquire,
    Downgrade,
    Mode,
    Operation,
    Release,
    Store,
    targets,
)
from shootdown.program.program import Actor, Program

Held = frozenset[tuple[int, Mode]]
"""locks, each with a mode in which it is held or wanted"""

NOTHING_HELD: Held = frozenset()


class LockUse:
    """Who certainly holds which locks where.

    Of a lock that starts free, that nobody stores into, and that only its holders give back, it is
    certain that who took it has it; the code of models is like that, programs by hand need not be.
    """

    def __init__(self, program: Program) -> None:
        self.program = program
        self.held = tuple(_held_before(actor) for actor in program.actors)
        """for each actor and operation, which locks it certainly holds just before it"""
        locks = {
            number
            for number, variable in enumerate(program.variables)
            if variable.kind.family in (Family.LOCK, Family.RWLOCK)
        }
        self.trusted = locks - set(self._misused())
        """locks that are held by who took them"""
        self.counted = frozenset(lock for lock in self.trusted if self._never_full(lock))
        """locks of which there is always one more to be had for reading, if nobody writes"""

    def _misused(self) -> Iterator[int]:
        for number, variable in enumerate(self.program.variables):
            if any(variable.initial):
                yield number
        for start in self.program.initials:
            yield from (number for number, _, _ in start)
        for actor, held in zip(self.program.actors, self.held, strict=True):
            for operation, row in zip(actor.code, held, strict=True):
                match operation:
                    case Store():
                        yield operation.variable
                    case Release() if (operation.variable, operation.mode) not in row:
                        yield operation.variable
                    case Downgrade() if (operation.variable, Mode.WRITE) not in row:
                        yield operation.variable
                    case _:
                        pass

    def _never_full(self, lock: int) -> bool:
        """Whether all who may hold it for reading at the same time find room."""
        kind = self.program.variables[lock].kind
        users = [a for a in self.program.actors if any(_gets_to_read(op, lock) for op in a.code)]
        if kind.family is not Family.RWLOCK or len(users) > kind.readers:
            return False
        return not any(_reads_twice(actor, lock) for actor in users)

    def barring(self, held: Held) -> Held:
        """How nobody else can take any of these locks."""
        return frozenset(
            (lock, wanted)
            for lock, mode in held
            if lock in self.trusted
            for wanted in Mode
            if Mode.WRITE in (mode, wanted)
            or self.program.variables[lock].kind.family is Family.LOCK
        )


def _held_before(actor: Actor) -> tuple[Held, ...]:
    """A fixpoint over the code, forwards: what is held on every way to an operation."""
    held: list[Held | None] = [None] * len(actor.code)
    held[0] = NOTHING_HELD
    work = [0]
    while work:
        index = work.pop()
        after = _held_after(actor.code[index], held[index] or NOTHING_HELD)
        for target in targets(actor.code[index], index):
            known = held[target]
            met = after if known is None else known & after
            if met != known:
                held[target] = met
                work.append(target)
    return tuple(row or NOTHING_HELD for row in held)


def _held_after(operation: Operation, held: Held) -> Held:
    match operation:
        case Acquire():
            return held | {(operation.variable, operation.mode)}
        case Release():
            return held - {(operation.variable, operation.mode)}
        case Downgrade():
            lock = operation.variable
            return held - {(lock, Mode.WRITE)} | {(lock, Mode.READ)}
        case _:
            return held


def _gets_to_read(operation: Operation, lock: int) -> bool:
    match operation:
        case Acquire(mode=Mode.READ) | Downgrade():
            return operation.variable == lock
        case _:
            return False


def _reads_twice(actor: Actor, lock: int) -> bool:
    """Whether an actor that holds a lock for reading can take it so once more."""
    starts = [index for index, op in enumerate(actor.code) if _gets_to_read(op, lock)]
    for start in starts:
        seen: set[int] = set()
        work = list(targets(actor.code[start], start))
        while work:
            index = work.pop()
            operation = actor.code[index]
            if index in seen or (isinstance(operation, Release) and operation.variable == lock):
                continue
            if _gets_to_read(operation, lock):
                return True
            seen.add(index)
            work += targets(operation, index)
    return False
