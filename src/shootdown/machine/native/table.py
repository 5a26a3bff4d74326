"""The set of states seen: a hash table of 32-bit entries in lines of sixteen.

An entry is the number of a state plus one, in as many low bits as numbers need; the bits left hold
a tag from the state's hash, which spares most looks at states that are not equal. Equality is
always decided on whole states, so the set is exact. 0 is empty.

A state belongs into its home line; where that is full, into the next. Lines fill from the front
and nothing is ever taken out, so a line with an empty entry ends every look. One vector comparison
takes in a whole line, which is why a table seven eighths full is still fast (plain linear probing
would look at thirty entries for every new state).

The lines form REGIONS equal parts, chosen by the first bits of the hash, and a look that leaves a
region at its end goes on at its beginning. So regions have nothing to do with each other, and
different threads may work on different regions at the same time.
"""

# ruff: noqa: PLR0917 (compiled functions have positions, not names)
from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

from shootdown.machine.native.intrinsics import (
    get32,
    get_word,
    look,
    lowest,
    prefetch,
    put32,
    put_word,
)
from shootdown.machine.native.sizes import LINE

FULL = -1
"""no slot: every line of the region is full, which its size should have prevented"""

_LOW = np.uint64(0xFFFFFFFF)
_SEED = np.uint64(0x9E3779B97F4A7C15)
_MULTIPLIER = np.uint64(0xD6E8FEB86659FD93)
_HALF = np.uint64(32)
_REGION_SHIFT = np.uint64(58)
_LINE_SHIFT = np.uint64(26)
_BATCH = 64


@njit(inline="always")
def hash_of(state: int, words: int) -> Any:
    """All words of the state at an address mixed; the high bits choose the line, low ones become
    the tag."""
    mixed = _SEED
    for word in range(words):
        mixed = (mixed ^ get_word(state, word)) * _MULTIPLIER
        mixed ^= mixed >> _HALF
    mixed *= _MULTIPLIER
    return mixed ^ (mixed >> _HALF)


@njit(inline="always")
def region_of(mixed: Any) -> Any:
    """The region of a hash."""
    return np.int64(mixed >> _REGION_SHIFT)


@njit(inline="always")
def home_of(mixed: Any, lines: int) -> Any:
    """The line of a hash, where every region has so many."""
    part = np.int64((mixed >> _LINE_SHIFT) & _LOW)
    return region_of(mixed) * lines + ((part * lines) >> 32)


@njit(inline="always")
def line_after(line: int, mixed: Any, lines: int) -> Any:
    """The next line of the region."""
    line += 1
    return line - lines if line == (region_of(mixed) + 1) * lines else line


@njit(inline="always")
def tag_of(mixed: Any, low: int) -> Any:
    """The bits of a hash that an entry holds; `low` covers those of the number."""
    return np.int64(mixed & _LOW) & ~low


@njit(inline="always")
def copy_state(target: int, source: int, words: int) -> None:
    """Copy a state from one address to another."""
    for word in range(words):
        put_word(target, word, get_word(source, word))


@njit(inline="always")
def are_equal(a: int, b: int, words: int) -> Any:
    """Whether the states at two addresses are equal."""
    for word in range(words):  # noqa: SIM110 (numba has no `all` over a generator)
        if get_word(a, word) != get_word(b, word):
            return False
    return True


@njit(inline="always")
def first_alike(mixed: Any, table: int, lines: int, low: int) -> Any:
    """The number of the first state in the home line with the tag of a hash, or -1."""
    line = home_of(mixed, lines)
    same = look(table + line * 64, tag_of(mixed, low), 0xFFFFFFFF & ~low) & 0xFFFF
    return (get32(table, line * LINE + lowest(same)) & low) - 1 if same else -1


@njit(nogil=True)
def slot_of(
    words: int,
    state: int,
    mixed: Any,
    table: int,
    lines: int,
    low: int,
    states: int,
    fence: int,
    pending: int,
) -> Any:
    """The slot of the state at an address: where it is entered, or empty if it is not. States with
    numbers from `fence` on lie at `pending`."""
    size = words * 8
    line = home_of(mixed, lines)
    tag, mask = tag_of(mixed, low), 0xFFFFFFFF & ~low
    for _ in range(lines):
        seen = look(table + line * 64, tag, mask)
        same = seen & 0xFFFF
        while same:
            slot = line * LINE + lowest(same)
            number = (get32(table, slot) & low) - 1
            known = states + number * size
            if number >= fence:
                known = pending + (number - fence) * size
            if are_equal(known, state, words):
                return slot
            same &= same - 1
        empty = seen >> LINE
        if empty:
            return line * LINE + lowest(empty)
        line = line_after(line, mixed, lines)
    return FULL


@njit(nogil=True)
def refill_regions(
    words: int, states: int, count: int, table: int, lines: int, low: int, start: int, stop: int
) -> Any:
    """Enter the first `count` states that belong to regions from `start` to before `stop`, where
    nothing is entered yet. Whether there was room."""
    hashes = np.empty(_BATCH, np.uint64)
    numbers = np.empty(_BATCH, np.int64)
    waiting = 0
    for number in range(count):
        mixed = hash_of(states + number * words * 8, words)
        region = region_of(mixed)
        if start <= region < stop:
            prefetch(table + home_of(mixed, lines) * 64)
            hashes[waiting], numbers[waiting] = mixed, number
            waiting += 1
        if waiting == _BATCH or number == count - 1:
            for i in range(waiting):
                if not _append(hashes[i], numbers[i], table, lines, low):
                    return False
            waiting = 0
    return True


@njit(inline="always")
def _append(mixed: Any, number: int, table: int, lines: int, low: int) -> Any:
    """Enter a state that is not entered."""
    line = home_of(mixed, lines)
    for _ in range(lines):
        empty = look(table + line * 64, 0, 0) >> LINE
        if empty:
            put32(table, line * LINE + lowest(empty), tag_of(mixed, low) | (number + 1))
            return True
        line = line_after(line, mixed, lines)
    return False
