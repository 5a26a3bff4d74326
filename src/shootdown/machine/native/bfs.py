"""The search loop, in numba: compiled once per machine, cached, the same code for every model.

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

from __future__ import annotations

from typing import Any, NamedTuple

from numba import njit

from shootdown.machine.native.intrinsics import (
    call_expand,
    get32,
    get64,
    get_word,
    prefetch,
    put32,
    put64,
    put_word,
)
from shootdown.machine.native.table import (
    FULL,
    copy_state,
    first_alike,
    hash_of,
    home_of,
    refill_regions,
    slot_of,
    tag_of,
)

HEAD, COUNT, TRANSITIONS, LEVEL, LEVEL_END, LIMIT, LINES, LOW, FULLEST, BUDGET, STATUS = range(11)
PART, WAS = 11, 12
BOARD_SIZE = 13
"""places on the board; LIMIT is the most states allowed, LINES the lines of a region of the table,
LOW covers the number in an entry, FULLEST is the most states the table takes; after BROKEN,
DEADLOCK and ENDLESS the HEAD is the state concerned, after CUT too: PART then tells how many of its
successors are among the TRANSITIONS, and WAS what COUNT was before it"""

GOING, DONE, BROKEN, DEADLOCK, CUT, GROW, ENDLESS, OVERFULL = range(8)
"""values of STATUS"""

BATCH = 64
GROUP = 16
"""states expanded for each element of `firsts`"""

COUNT_MASK = 0xFFFFFFFF
IS_ALIVE, IS_STUCK, IS_BROKEN, IS_ENDLESS = 1 << 32, 1 << 33, 1 << 34, 1 << 35


class Arrays(NamedTuple):
    """What the loop works on: addresses of arrays, and the length of the buffer."""

    states: int
    """uint64, `words` for each state; the queue as well"""
    firsts: int
    """uint32, for every GROUP states how many states there were when the first was expanded"""
    table: int
    """uint32, REGIONS * LINES lines of entries"""
    buffer: int
    """uint64, the successors of a batch"""
    capacity: int
    """states for which the buffer has room"""
    hashes: int
    """uint64, per successor of a batch"""
    ends: int
    """int64, per state of a batch the number of successors up to and with it"""
    marks: int
    """int64, what the steps tell about rules and blocks; see `packed`"""


@njit(inline="always")
def ending_of(answer: int) -> Any:
    """What the answer of the steps means for the search."""
    if answer & (IS_BROKEN | IS_ENDLESS):
        return BROKEN if answer & IS_BROKEN else ENDLESS
    return DEADLOCK if (answer & IS_STUCK) and not (answer & IS_ALIVE) else GOING


@njit(cache=True, nogil=True)
def refill(words: int, arrays: Any, board: Any, start: int, stop: int) -> Any:
    """Enter all states that belong to some regions of an empty table; whether there was room."""
    count, lines, low = board[COUNT], board[LINES], board[LOW]
    return refill_regions(words, arrays.states, count, arrays.table, lines, low, start, stop)


@njit(cache=True, nogil=True)
def mark(expand: int, words: int, start: int, stop: int, arrays: Any) -> None:
    """Mark what the expansion of some states marks, and do nothing else."""
    for number in range(start, stop):
        call_expand(expand, arrays.states + number * words * 8, arrays.buffer, arrays.marks)


@njit(inline="always")
def _generate(expand: int, words: int, room: int, arrays: Any, board: Any) -> Any:
    """Phase 1; how many states of the batch were expanded, and what the last of them said."""
    table, buffer, hashes, lines = arrays.table, arrays.buffer, arrays.hashes, board[LINES]
    head = board[HEAD]
    most = min(BATCH, board[COUNT] - head)
    found, size, ending = 0, 0, GOING
    while size < most and found + room <= arrays.capacity and ending == GOING:
        state = arrays.states + (head + size) * words * 8
        answer = call_expand(expand, state, buffer + found * words * 8, arrays.marks)
        more = found + (answer & COUNT_MASK)
        ending = ending_of(answer)
        if ending in (BROKEN, ENDLESS):
            more -= 1
        for i in range(found, more):
            mixed = hash_of(buffer + i * words * 8, words)
            put_word(hashes, i, mixed)
            prefetch(table + home_of(mixed, lines) * 64)
        found = more
        put64(arrays.ends, size, found)
        size += 1
    return size, ending


@njit(inline="always")
def _look_ahead(words: int, found: int, arrays: Any, board: Any) -> None:
    """Phase 2."""
    lines, low = board[LINES], board[LOW]
    for i in range(found):
        number = first_alike(get_word(arrays.hashes, i), arrays.table, lines, low)
        if number >= 0:
            prefetch(arrays.states + number * words * 8)


@njit(inline="always")
def _insert(words: int, size: int, arrays: Any, board: Any) -> Any:
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
            state, mixed = arrays.buffer + i * words * 8, get_word(arrays.hashes, i)
            slot = slot_of(words, state, mixed, table, lines, low, states, count, states)
            if slot != FULL and get32(table, slot) != 0:
                continue
            if slot == FULL or count == board[LIMIT]:
                board[STATUS] = OVERFULL if slot == FULL else CUT
                board[COUNT] = count
                board[TRANSITIONS] += found
                board[PART], board[WAS] = found - began, was
                return position
            copy_state(states + count * words * 8, state, words)
            count += 1
            put32(table, slot, tag_of(mixed, low) | count)
    board[COUNT] = count
    board[TRANSITIONS] += found
    return size


@njit(cache=True, nogil=True)
def explore(expand: int, words: int, room: int, arrays: Any, board: Any) -> None:
    """Expand up to BUDGET states; `room` is the most successors one state can have."""
    board[STATUS] = GOING
    while board[BUDGET] > 0:
        if board[HEAD] == board[COUNT]:
            board[STATUS] = DONE
            return
        if board[COUNT] + arrays.capacity > board[FULLEST]:
            board[STATUS] = GROW
            return
        size, ending = _generate(expand, words, room, arrays, board)
        _look_ahead(words, get64(arrays.ends, size - 1), arrays, board)
        done = _insert(words, size, arrays, board)
        board[HEAD] += done
        board[BUDGET] -= done
        if done < size:
            return
        if ending != GOING:
            board[HEAD] -= 1
            board[TRANSITIONS] += ending == BROKEN
            board[STATUS] = ending
            return
