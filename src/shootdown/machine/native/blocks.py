"""The basic blocks of an actor's code.

A block is a run of operations that are executed together or not at all: it also ends after a
Guard, Acquire or Check, where a step may stop. So the blocks entered are exactly the operations
executed, and marking blocks at run time is all that coverage costs. A Point is a block of its
own, entered when a step begins there.
"""

from __future__ import annotations

from shootdown.program.operation import (
    Acquire,
    Branch,
    Check,
    Choose,
    Guard,
    Halt,
    Jump,
    Point,
    targets,
)
from shootdown.program.program import Actor
from shootdown.program.wellformed import IllFormedError

_LAST = (Point, Guard, Acquire, Check, Jump, Branch, Halt)


def find_blocks(actor: Actor) -> list[range]:
    """The blocks in order; together they are the whole code."""
    starts = {0}
    for index, operation in enumerate(actor.code):
        if isinstance(operation, Point):
            starts.add(index)
        if isinstance(operation, _LAST):
            starts.update(targets(operation, index))
            starts.add(index + 1)
    edges = sorted(start for start in starts if start < len(actor.code))
    return [range(a, b) for a, b in zip(edges, [*edges[1:], len(actor.code)], strict=True)]


def most_successors(actor: Actor) -> int:
    """An upper bound on the successors one actor gives one state.

    Raises:
        IllFormedError: a step could choose for ever.
    """
    if not any(isinstance(operation, Choose) for operation in actor.code):
        return 1
    ways = [1] * len(actor.code)
    for _ in range(len(actor.code)):
        before = list(ways)
        for index in range(len(actor.code) - 1, -1, -1):
            operation = actor.code[index]
            if isinstance(operation, Point | Halt):
                continue
            most = max(ways[target] for target in targets(operation, index))
            ways[index] = most * operation.bound if isinstance(operation, Choose) else most
        if ways == before:
            return max(ways[index + 1] for index in actor.points)
    raise IllFormedError(f"{actor.name}: a step goes round a loop that chooses, without a point")
