"""The set of states seen: a hash table of 32-bit entries in lines of sixteen.

An entry is the number of a state plus one, in as many low bits as numbers need; the bits left hold
a tag from the state's hash, which spares most looks at states that are not equal. Equality is
always decided on whole states, so the set is exact. 0 is empty.

A state belongs into its home line; where that is full, into the next. Lines fill from the front
and nothing is ever taken out, so a line with an empty entry ends every look. One vector comparison
takes in a whole line, which is why a table seven eighths full is still fast (plain linear probing
would look at thirty entries for every new state).
"""

# ruff: noqa: PLR0917 (compiled functions have positions, not names)
from __future__ import annotations

from shootdown.machine.native.atomic import exchange32
from shootdown.machine.native.compiled import Shape, Word, compiled, inlined
from shootdown.machine.native.primitives import (
    get32,
    get_word,
    look,
    lowest,
    prefetch,
    put64,
    put_word,
    room,
    signed,
    unsigned,
)
from shootdown.machine.native.sizes import BATCH, LINE
from shootdown.machine.native.states import are_equal, is_stored, take_state

FULL = -1
"""no slot: every line is full, which the size of the table should have prevented"""

_LOW = 0xFFFFFFFF
_SEED = 0x9E3779B97F4A7C15
_MULTIPLIER = 0xD6E8FEB86659FD93


@inlined
def hash_of(state: int, shape: Shape) -> Word:
    """All words of the state at an address mixed; the high bits choose the line, low ones become
    the tag."""
    mixed = unsigned(_SEED)
    for word in range(shape.words):
        mixed = (mixed ^ get_word(state, word)) * _MULTIPLIER
        mixed ^= mixed >> 32
    mixed *= _MULTIPLIER
    return mixed ^ (mixed >> 32)


@inlined
def home_of(mixed: Word, lines: int) -> int:
    """The line of a hash."""
    return (signed(mixed >> 32) * lines) >> 32


@inlined
def line_after(line: int, lines: int) -> int:
    """The next line; after the last comes the first."""
    line += 1
    return 0 if line == lines else line


@inlined
def tag_of(mixed: Word, low: int) -> int:
    """The bits of a hash that an entry holds; `low` covers those of the number."""
    return signed(mixed) & _LOW & ~low


@inlined
def first_alike(mixed: Word, table: int, lines: int, low: int) -> int:
    """The number of the first state in the home line with the tag of a hash, or -1."""
    line = home_of(mixed, lines)
    same = look(table + line * 64, tag_of(mixed, low), _LOW & ~low) & 0xFFFF
    return (get32(table, line * LINE + lowest(same)) & low) - 1 if same else -1


@compiled
def slot_of(
    shape: Shape,
    state: int,
    mixed: Word,
    table: int,
    lines: int,
    low: int,
    states: int,
    fence: int,
    pending: int,
) -> int:
    """The slot of the state at an address: where it is entered, or empty if it is not. States with
    numbers from `fence` on lie at `pending`, in words."""
    line = home_of(mixed, lines)
    tag, mask = tag_of(mixed, low), _LOW & ~low
    for _ in range(lines):
        seen = look(table + line * 64, tag, mask)
        same = seen & 0xFFFF
        while same:
            slot = line * LINE + lowest(same)
            number = (get32(table, slot) & low) - 1
            if number < fence:
                if is_stored(states + number * shape.size, state, shape):
                    return slot
            elif are_equal(pending + (number - fence) * shape.words * 8, state, shape):
                return slot
            same &= same - 1
        empty = seen >> LINE
        if empty:
            return line * LINE + lowest(empty)
        line = line_after(line, lines)
    return FULL


@compiled
def refill_range(
    shape: Shape, states: int, table: int, lines: int, low: int, start: int, stop: int
) -> bool:
    """Enter the states with numbers from `start` to before `stop`, none of which is entered, while
    others may do the same with other states. Whether there was room."""
    state, hashes = room(shape.words), room(BATCH)
    for first in range(start, stop, BATCH):
        size = min(BATCH, stop - first)
        for i in range(size):
            take_state(state, states + (first + i) * shape.size, shape)
            mixed = hash_of(state, shape)
            put_word(hashes, i, mixed)
            prefetch(table + home_of(mixed, lines) * 64)
        for i in range(size):
            if not _append(get_word(hashes, i), first + i, table, lines, low):
                return False
    return True


@compiled
def tally(table: int, slots: int, low: int, sums: int) -> int:
    """How many of the slots have an entry; the sum of their numbers plus one goes to `sums`."""
    entries, total = 0, 0
    for slot in range(slots):
        number = get32(table, slot) & low
        entries += number != 0
        total += number
    put64(sums, 0, total)
    return entries


@inlined
def _append(mixed: Word, number: int, table: int, lines: int, low: int) -> bool:
    """Enter a state that is not entered."""
    line, left = home_of(mixed, lines), lines
    while left > 0:
        empty = look(table + line * 64, 0, 0) >> LINE
        if empty:
            entry = tag_of(mixed, low) | (number + 1)
            if exchange32(table, line * LINE + lowest(empty), 0, entry):
                return True
        else:
            line = line_after(line, lines)
            left -= 1
    return False
