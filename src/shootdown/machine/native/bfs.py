"""The search loop: compiled code (see `compiled`), kept on disk, the same for every model.

The array of states is also the queue: states are appended in the order of finding and expanded in
that order. A batch of states goes through three phases, so that the waiting for memory overlaps:

1. generate the successors of each, hash them, ask for the line of the table each will need;
2. look into those lines, ask for the states that their entries name;
3. insert, strictly in order.

Generating does not depend on inserting, so the outcome is that of the plain loop, state for state.

Who found a state is not stored. States are numbered in the order of finding, so the parents of the
states 0, 1, 2, … never go back; it is enough to remember how many states there were each time
GROUP states had been expanded (`firsts`): that tells the group in which the parent is, and
expanding the group again tells which it is.

One thread runs this; `board` carries what must survive between calls and tells why it returned.
`team` does the same with many threads, and leaves to this loop whatever is not plain.
"""

# ruff: noqa: PLR0917 (compiled functions have positions, not names)
from __future__ import annotations

from typing import NamedTuple

from shootdown.machine.native.compiled import Shape, Words, compiled, inlined
from shootdown.machine.native.primitives import (
    call_expand,
    get32,
    get64,
    get_word,
    prefetch,
    put32,
    put64,
    put_word,
    room,
)
from shootdown.machine.native.sizes import BATCH
from shootdown.machine.native.states import store_state, take_state
from shootdown.machine.native.table import (
    FULL,
    first_alike,
    hash_of,
    home_of,
    refill_range,
    slot_of,
    tag_of,
)

HEAD, COUNT, TRANSITIONS, LEVEL, LEVEL_END, LIMIT, LINES, LOW, FULLEST, BUDGET, STATUS = range(11)
PART, WAS = 11, 12
BOARD_SIZE = 13
"""places on the board; LIMIT is the most states allowed, LINES the lines of the table,
LOW covers the number in an entry, FULLEST is the most states the table takes; after BROKEN,
DEADLOCK and ENDLESS the HEAD is the state concerned, after CUT too: PART then tells how many of its
successors are among the TRANSITIONS, and WAS what COUNT was before it"""

GOING, DONE, BROKEN, DEADLOCK, CUT, GROW, ENDLESS, OVERFULL = range(8)
"""values of STATUS"""

GROUP = 16
"""states expanded for each element of `firsts`"""

COUNT_MASK = 0xFFFFFFFF
IS_ALIVE, IS_STUCK, IS_BROKEN, IS_ENDLESS = 1 << 32, 1 << 33, 1 << 34, 1 << 35


class Arrays(NamedTuple):
    """What the loop works on: addresses of arrays, and the length of the buffer."""

    states: int
    """bytes, `Shape.size` for each state; the queue as well"""
    firsts: int
    """uint32, for every GROUP states how many states there were when the first was expanded"""
    table: int
    """uint32, LINES lines of entries"""
    buffer: int
    """uint64, the successors of a batch, in words"""
    capacity: int
    """states for which the buffer has room"""
    hashes: int
    """uint64, per successor of a batch"""
    ends: int
    """int64, per state of a batch the number of successors up to and with it"""
    marks: int
    """int64, what the steps tell about rules and blocks; see `packed`"""


@inlined
def ending_of(answer: int) -> int:
    """What the answer of the steps means for the search."""
    if answer & (IS_BROKEN | IS_ENDLESS):
        return BROKEN if answer & IS_BROKEN else ENDLESS
    return DEADLOCK if (answer & IS_STUCK) and not (answer & IS_ALIVE) else GOING


@compiled
def refill(shape: Shape, arrays: Arrays, board: Words, start: int, stop: int) -> bool:
    """Enter the states with numbers from `start` to before `stop`, which are not entered; whether
    there was room."""
    lines, low = board[LINES], board[LOW]
    return refill_range(shape, arrays.states, arrays.table, lines, low, start, stop)


@compiled
def mark(expand: int, shape: Shape, start: int, stop: int, arrays: Arrays) -> None:
    """Mark what the expansion of some states marks, and do nothing else."""
    state = room(shape.words)
    for number in range(start, stop):
        take_state(state, arrays.states + number * shape.size, shape)
        call_expand(expand, state, arrays.buffer, arrays.marks)


@inlined
def generate(
    expand: int, shape: Shape, most_found: int, first: int, most: int, arrays: Arrays, lines: int
) -> tuple[int, int]:
    """Phase 1, for at most so many states from `first` on; how many were expanded, and what the
    last of them said."""
    table, buffer, hashes = arrays.table, arrays.buffer, arrays.hashes
    state = room(shape.words)
    found, size, ending = 0, 0, GOING
    while size < most and found + most_found <= arrays.capacity and ending == GOING:
        take_state(state, arrays.states + (first + size) * shape.size, shape)
        answer = call_expand(expand, state, buffer + found * shape.words * 8, arrays.marks)
        more = found + (answer & COUNT_MASK)
        ending = ending_of(answer)
        if ending in (BROKEN, ENDLESS):
            more -= 1
        for i in range(found, more):
            mixed = hash_of(buffer + i * shape.words * 8, shape)
            put_word(hashes, i, mixed)
            prefetch(table + home_of(mixed, lines) * 64)
        found = more
        put64(arrays.ends, size, found)
        size += 1
    return size, ending


@inlined
def look_ahead(shape: Shape, found: int, arrays: Arrays, lines: int, low: int) -> None:
    """Phase 2."""
    for i in range(found):
        number = first_alike(get_word(arrays.hashes, i), arrays.table, lines, low)
        if number >= 0:
            prefetch(arrays.states + number * shape.size)


@inlined
def _insert(shape: Shape, size: int, arrays: Arrays, board: Words) -> int:
    """Phase 3; how many states of the batch are done, fewer than `size` if something ended it."""
    lines, low, count, head = board[LINES], board[LOW], board[COUNT], board[HEAD]
    table, states = arrays.table, arrays.states
    found = 0
    for position in range(size):
        if head + position == board[LEVEL_END]:
            board[LEVEL] += 1
            board[LEVEL_END] = count
        if (head + position) % GROUP == 0:
            put32(arrays.firsts, (head + position) // GROUP, count)
        began, was = found, count
        for i in range(began, get64(arrays.ends, position)):
            found += 1
            state, mixed = arrays.buffer + i * shape.words * 8, get_word(arrays.hashes, i)
            slot = slot_of(shape, state, mixed, table, lines, low, states, count, states)
            if slot != FULL and get32(table, slot) != 0:
                continue
            if slot == FULL or count == board[LIMIT]:
                board[STATUS] = OVERFULL if slot == FULL else CUT
                board[COUNT] = count
                board[TRANSITIONS] += found
                board[PART], board[WAS] = found - began, was
                return position
            store_state(states + count * shape.size, state, shape)
            count += 1
            put32(table, slot, tag_of(mixed, low) | count)
    board[COUNT] = count
    board[TRANSITIONS] += found
    return size


@compiled
def explore(expand: int, shape: Shape, most_found: int, arrays: Arrays, board: Words) -> None:
    """Expand up to BUDGET states; `most_found` is the most successors one state can have."""
    board[STATUS] = GOING
    while board[BUDGET] > 0:
        if board[HEAD] == board[COUNT]:
            board[STATUS] = DONE
            return
        if board[COUNT] + arrays.capacity > board[FULLEST]:
            board[STATUS] = GROW
            return
        head, lines = board[HEAD], board[LINES]
        most = min(BATCH, board[COUNT] - head)
        size, ending = generate(expand, shape, most_found, head, most, arrays, lines)
        look_ahead(shape, get64(arrays.ends, size - 1), arrays, lines, board[LOW])
        done = _insert(shape, size, arrays, board)
        board[HEAD] += done
        board[BUDGET] -= done
        if done < size:
            return
        if ending != GOING:
            board[HEAD] -= 1
            board[TRANSITIONS] += ending == BROKEN
            board[STATUS] = ending
            return
