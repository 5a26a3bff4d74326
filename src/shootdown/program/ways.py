"""Which way each branch went: the pass that gives every way of a branch an operation of its own.

A machine tells which operations it executed. That answers whether a branch was ever taken one way
where the way leads to an operation that can be reached by no other; an `if` without `else` has no
such operation behind its condition. There the pass puts a Jump on the way. Jumps belong to the step
they are in, so states, steps and checks are those of the program before.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass, replace

from shootdown.program.operation import Branch, Jump, Operation, Point, targets
from shootdown.program.points import retarget
from shootdown.program.program import Actor, Program
from shootdown.program.where import Where


@dataclass(frozen=True, slots=True)
class Fork:
    """A branch, and the operations that tell which way it went."""

    where: Where
    actor: int
    true: int
    """executed if and only if the condition was true"""
    false: int


def split_branches(program: Program, files: Collection[str]) -> tuple[Program, tuple[Fork, ...]]:
    """The program with an operation on every way of the branches in some files, and those."""
    actors: list[Actor] = []
    forks: list[Fork] = []
    for number, actor in enumerate(program.actors):
        code, found = _split(actor.code, number, files)
        actors.append(replace(actor, code=code))
        forks += found
    return replace(program, actors=tuple(actors)), tuple(forks)


def _split(
    code: tuple[Operation, ...], number: int, files: Collection[str]
) -> tuple[tuple[Operation, ...], list[Fork]]:
    ways_to = Counter(t for index, operation in enumerate(code) for t in targets(operation, index))

    def is_shared(target: int) -> bool:
        """A Point is executed when somebody leaves it, not when they arrive."""
        return ways_to[target] > 1 or isinstance(code[target], Point)

    new_index, room = [], 0
    for index, operation in enumerate(code):
        new_index.append(index + room)
        if _is_wanted(operation, files):
            room += sum(map(is_shared, targets(operation, index)))
    written: list[Operation] = []
    forks: list[Fork] = []
    for operation in code:
        moved = retarget(operation, new_index)
        if not isinstance(operation, Branch) or not _is_wanted(operation, files):
            written.append(moved)
            continue
        assert isinstance(moved, Branch)
        jumps: list[Operation] = []
        ways: list[int] = []
        for before, after in ((operation.then, moved.then), (operation.other, moved.other)):
            if is_shared(before):
                jumps.append(Jump(operation.where, after))
                ways.append(len(written) + len(jumps))
            else:
                ways.append(after)
        written += [replace(moved, then=ways[0], other=ways[1]), *jumps]
        forks.append(Fork(operation.where, number, ways[0], ways[1]))
    return tuple(written), forks


def _is_wanted(operation: Operation, files: Collection[str]) -> bool:
    """A loop over a range always runs and always ends: only conditions are worth asking about."""
    if not isinstance(operation, Branch) or operation.where.file not in files:
        return False
    return not operation.where.text.lstrip().startswith("for ")
