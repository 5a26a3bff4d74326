"""Which registers an actor still needs at each of its points.

What is not live is not stored: two states that differ only in a value nobody will read are one
state. That is exact (the classic backward data-flow), so it is how states are always built; the
full form, every register kept as it was, exists to prove that and is `keep_dead=True`.
"""

from __future__ import annotations

from shootdown.program.operation import reads, targets, writes
from shootdown.program.program import Actor


def live_registers(actor: Actor, keep_dead: bool = False) -> tuple[tuple[int, ...], ...]:
    """For each point of the actor, in order, the sorted indexes of the registers alive there."""
    live = _live_before(actor)
    rows = tuple(tuple(sorted(live[index])) for index in actor.points)
    if keep_dead:
        everything = tuple(sorted({register for row in rows for register in row}))
        return tuple(everything for _ in rows)
    return rows


def _live_before(actor: Actor) -> list[frozenset[int]]:
    """The registers alive before each operation: a fixpoint over the code, backwards."""
    live: list[frozenset[int]] = [frozenset()] * len(actor.code)
    changed = True
    while changed:
        changed = False
        for index in range(len(actor.code) - 1, -1, -1):
            operation = actor.code[index]
            after = frozenset[int]().union(*(live[target] for target in targets(operation, index)))
            before = (after - {writes(operation)}) | frozenset(reads(operation))
            if before != live[index]:
                live[index] = before
                changed = True
    return live
