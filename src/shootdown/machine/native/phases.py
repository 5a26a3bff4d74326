"""The three phases of a block: what one unit of work does.

`team` shares them out, and says why they come to the outcome of the plain loop.
"""

# ruff: noqa: PLR0917 (compiled functions have positions, not names)
from __future__ import annotations

from typing import NamedTuple

from shootdown.machine.native.bfs import (
    COUNT,
    COUNT_MASK,
    GOING,
    GROUP,
    HEAD,
    LINES,
    LOW,
    Arrays,
    ending_of,
)
from shootdown.machine.native.compiled import Shape, Words, compiled, inlined
from shootdown.machine.native.control import EXPAND
from shootdown.machine.native.primitives import (
    call_expand,
    get8,
    get16,
    get32,
    get64,
    get_word,
    prefetch,
    put8,
    put16,
    put32,
    put64,
    put_word,
    room,
    signed,
)
from shootdown.machine.native.sizes import CHUNKS, KEEPS, KEPT_BITS, REGIONS
from shootdown.machine.native.states import are_equal, copy_state, store_state, take_state
from shootdown.machine.native.table import (
    FULL,
    first_alike,
    hash_of,
    home_of,
    region_of,
    slot_of,
    tag_of,
)

MOST_CHUNK = 512
"""most states in a chunk"""
GROUPS = MOST_CHUNK // GROUP + 1

SURVEY, SETTLE, APPEND, REFILL = range(4)
"""kinds of phases"""

BLOCK, CHUNK, USED, GRAIN, ROOMY, RULES = range(6)
PLAN_SIZE = 6
"""places of the plan: states of the block and of a chunk, chunks in use; levels shorter than GRAIN
are left to one thread; ROOMY is how many states to a chunk did not overflow it; how many of the
marks are numbers"""

KEPT, SUCCESSORS, PLAIN, BEFORE, INFO = range(5)
"""places of a chunk's row: states kept, successors generated, whether nothing special was found,
fresh states in the chunks before it; the length of the row"""
STRIDE = 32
"""states that are entered while the states after them are fetched"""
AHEAD = 32
"""how many entries before its turn a line is asked for"""
RECENT = 2048
_RECENT_MASK = RECENT - 1


class Shared(NamedTuple):
    """What a team works on beside the arrays of `bfs`. Rows of a worker are its own."""

    kept: int
    """uint64, KEEPS states for each chunk"""
    hashes: int
    """uint64, of each kept state"""
    routed: int
    """uint64, the same in the order of the route"""
    slots: int
    """int64, of each kept state the place of its entry"""
    fresh: int
    """uint8, of each kept state whether it was the first of its equals"""
    route: int
    """uint16, for each chunk its kept states by region"""
    starts: int
    """int64, for each chunk and region where it begins in the route, and the end"""
    groups: int
    """int64, for each chunk how much was kept when a group of states began"""
    news: int
    """int64, for each region and chunk the fresh states"""
    recent: int
    """uint16, for each worker the last kept state of its chunk with some bits of the hash"""
    todo: int
    """int32, for each worker a list of places in the route"""
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
    chunk: int, worker: int, shape: Shape, most_found: int, c: Words, a: Arrays, s: Shared, b: Words
) -> None:
    """Phase A for one chunk."""
    first = b[HEAD] + chunk * s.plan[CHUNK]
    last = min(first + s.plan[CHUNK], b[HEAD] + s.plan[BLOCK])
    info, base, starts = chunk * INFO, chunk * KEEPS, s.starts + chunk * (REGIONS + 1) * 8
    s.info[info + PLAIN] = 0
    marks, state = s.marks + s.width * worker * 8, room(shape.words)
    expand, kept, successors, group = c[EXPAND], 0, 0, chunk * GROUPS
    for region in range(REGIONS + 1):
        put64(starts, region, 0)
    for number in range(first, last):
        if number % GROUP == 0:
            put64(s.groups, group, kept)
            group += 1
        if kept + most_found > KEEPS:
            return
        target, before = s.kept + (base + kept) * shape.words * 8, kept
        take_state(state, a.states + number * shape.size, shape)
        answer = call_expand(expand, state, target, marks)
        if ending_of(answer) != GOING:
            return
        successors += answer & COUNT_MASK
        for i in range(answer & COUNT_MASK):
            successor = target + i * shape.words * 8
            mixed = hash_of(successor, shape)
            recent, place = s.recent + worker * RECENT * 2, signed(mixed) & _RECENT_MASK
            like = get16(recent, place)
            if (
                like < kept
                and get_word(s.hashes, base + like) == mixed
                and are_equal(s.kept + (base + like) * shape.words * 8, successor, shape)
            ):
                continue
            put16(recent, place, kept)
            if i + before > kept:
                copy_state(s.kept + (base + kept) * shape.words * 8, successor, shape)
            put_word(s.hashes, base + kept, mixed)
            region = region_of(mixed) + 1
            put64(starts, region, get64(starts, region) + 1)
            kept += 1
    _route(base, kept, starts, s)
    s.info[info + KEPT] = kept
    s.info[info + SUCCESSORS] = successors
    s.info[info + PLAIN] = 1


@inlined
def _route(base: int, kept: int, starts: int, s: Shared) -> None:
    """Sort the successors of a chunk by region, in order within each; `starts` has the numbers."""
    for region in range(REGIONS):
        put64(starts, region + 1, get64(starts, region + 1) + get64(starts, region))
    for i in range(kept):
        mixed = get_word(s.hashes, base + i)
        region = region_of(mixed)
        place = get64(starts, region)
        put16(s.route, base + place, i)
        put_word(s.routed, base + place, mixed)
        put64(starts, region, place + 1)
    for region in range(REGIONS, 0, -1):
        put64(starts, region, get64(starts, region - 1))
    put64(starts, 0, 0)


@compiled
def settle(region: int, worker: int, shape: Shape, a: Arrays, s: Shared, b: Words) -> None:
    """Phase B for one region."""
    todo, total = s.todo + worker * CHUNKS * KEEPS * 4, 0
    for chunk in range(s.plan[USED]):
        put64(s.news, region * CHUNKS + chunk, 0)
        base, row = chunk * KEEPS, chunk * (REGIONS + 1) + region
        for place in range(base + get64(s.starts, row), base + get64(s.starts, row + 1)):
            put32(todo, total, place)
            total += 1
    _fetch(todo, min(STRIDE, total), shape, a, s, b)
    _fetch(todo + STRIDE * 4, min(STRIDE, total - STRIDE), shape, a, s, b)
    _hint(todo, min(STRIDE, total), shape, a, s, b)
    for first in range(0, total, STRIDE):
        second, third = first + STRIDE, first + 2 * STRIDE
        _fetch(todo + third * 4, min(STRIDE, total - third), shape, a, s, b)
        _hint(todo + second * 4, min(STRIDE, total - second), shape, a, s, b)
        _enter(todo + first * 4, min(STRIDE, total - first), region, shape, a, s, b)


@inlined
def _kept_at(place: int, s: Shared) -> int:
    """The number of the kept state at a place of the route."""
    return (place & ~(KEEPS - 1)) + get16(s.route, place)


@inlined
def _fetch(batch: int, size: int, shape: Shape, a: Arrays, s: Shared, b: Words) -> None:
    """Ask for the lines of the next batch, and for its states."""
    lines = b[LINES]
    for i in range(size):
        place = get32(batch, i)
        prefetch(a.table + home_of(get_word(s.routed, place), lines) * 64)
        prefetch(s.kept + _kept_at(place, s) * shape.words * 8)


@inlined
def _hint(batch: int, size: int, shape: Shape, a: Arrays, s: Shared, b: Words) -> None:
    """Ask for the states that a batch will be compared with."""
    low, count, lines = b[LOW], b[COUNT], b[LINES]
    for i in range(size):
        number = first_alike(get_word(s.routed, get32(batch, i)), a.table, lines, low)
        if number >= count:
            prefetch(s.kept + (number - count) * shape.words * 8)
        elif number >= 0:
            prefetch(a.states + number * shape.size)


@inlined
def _enter(
    batch: int, size: int, region: int, shape: Shape, a: Arrays, s: Shared, b: Words
) -> None:
    """Enter the states of a batch that are first of their equals."""
    lines, low, count, table = b[LINES], b[LOW], b[COUNT], a.table
    for i in range(size):
        place = get32(batch, i)
        kept, mixed = _kept_at(place, s), get_word(s.routed, place)
        state = s.kept + kept * shape.words * 8
        slot = slot_of(shape, state, mixed, table, lines, low, a.states, count, s.kept)
        if slot == FULL:
            s.info[(kept >> KEPT_BITS) * INFO + PLAIN] = 0
        elif get32(table, slot) == 0:
            put64(s.slots, kept, slot)
            put32(table, slot, tag_of(mixed, low) | (count + kept + 1))
            news = region * CHUNKS + (kept >> KEPT_BITS)
            put64(s.news, news, get64(s.news, news) + 1)
            put8(s.fresh, kept, 1)
        else:
            put8(s.fresh, kept, 0)


@compiled
def append(chunk: int, shape: Shape, a: Arrays, s: Shared, b: Words) -> None:
    """Phase C for one chunk."""
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
        ahead = base + min(i + AHEAD, kept - 1)
        if get8(s.fresh, ahead):
            prefetch(a.table + get64(s.slots, ahead) * 4)
        if get8(s.fresh, base + i):
            kept_at = s.kept + (base + i) * shape.words * 8
            store_state(a.states + number * shape.size, kept_at, shape)
            number += 1
            slot = get64(s.slots, base + i)
            put32(a.table, slot, (get32(a.table, slot) & ~low) | number)
    while group < groups:
        put32(a.firsts, group, number)
        group += 1
