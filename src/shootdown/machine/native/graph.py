"""The graph of a search that held: every step from every stored state, as numbers.

Rows in the usual form: the steps from state n are those from `offsets[n]` to before
`offsets[n + 1]`, in the order of the search; of each, `targets` has the state it leads to and
`labels` who took it and whether it was progress (`labelled`). Per state that is 4 bytes, per step
5. The number of steps is known from the search, which generated every one of them.

The loop works as that of `bfs` does: generate for a batch, ask for the lines of the table, ask for
the states that they name, look up.
"""

# ruff: noqa: PLR0917 (compiled functions have positions, not names)
from __future__ import annotations

from typing import NamedTuple

from shootdown.machine.native.bfs import COUNT_MASK
from shootdown.machine.native.compiled import Bytes, Halves, Shape, Word, compiled, inlined
from shootdown.machine.native.primitives import (
    call_expand,
    get32,
    get64,
    get_word,
    prefetch,
    put64,
    put_word,
    room,
)
from shootdown.machine.native.sizes import BATCH
from shootdown.machine.native.states import take_state
from shootdown.machine.native.table import FULL, first_alike, hash_of, home_of, slot_of

LOST = -1
"""instead of a number of steps: a successor is not among the states, or there are too many"""


class Stored(NamedTuple):
    """What a search has stored: addresses, and sizes as on its board."""

    states: int
    table: int
    lines: int
    low: int
    total: int
    """how many states"""


class Buffers(NamedTuple):
    """Addresses of what one batch needs."""

    successors: int
    """uint64, a word more than a state for each"""
    hashes: int
    """uint64, for each successor"""
    ends: int
    """int64, for each state of the batch"""
    capacity: int
    """successors for which there is room"""
    marks: int
    """where the steps leave marks nobody looks at"""


class Graph(NamedTuple):
    """The arrays, and for how many steps they have room."""

    offsets: Halves
    """one more than there are states"""
    targets: Halves
    labels: Bytes
    most: int


@compiled
def record(
    expand: int,
    shape: Shape,
    most_found: int,
    start: int,
    stop: int,
    stored: Stored,
    b: Buffers,
    graph: Graph,
) -> int:
    """Enter the steps from the states from `start` to before `stop`; how many there are so far, or
    LOST. `most_found` is the most successors one state can have."""
    steps = graph.offsets[start]
    number = start
    while number < stop:
        size, found = _generate(expand, shape, most_found, number, stop, stored, b)
        for i in range(found):
            alike = first_alike(get_word(b.hashes, i), stored.table, stored.lines, stored.low)
            if alike >= 0:
                prefetch(stored.states + alike * shape.size)
        if steps + found > graph.most:
            return LOST
        begin = 0
        for position in range(size):
            end = get64(b.ends, position)
            for i in range(begin, end):
                found_at = b.successors + i * (shape.words + 1) * 8
                target = _number_of(shape, found_at, get_word(b.hashes, i), stored)
                if target < 0:
                    return LOST
                graph.targets[steps] = target
                graph.labels[steps] = get64(found_at, shape.words)
                steps += 1
            begin = end
            graph.offsets[number + position + 1] = steps
        number += size
    return steps


@inlined
def _generate(
    expand: int, shape: Shape, most_found: int, number: int, stop: int, stored: Stored, b: Buffers
) -> tuple[int, int]:
    """The successors of a batch, with their hashes; how many states and successors it has."""
    size, found, state = 0, 0, room(shape.words)
    while number + size < stop and size < BATCH and found + most_found <= b.capacity:
        take_state(state, stored.states + (number + size) * shape.size, shape)
        out = b.successors + found * (shape.words + 1) * 8
        more = found + (call_expand(expand, state, out, b.marks) & COUNT_MASK)
        for i in range(found, more):
            mixed = hash_of(b.successors + i * (shape.words + 1) * 8, shape)
            put_word(b.hashes, i, mixed)
            prefetch(stored.table + home_of(mixed, stored.lines) * 64)
        found = more
        put64(b.ends, size, found)
        size += 1
    return size, found


@inlined
def _number_of(shape: Shape, state: int, mixed: Word, stored: Stored) -> int:
    """The number of the state at an address, or less than 0 if it is not among those stored."""
    slot = slot_of(
        shape,
        state,
        mixed,
        stored.table,
        stored.lines,
        stored.low,
        stored.states,
        stored.total,
        stored.states,
    )
    return -1 if slot == FULL else (get32(stored.table, slot) & stored.low) - 1
