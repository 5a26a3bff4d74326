"""The two phases of a block: what one unit of work does.

`team` shares the units out, and says why the outcome is that of the plain loop. Within a phase
threads meet in the table only, where each change is one atomic exchange of an entry. An entry goes
from empty to a state that is kept but has no number yet, from there to an equal state that comes
before it in the order of the search, and in the second phase to its number. A state goes into the
first empty entry that its thread saw. If another thread was quicker there, it looks again; so two
equal states cannot both be entered:

    thread with a state                     thread with an equal one, earlier in order
    -------------------                     ------------------------------------------
    it is not in the line
    entry 5 is empty
                                            it is not in the line
                                            entry 5 is empty
    entry 5: empty -> mine
                                            entry 5: not empty any more  [look again]
                                            it is in the line: entry 5
                                            entry 5: theirs -> mine      [theirs is not fresh]

What an entry names was written before it: exchanging an entry pairs with loading it.
"""

# ruff: noqa: PLR0917 (compiled functions have positions, not names)
from __future__ import annotations

from typing import NamedTuple

from shootdown.machine.native.atomic import add, exchange32, load32
from shootdown.machine.native.bfs import (
    COUNT,
    GOING,
    GROUP,
    HEAD,
    LINES,
    LOW,
    Arrays,
    generate,
    look_ahead,
)
from shootdown.machine.native.compiled import Shape, Words, compiled, inlined
from shootdown.machine.native.control import EXPAND
from shootdown.machine.native.primitives import (
    get8,
    get32,
    get64,
    get_word,
    look,
    lowest,
    prefetch,
    put8,
    put32,
    put64,
)
from shootdown.machine.native.sizes import BATCH, KEEPS, KEPT_BITS, LINE, MOST_CHUNK
from shootdown.machine.native.states import are_equal, copy_state, is_stored, store_state
from shootdown.machine.native.table import FULL, home_of, line_after, tag_of

GROUPS = MOST_CHUNK // GROUP + 1

SURVEY, APPEND, REFILL = range(3)
"""kinds of phases"""

BLOCK, CHUNK, USED, GRAIN, ROOMY, RULES = range(6)
PLAN_SIZE = 6
"""places of the plan: states of the block and of a chunk, chunks in use; levels shorter than GRAIN
are left to one thread; ROOMY is how many states to a chunk did not overflow it; how many of the
marks are numbers"""

KEPT, SUCCESSORS, PLAIN, BEFORE, APPENDED, INFO = 0, 1, 2, 3, 4, 8
"""places of a chunk's row: states kept, successors generated, whether nothing special was found,
fresh states in the chunks before it, fresh states that got their numbers; the length of the row"""
AHEAD = 32
"""how many entries before its turn a line is asked for"""
KNOWN = -2
"""no slot is needed"""

_MASK = 0xFFFFFFFF


class Shared(NamedTuple):
    """What a team works on beside the arrays of `bfs`."""

    kept: int
    """uint64, KEEPS states for each chunk, in words"""
    slots: int
    """int64, of each kept state the place of its entry"""
    fresh: int
    """uint8, of each kept state whether it is the first of its equals"""
    news: int
    """int64, of each chunk a line with how many of its states are fresh"""
    groups: int
    """int64, for each chunk how much was kept when a group of states began"""
    info: Words
    """a row for each chunk"""
    marks: int
    """int64, for each worker a row as `Arrays.marks` is for one"""
    width: int
    """the length of such a row"""
    marked: int
    """how much of it is in use"""
    workers: int
    plan: Words
    """see PLAN_SIZE"""


@compiled
def survey(
    chunk: int, shape: Shape, most_found: int, c: Words, mine: Arrays, s: Shared, b: Words
) -> None:
    """The first phase for one chunk: enter the states found in it, and keep those that were new.
    Of `mine` the buffers are the worker's own."""
    number = b[HEAD] + chunk * s.plan[CHUNK]
    last = min(number + s.plan[CHUNK], b[HEAD] + s.plan[BLOCK])
    info, base, group = chunk * INFO, chunk * KEEPS, chunk * GROUPS
    kept, successors, lines, low = 0, 0, b[LINES], b[LOW]
    s.info[info + PLAIN], s.info[info + KEPT] = 0, 0
    put64(s.news, chunk * 8, 0)
    while number < last:
        most = min(BATCH, last - number)
        size, ending = generate(c[EXPAND], shape, most_found, number, most, mine, lines)
        found = get64(mine.ends, size - 1)
        if ending != GOING or kept + found > KEEPS:
            break
        look_ahead(shape, found, mine, lines, low)
        i = 0
        for position in range(size):
            if (number + position) % GROUP == 0:
                put64(s.groups, group, kept)
                group += 1
            while i < get64(mine.ends, position):
                slot = claim(shape, i, base + kept, mine, s, b)
                if slot == FULL:
                    break
                if slot != KNOWN:
                    put64(s.slots, base + kept, slot)
                    kept += 1
                i += 1
        if i < found:
            break
        successors += found
        number += size
    add(s.news + chunk * 64, kept)
    s.info[info + KEPT] = kept
    s.info[info + SUCCESSORS] = successors
    s.info[info + PLAIN] = number == last


@compiled
def claim(shape: Shape, which: int, place: int, mine: Arrays, s: Shared, b: Words) -> int:
    """Enter a successor in the worker's buffer as the one kept at a place.

    The slot, if the entry is now the worker's; KNOWN if there is an equal state that comes before
    it; or FULL. What is kept at the place means nothing unless a slot was given.
    """
    state, mixed = mine.buffer + which * shape.words * 8, get_word(mine.hashes, which)
    table, lines, low, fence = mine.table, b[LINES], b[LOW], b[COUNT]
    line, left = home_of(mixed, lines), lines
    tag, mask = tag_of(mixed, low), _MASK & ~low
    while left > 0:
        seen = look(table + line * 64, tag, mask)
        same = seen & 0xFFFF
        while same:
            slot = line * LINE + lowest(same)
            number = (load32(table, slot) & low) - 1
            if number < fence:
                if is_stored(mine.states + number * shape.size, state, shape):
                    return KNOWN
            elif are_equal(s.kept + (number - fence) * shape.words * 8, state, shape):
                return _take_over(shape, state, place, slot, tag, mine, s, b)
            same &= same - 1
        empty = seen >> LINE
        if empty:
            slot = line * LINE + lowest(empty)
            _keep(shape, state, place, s)
            if exchange32(table, slot, 0, tag | (fence + place + 1)):
                return slot
        else:
            line = line_after(line, lines)
            left -= 1
    return FULL


@inlined
def _keep(shape: Shape, state: int, place: int, s: Shared) -> None:
    """What an entry will name has to be there before it."""
    copy_state(s.kept + place * shape.words * 8, state, shape)
    put8(s.fresh, place, 1)


@inlined
def _take_over(
    shape: Shape, state: int, place: int, slot: int, tag: int, mine: Arrays, s: Shared, b: Words
) -> int:
    """An equal state of this block is entered: the one that comes first in order stays."""
    table, low, fence = mine.table, b[LOW], b[COUNT]
    while True:
        entry = load32(table, slot)
        theirs = (entry & low) - 1 - fence
        if theirs < place:
            return KNOWN
        _keep(shape, state, place, s)
        if exchange32(table, slot, entry, tag | (fence + place + 1)):
            put8(s.fresh, theirs, 0)
            add(s.news + (theirs >> KEPT_BITS) * 64, -1)
            return slot


@compiled
def append(chunk: int, shape: Shape, a: Arrays, s: Shared, b: Words) -> None:
    """The second phase for one chunk: its fresh states go into the queue, and get their numbers."""
    low, number, info = b[LOW], b[COUNT] + s.info[chunk * INFO + BEFORE], chunk * INFO
    first = b[HEAD] + chunk * s.plan[CHUNK]
    last = min(first + s.plan[CHUNK], b[HEAD] + s.plan[BLOCK])
    group, base = (first + GROUP - 1) // GROUP, chunk * KEEPS
    groups, begins = (last + GROUP - 1) // GROUP, chunk * GROUPS - group
    kept = s.info[info + KEPT]
    for i in range(kept):
        while group < groups and get64(s.groups, begins + group) == i:
            put32(a.firsts, group, number)
            group += 1
        prefetch(a.table + get64(s.slots, base + min(i + AHEAD, kept - 1)) * 4)
        if get8(s.fresh, base + i):
            kept_at = s.kept + (base + i) * shape.words * 8
            store_state(a.states + number * shape.size, kept_at, shape)
            number += 1
            slot = get64(s.slots, base + i)
            put32(a.table, slot, (get32(a.table, slot) & ~low) | number)
    while group < groups:
        put32(a.firsts, group, number)
        group += 1
    s.info[info + APPENDED] = number - b[COUNT] - s.info[info + BEFORE]


@compiled
def forget(s: Shared, a: Arrays) -> None:
    """Take the entries of a block out again. They are behind all older ones of their lines, so
    lines are then as they were."""
    for chunk in range(s.plan[USED]):
        for place in range(chunk * KEEPS, chunk * KEEPS + s.info[chunk * INFO + KEPT]):
            put32(a.table, get64(s.slots, place), 0)
