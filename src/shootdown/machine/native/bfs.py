"""The search loop, in numba: compiled once per machine, cached, the same code for every model.

The array of states is also the queue: states are appended in the order of finding and expanded in
that order. A batch of states goes through three phases, so that the waiting for memory overlaps:

1. generate the successors of each, hash them, ask for the line of the table each will need;
2. look into those lines, ask for the states that their entries name;
3. insert, strictly in order.

Generating does not depend on inserting, so the outcome is that of the plain loop, state for state.

A table entry has 32 bits: the low ones are the number of a state plus one, as many as the table
needs; what is left holds bits of the hash, which spare most of the looks at states that are not
equal. Equality is always decided on whole states. Two entries never name equal states; 0 is
empty.

One thread runs this; `board` carries what must survive between calls and tells why it returned.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numba import njit

from shootdown.machine.native.intrinsics import call_expand, prefetch

HEAD, COUNT, TRANSITIONS, LEVEL, LEVEL_END, LIMIT, BITS, BUDGET, STATUS = range(9)
BOARD_SIZE = 9
"""places on the board; LIMIT is the most states allowed, BITS the width of the table's index; after
BROKEN and DEADLOCK the HEAD is the state concerned"""

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


class Arrays(NamedTuple):
    """What the loop works on."""

    states: Any
    """uint64, `words` for each state; the queue as well"""
    parents: Any
    """uint32, per state"""
    table: Any
    """uint32, 2 ** BITS entries"""
    buffer: Any
    """uint64, the successors of a batch"""
    hashes: Any
    """uint64, per successor of a batch"""
    ends: Any
    """int64, per state of a batch the number of successors up to and with it"""


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
    for word in range(words):  # noqa: SIM110 (numba has no `all` over a generator)
        if states[a + word] != buffer[b + word]:
            return False
    return True


@njit(cache=True, nogil=True)
def refill(words: int, arrays: Any, board: Any) -> None:
    """Enter all states into an empty table of 2 ** BITS slots."""
    bits, count, table, hashes = board[BITS], board[COUNT], arrays.table, arrays.hashes
    shift = _TOP - np.uint64(bits)
    low = (_ONE << np.uint64(bits)) - _ONE
    mask = np.int64(low)
    table_at = table.ctypes.data
    for first in range(0, count, BATCH):
        size = min(BATCH, count - first)
        for i in range(size):
            hashes[i] = _hash(arrays.states, (first + i) * words, words)
            prefetch(table_at + np.int64(hashes[i] >> shift) * 4)
        for i in range(size):
            slot = np.int64(hashes[i] >> shift)
            while table[slot] != 0:
                slot = (slot + 1) & mask
            tag = hashes[i] & _LOW & ~low
            table[slot] = np.uint32(tag | np.uint64(first + i + 1))


@njit(nogil=True)
def _generate(expand: int, words: int, room: int, arrays: Any, board: Any) -> Any:
    """Phase 1; how many states of the batch were expanded, and what the last of them said."""
    shift = _TOP - np.uint64(board[BITS])
    states_at, buffer_at = arrays.states.ctypes.data, arrays.buffer.ctypes.data
    table_at = arrays.table.ctypes.data
    buffer, hashes = arrays.buffer, arrays.hashes
    head = board[HEAD]
    most = min(BATCH, board[COUNT] - head)
    found, size, ending = 0, 0, GOING
    while size < most and found + room <= hashes.size and ending == GOING:
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
        arrays.ends[size] = found
        size += 1
    return size, ending


@njit(nogil=True)
def _look_ahead(words: int, found: int, arrays: Any, board: Any) -> None:
    """Phase 2."""
    shift = _TOP - np.uint64(board[BITS])
    low = (_ONE << np.uint64(board[BITS])) - _ONE
    states_at = arrays.states.ctypes.data
    for i in range(found):
        entry = np.uint64(arrays.table[np.int64(arrays.hashes[i] >> shift)])
        if entry != 0:
            prefetch(states_at + (np.int64(entry & low) - 1) * words * 8)


@njit(inline="always")
def _slot_of(words: int, i: int, arrays: Any, bits: int) -> Any:
    """The slot of a generated state: where it is entered, or empty if it is not."""
    low = (_ONE << np.uint64(bits)) - _ONE
    mixed = arrays.hashes[i]
    tag = mixed & _LOW & ~low
    slot = np.int64(mixed >> (_TOP - np.uint64(bits)))
    while True:
        entry = np.uint64(arrays.table[slot])
        if entry == 0:
            return slot
        if (entry & ~low) == tag:
            known: Any = np.int64(entry & low) - 1
            if _equal(arrays.states, known * words, arrays.buffer, i * words, words):
                return slot
        slot = (slot + 1) & np.int64(low)


@njit(nogil=True)
def _insert(words: int, size: int, arrays: Any, board: Any) -> Any:
    """Phase 3; how many states of the batch are done, fewer than `size` if a state was too many."""
    bits, count, head = board[BITS], board[COUNT], board[HEAD]
    low = (_ONE << np.uint64(bits)) - _ONE
    i = 0
    for position in range(size):
        if head + position == board[LEVEL_END]:
            board[LEVEL] += 1
            board[LEVEL_END] = count
        for i in range(arrays.ends[position - 1] if position else 0, arrays.ends[position]):
            board[TRANSITIONS] += 1
            slot = _slot_of(words, i, arrays, bits)
            if arrays.table[slot] != 0:
                continue
            if count == board[LIMIT]:
                board[COUNT] = count
                return position
            for word in range(words):
                arrays.states[count * words + word] = arrays.buffer[i * words + word]
            arrays.parents[count] = head + position
            count += 1
            tag = arrays.hashes[i] & _LOW & ~low
            arrays.table[slot] = np.uint32(tag | np.uint64(count))
    board[COUNT] = count
    return size


@njit(cache=True, nogil=True)
def explore(expand: int, words: int, room: int, arrays: Any, board: Any) -> None:
    """Expand up to BUDGET states; `room` is the most successors one state can have."""
    slots = 1 << board[BITS]
    fullest = (slots >> 1) + (slots >> 3)
    while board[BUDGET] > 0:
        if board[HEAD] == board[COUNT]:
            board[STATUS] = DONE
            return
        if board[COUNT] + arrays.hashes.size > fullest:
            board[STATUS] = GROW
            return
        size, ending = _generate(expand, words, room, arrays, board)
        _look_ahead(words, arrays.ends[size - 1], arrays, board)
        done = _insert(words, size, arrays, board)
        board[HEAD] += done
        board[BUDGET] -= done
        if done < size:
            board[STATUS] = CUT
            return
        if ending != GOING:
            board[HEAD] -= 1
            board[TRANSITIONS] += ending == BROKEN
            board[STATUS] = ending
            return
    board[STATUS] = GOING
