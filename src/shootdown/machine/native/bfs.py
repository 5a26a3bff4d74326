"""The search loop, in numba: compiled once per machine, cached, the same code for every model.

The array of states is also the queue: states are appended in the order of finding and expanded in
that order. A batch of states goes through three phases, so that the waiting for memory overlaps:

1. generate the successors of each, hash them, ask for the line of the table each will need;
2. look into those lines, ask for the states that their entries name;
3. insert, strictly in order.

Generating does not depend on inserting, so the outcome is that of the plain loop, state for state.

A table entry has 32 bits: the low ones are the number of a state plus one, as many as the table needs;
what is left holds bits of the hash, which spare most of the looks at states that are not equal.
Equality is always decided on whole states. Two entries never name equal states; 0 is empty.

One thread runs this; `board` carries what must survive between calls and tells why it returned.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

from shootdown.machine.native.intrinsics import call_expand, prefetch

HEAD, COUNT, TRANSITIONS, LEVEL, LEVEL_END, LIMIT, BITS, STATUS, RULE_STATE = range(9)
BOARD_SIZE = 9
"""places on the board; LIMIT is the most states allowed, BITS the width of the table's index"""

GOING, DONE, BROKEN, DEADLOCK, CUT, GROW = range(6)
"""values of STATUS"""

BATCH = 64

_COUNT_MASK = 0xFFFFFFFF
_ALIVE, _STUCK, _BROKEN = 1 << 32, 1 << 33, 1 << 34
_LOW = np.uint64(0xFFFFFFFF)
_ONE = np.uint64(1)
_SEED = np.uint64(0x9E3779B97F4A7C15)
_MULTIPLIER = np.uint64(0xD6E8FEB86659FD93)
_HALF = np.uint64(32)
_TOP = np.uint64(64)


@njit(inline="always")
def _hash(array: Any, first: int, words: int) -> Any:
    """All words mixed; the high bits choose the slot, the low ones become the tag."""
    mixed = _SEED
    for word in range(first, first + words):
        mixed = (mixed ^ array[word]) * _MULTIPLIER
        mixed ^= mixed >> _HALF
    mixed *= _MULTIPLIER
    return mixed ^ (mixed >> _HALF)


@njit(inline="always")
def _equal(states: Any, a: int, buffer: Any, b: int, words: int) -> Any:
    for word in range(words):
        if states[a + word] != buffer[b + word]:
            return False
    return True


@njit(cache=True, nogil=True)
def refill(words: int, count: int, bits: int, states: Any, table: Any) -> None:
    """Enter all states into an empty table of 2 ** bits slots."""
    shift = _TOP - np.uint64(bits)
    low = (_ONE << np.uint64(bits)) - _ONE
    mask = (1 << bits) - 1
    hashes = np.empty(BATCH, np.uint64)
    table_at = table.ctypes.data
    for first in range(0, count, BATCH):
        size = min(BATCH, count - first)
        for i in range(size):
            hashes[i] = _hash(states, (first + i) * words, words)
            prefetch(table_at + np.int64(hashes[i] >> shift) * 4)
        for i in range(size):
            slot = np.int64(hashes[i] >> shift)
            while table[slot] != 0:
                slot = (slot + 1) & mask
            tag = hashes[i] & _LOW & ~low
            table[slot] = np.uint32(tag | np.uint64(first + i + 1))


@njit(cache=True, nogil=True)
def explore(
    expand: int,
    words: int,
    room: int,
    budget: int,
    states: Any,
    parents: Any,
    table: Any,
    buffer: Any,
    hashes: Any,
    board: Any,
) -> None:
    """Expand up to `budget` states; `room` is the most successors one state can have."""
    ends = np.empty(BATCH, np.int64)
    bits = board[BITS]
    shift = _TOP - np.uint64(bits)
    low = (_ONE << np.uint64(bits)) - _ONE
    mask = (1 << bits) - 1
    fullest = (mask >> 1) + (mask >> 3)
    capacity = hashes.size
    states_at, buffer_at, table_at = states.ctypes.data, buffer.ctypes.data, table.ctypes.data
    while budget > 0:
        head, count = board[HEAD], board[COUNT]
        if head == count:
            board[STATUS] = DONE
            return
        if count + capacity > fullest:
            board[STATUS] = GROW
            return

        last = min(head + BATCH, count)
        found, size, ending = 0, 0, GOING
        while head + size < last and found + room <= capacity and ending == GOING:
            state = states_at + (head + size) * words * 8
            answer = call_expand(expand, state, buffer_at + found * words * 8)
            more = found + (answer & _COUNT_MASK)
            if answer & _BROKEN:
                ending = BROKEN
                more -= 1
            elif (answer & _STUCK) and not (answer & _ALIVE):
                ending = DEADLOCK
            for i in range(found, more):
                hashes[i] = _hash(buffer, i * words, words)
                prefetch(table_at + np.int64(hashes[i] >> shift) * 4)
            found = more
            ends[size] = found
            size += 1

        for i in range(found):
            entry = np.uint64(table[np.int64(hashes[i] >> shift)])
            if entry != 0:
                prefetch(states_at + (np.int64(entry & low) - 1) * words * 8)

        i = 0
        for position in range(size):
            if head + position == board[LEVEL_END]:
                board[LEVEL] += 1
                board[LEVEL_END] = count
            while i < ends[position]:
                board[TRANSITIONS] += 1
                slot = np.int64(hashes[i] >> shift)
                tag = hashes[i] & _LOW & ~low
                while True:
                    entry = np.uint64(table[slot])
                    if entry == 0:
                        if count == board[LIMIT]:
                            board[COUNT], board[HEAD] = count, head + position
                            board[STATUS] = CUT
                            return
                        for word in range(words):
                            states[count * words + word] = buffer[i * words + word]
                        parents[count] = head + position
                        count += 1
                        table[slot] = np.uint32(tag | np.uint64(count))
                        break
                    if (entry & ~low) == tag:
                        known = np.int64(entry & low) - 1
                        if _equal(states, known * words, buffer, i * words, words):
                            break
                    slot = (slot + 1) & mask
                i += 1
        board[COUNT], board[HEAD] = count, head + size
        if ending != GOING:
            board[HEAD] = board[RULE_STATE] = head + size - 1
            board[TRANSITIONS] += ending == BROKEN
            board[STATUS] = ending
            return
        budget -= size
    board[STATUS] = GOING
