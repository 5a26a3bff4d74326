"""The search loop for many threads: the same states with the same numbers, whoever does the work.

What this relies on: a *block*, any stretch of the queue that lies within one level, can be expanded
without inserting anything. So a block goes through three phases (`control` says how they are
shared out), and between them everybody sees all that was done before:

A. *survey*, by chunks of the block. Generate the successors, keep them in order (but not those
   that equal one lately kept), and sort them by region.
B. *settle*, by regions of the table. Enter what was kept for that region, chunk after chunk and
   in order within each: of equal states the first is entered and called fresh. It has no number
   yet; its entry names the place where it is kept, beyond all numbers.
C. *append*, by chunks. The leader has counted the fresh states before each chunk, so every fresh
   state knows its number: it goes to that place in the queue, and its entry gets that number.

A unit writes only what is its own: in A the chunk's part of the shared arrays and the worker's
marks; in B the region's part of the table, and what belongs to a kept state of that
region; in C the queue at the numbers of the chunk, and the entries of its fresh states, one each.
What it reads nobody writes in that phase.

Numbers are thereby given in the order (state of the block, successor), among the first of equals:
that of the sequential loop. Parents, path, counts and levels follow from numbers.

(Looking into the table in A already, so as to keep less, was tried: most duplicates are born
within one level, so almost everything was looked up twice, and one thread took twice as long.)

What it costs: carried out by one thread alone, this is 1.2 to 1.4 times the work of `bfs`, since
what is kept leaves the nearest cache before it is entered.

Whatever is not plain is left to the sequential loop: a block with a broken rule, a deadlock, more
states than the limit allows or more than a chunk can keep is forgotten after phase A, which has
changed nothing, and expanded by `bfs.explore`. So there is only one place that decides how a
search ends. Short levels go there too.
"""

# ruff: noqa: PLR0917 (compiled functions have positions, not names)
from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numba import njit

from shootdown.machine.native.bfs import (
    BUDGET,
    COUNT,
    COUNT_MASK,
    DONE,
    FULLEST,
    GOING,
    GROUP,
    GROW,
    HEAD,
    LEVEL,
    LEVEL_END,
    LIMIT,
    LINES,
    LOW,
    OVERFULL,
    STATUS,
    TRANSITIONS,
    ending_of,
    explore,
    refill,
)
from shootdown.machine.native.control import (
    EXPAND,
    KIND,
    NO_UNIT,
    UNITS,
    announce,
    await_all,
    await_phase,
    draw,
    finish,
)
from shootdown.machine.native.intrinsics import (
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
)
from shootdown.machine.native.sizes import CHUNKS, KEEPS, KEPT_BITS, REGIONS
from shootdown.machine.native.table import (
    FULL,
    are_equal,
    copy_state,
    first_alike,
    hash_of,
    home_of,
    region_of,
    slot_of,
    tag_of,
)

FAILED_TEAM = 100
"""a value of STATUS: a server died"""

MOST_CHUNK = 512
"""most states in a chunk"""
GROUPS = MOST_CHUNK // GROUP + 1

SURVEY, SETTLE, APPEND, REFILL = range(4)
"""kinds of phases"""

SERVE, LEAD, LEAD_REFILL = range(3)
"""roles"""

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
_RECENT_MASK = np.uint64(RECENT - 1)


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
    info: Any
    """int64, an array with a row for each chunk"""
    marks: Any
    """int64, an array with a row for each worker, as `Arrays.marks` is for one"""
    total: Any
    """int64, the array of `Arrays.marks`"""
    plan: Any
    """int64, an array; see PLAN_SIZE"""


@njit(nogil=True)
def _survey(chunk: int, worker: int, words: int, room: int, c: Any, a: Any, s: Any, b: Any) -> None:
    """Phase A for one chunk."""
    first = b[HEAD] + chunk * s.plan[CHUNK]
    last = min(first + s.plan[CHUNK], b[HEAD] + s.plan[BLOCK])
    info, base, starts = chunk * INFO, chunk * KEEPS, s.starts + chunk * (REGIONS + 1) * 8
    s.info[info + PLAIN] = 0
    marks = s.marks.ctypes.data + s.marks.strides[0] * worker
    expand, kept, successors, group = c[EXPAND], 0, 0, chunk * GROUPS
    for region in range(REGIONS + 1):
        put64(starts, region, 0)
    for number in range(first, last):
        if number % GROUP == 0:
            put64(s.groups, group, kept)
            group += 1
        if kept + room > KEEPS:
            return
        target, before = s.kept + (base + kept) * words * 8, kept
        answer = call_expand(expand, a.states + number * words * 8, target, marks)
        if ending_of(answer) != GOING:
            return
        successors += answer & COUNT_MASK
        for i in range(answer & COUNT_MASK):
            state = target + i * words * 8
            mixed = hash_of(state, words)
            recent, place = s.recent + worker * RECENT * 2, np.int64(mixed & _RECENT_MASK)
            like = get16(recent, place)
            if (
                like < kept
                and get_word(s.hashes, base + like) == mixed
                and are_equal(s.kept + (base + like) * words * 8, state, words)
            ):
                continue
            put16(recent, place, kept)
            if i + before > kept:
                copy_state(s.kept + (base + kept) * words * 8, state, words)
            put_word(s.hashes, base + kept, mixed)
            region = region_of(mixed) + 1
            put64(starts, region, get64(starts, region) + 1)
            kept += 1
    _route(base, kept, starts, s)
    s.info[info + KEPT] = kept
    s.info[info + SUCCESSORS] = successors
    s.info[info + PLAIN] = 1


@njit(inline="always")
def _route(base: int, kept: int, starts: int, s: Any) -> None:
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


@njit(nogil=True)
def _settle(region: int, worker: int, words: int, a: Any, s: Any, b: Any) -> None:
    """Phase B for one region."""
    todo, total = s.todo + worker * CHUNKS * KEEPS * 4, 0
    for chunk in range(s.plan[USED]):
        put64(s.news, region * CHUNKS + chunk, 0)
        base, row = chunk * KEEPS, chunk * (REGIONS + 1) + region
        for place in range(base + get64(s.starts, row), base + get64(s.starts, row + 1)):
            put32(todo, total, place)
            total += 1
    _fetch(todo, min(STRIDE, total), words, a, s, b)
    _fetch(todo + STRIDE * 4, min(STRIDE, total - STRIDE), words, a, s, b)
    _hint(todo, min(STRIDE, total), words, a, s, b)
    for first in range(0, total, STRIDE):
        second, third = first + STRIDE, first + 2 * STRIDE
        _fetch(todo + third * 4, min(STRIDE, total - third), words, a, s, b)
        _hint(todo + second * 4, min(STRIDE, total - second), words, a, s, b)
        _enter(todo + first * 4, min(STRIDE, total - first), region, words, a, s, b)


@njit(inline="always")
def _kept_at(place: int, s: Any) -> Any:
    """The number of the kept state at a place of the route."""
    return (place & ~(KEEPS - 1)) + get16(s.route, place)


@njit(inline="always")
def _fetch(batch: int, size: int, words: int, a: Any, s: Any, b: Any) -> None:
    """Ask for the lines of the next batch, and for its states."""
    lines = b[LINES]
    for i in range(size):
        place = get32(batch, i)
        prefetch(a.table + home_of(get_word(s.routed, place), lines) * 64)
        prefetch(s.kept + _kept_at(place, s) * words * 8)


@njit(inline="always")
def _hint(batch: int, size: int, words: int, a: Any, s: Any, b: Any) -> None:
    """Ask for the states that a batch will be compared with."""
    low, count, lines = b[LOW], b[COUNT], b[LINES]
    for i in range(size):
        number = first_alike(get_word(s.routed, get32(batch, i)), a.table, lines, low)
        if number >= count:
            prefetch(s.kept + (number - count) * words * 8)
        elif number >= 0:
            prefetch(a.states + number * words * 8)


@njit(inline="always")
def _enter(batch: int, size: int, region: int, words: int, a: Any, s: Any, b: Any) -> None:
    """Enter the states of a batch that are first of their equals."""
    lines, low, count, table = b[LINES], b[LOW], b[COUNT], a.table
    for i in range(size):
        place = get32(batch, i)
        kept, mixed = _kept_at(place, s), get_word(s.routed, place)
        state = s.kept + kept * words * 8
        slot = slot_of(words, state, mixed, table, lines, low, a.states, count, s.kept)
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


@njit(nogil=True)
def _append(chunk: int, words: int, a: Any, s: Any, b: Any) -> None:
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
            copy_state(a.states + number * words * 8, s.kept + (base + i) * words * 8, words)
            number += 1
            slot = get64(s.slots, base + i)
            put32(a.table, slot, (get32(a.table, slot) & ~low) | number)
    while group < groups:
        put32(a.firsts, group, number)
        group += 1


@njit(nogil=True)
def _work(worker: int, words: int, room: int, a: Any, s: Any, b: Any, c: Any) -> None:
    """Do units of the phase until none is left."""
    while True:
        unit = draw(c)
        if unit == NO_UNIT:
            return
        kind = c[KIND]
        if kind == SURVEY:
            _survey(unit, worker, words, room, c, a, s, b)
        elif kind == SETTLE:
            _settle(unit, worker, words, a, s, b)
        elif kind == APPEND:
            _append(unit, words, a, s, b)
        elif not _refill(unit, words, a, s, b):
            s.info[unit * INFO + PLAIN] = 0
        finish(c)


@njit(inline="always")
def _refill(unit: int, words: int, a: Any, s: Any, b: Any) -> Any:
    """Part of building the table again; each unit reads all states and enters its regions."""
    units = s.plan[USED]
    return refill(words, a, b, unit * REGIONS // units, (unit + 1) * REGIONS // units)


@njit(inline="always")
def _serve(worker: int, words: int, room: int, a: Any, s: Any, b: Any, c: Any) -> None:
    """The life of a server: work whenever there is some, until told to stop."""
    while await_phase(c):
        _work(worker, words, room, a, s, b, c)


@njit(inline="always")
def _phase(leader: int, words: int, room: int, a: Any, s: Any, b: Any, c: Any) -> Any:
    """The leader carries out a phase together with the servers; False if one of them failed."""
    announce(c)
    _work(leader, words, room, a, s, b, c)
    return await_all(c)


@njit(inline="always")
def _refill_together(leader: int, words: int, room: int, a: Any, s: Any, b: Any, c: Any) -> Any:
    """Enter all states into an empty table; what the board's STATUS is to say."""
    units = s.marks.shape[0]
    s.plan[USED] = units
    for unit in range(units):
        s.info[unit * INFO + PLAIN] = 1
    c[KIND], c[UNITS] = REFILL, units
    if not _phase(leader, words, room, a, s, b, c):
        return FAILED_TEAM
    for unit in range(units):
        if not s.info[unit * INFO + PLAIN]:
            return OVERFULL
    return GOING


@njit(inline="always")
def _plan_block(s: Any, b: Any) -> None:
    """Cut what is left of the level into blocks of equal size, and the first into chunks."""
    rest, most = b[LEVEL_END] - b[HEAD], CHUNKS * s.plan[ROOMY]
    blocks = -(-rest // most)
    block = -(-rest // blocks)
    chunk = -(-block // CHUNKS)
    s.plan[BLOCK] = block
    s.plan[CHUNK] = chunk
    s.plan[USED] = -(-block // chunk)


@njit(inline="always")
def _kept_in_all(s: Any) -> Any:
    """The states kept in phase A, or -1 if the block is not plain."""
    total = 0
    for chunk in range(s.plan[USED]):
        if not s.info[chunk * INFO + PLAIN]:
            return -1
        total += s.info[chunk * INFO + KEPT]
    return total


@njit(inline="always")
def _number(s: Any) -> Any:
    """After phase B: how many fresh states come before each chunk, and in all; -1 if the table
    had no room."""
    total = 0
    for chunk in range(s.plan[USED]):
        if not s.info[chunk * INFO + PLAIN]:
            return -1
        s.info[chunk * INFO + BEFORE] = total
        for region in range(REGIONS):
            total += get64(s.news, region * CHUNKS + chunk)
    return total


@njit(inline="always")
def _commit(fresh: int, s: Any, b: Any) -> None:
    """After phase C: the block counts."""
    for chunk in range(s.plan[USED]):
        b[TRANSITIONS] += s.info[chunk * INFO + SUCCESSORS]
    b[HEAD] += s.plan[BLOCK]
    b[BUDGET] -= s.plan[BLOCK]
    b[COUNT] += fresh
    for worker in range(s.marks.shape[0]):
        for i in range(s.total.size):
            if i < s.plan[RULES]:
                s.total[i] += s.marks[worker, i]
            else:
                s.total[i] |= s.marks[worker, i]
    s.marks[:] = 0


@njit(inline="always")
def _alone(states: int, words: int, room: int, a: Any, b: Any, c: Any) -> None:
    """Expand so many states in this thread."""
    budget = b[BUDGET]
    b[BUDGET] = states
    explore(c[EXPAND], words, room, a, b)
    b[BUDGET] += budget - states


@njit(inline="always")
def _together(leader: int, words: int, room: int, a: Any, s: Any, b: Any, c: Any) -> Any:
    """Expand one block; what the board's STATUS is to say."""
    _plan_block(s, b)
    c[KIND], c[UNITS] = SURVEY, s.plan[USED]
    if not _phase(leader, words, room, a, s, b, c):
        return FAILED_TEAM
    kept = _kept_in_all(s)
    if kept < 0 or b[COUNT] + kept > b[LIMIT]:
        s.plan[ROOMY] = max(s.plan[ROOMY] // 2, 1)
        s.marks[:] = 0
        _alone(s.plan[BLOCK], words, room, a, b, c)
        return b[STATUS]
    if b[COUNT] + kept > b[FULLEST]:
        s.marks[:] = 0
        return GROW
    c[KIND], c[UNITS] = SETTLE, REGIONS
    if not _phase(leader, words, room, a, s, b, c):
        return FAILED_TEAM
    fresh = _number(s)
    if fresh < 0:
        return OVERFULL
    c[KIND], c[UNITS] = APPEND, s.plan[USED]
    if not _phase(leader, words, room, a, s, b, c):
        return FAILED_TEAM
    _commit(fresh, s, b)
    return GOING


@njit(inline="always")
def _explore(leader: int, words: int, room: int, a: Any, s: Any, b: Any, c: Any) -> None:
    """What `bfs.explore` does, with a team."""
    b[STATUS] = GOING
    while b[BUDGET] > 0 and b[STATUS] == GOING:
        if b[HEAD] == b[COUNT]:
            b[STATUS] = DONE
            return
        if b[HEAD] == b[LEVEL_END]:
            b[LEVEL] += 1
            b[LEVEL_END] = b[COUNT]
        rest = b[LEVEL_END] - b[HEAD]
        if rest < s.plan[GRAIN]:
            _alone(rest, words, room, a, b, c)
        elif b[COUNT] + min(rest, CHUNKS * s.plan[ROOMY]) > b[FULLEST]:
            b[STATUS] = GROW
        else:
            b[STATUS] = _together(leader, words, room, a, s, b, c)


@njit(cache=True, nogil=True)
def take_part(
    role: int, worker: int, words: int, room: int, a: Any, s: Any, b: Any, c: Any
) -> None:
    """Everything a thread does, by its role: one function, since compiling takes seconds."""
    if role == SERVE:
        _serve(worker, words, room, a, s, b, c)
    elif role == LEAD:
        _explore(worker, words, room, a, s, b, c)
    else:
        b[STATUS] = _refill_together(worker, words, room, a, s, b, c)
