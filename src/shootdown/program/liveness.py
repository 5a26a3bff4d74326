"""Which registers an actor still needs at each of its points.

What is not live is not stored: two states that differ only in a value nobody will read are one
state. That is exact (the classic backward data-flow), so it is how states are always built; the
full form, every register kept as it was, exists to prove that and is `keep_dead=True`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from shootdown.program.operation import reads, targets, writes
from shootdown.program.program import Actor


def live_registers(actor: Actor, keep_dead: bool = False) -> tuple[tuple[int, ...], ...]:
    """For each point of the actor, in order, the sorted indexes of the registers alive there."""
    live = _live_before(actor)
    rows = tuple(tuple(_members(live[index])) for index in actor.points)
    if keep_dead:
        everything = tuple(sorted({register for row in rows for register in row}))
        return tuple(everything for _ in rows)
    return rows


def _live_before(actor: Actor) -> list[int]:
    """The registers alive before each operation, as bits: a fixpoint over the code, backwards."""
    follow = [targets(operation, index) for index, operation in enumerate(actor.code)]
    needed = [_as_bits(reads(operation)) for operation in actor.code]
    kept = [~_as_bits([writes(operation)]) for operation in actor.code]
    live = [0] * len(actor.code)
    changed = True
    while changed:
        changed = False
        for index in range(len(live) - 1, -1, -1):
            after = 0
            for target in follow[index]:
                after |= live[target]
            before = after & kept[index] | needed[index]
            if before != live[index]:
                live[index] = before
                changed = True
    return live


def _as_bits(registers: Iterable[int | None]) -> int:
    bits = 0
    for register in registers:
        if register is not None:
            bits |= 1 << register
    return bits


def _members(bits: int) -> Iterator[int]:
    """The registers of a set, in order."""
    while bits:
        lowest = bits & -bits
        yield lowest.bit_length() - 1
        bits ^= lowest
