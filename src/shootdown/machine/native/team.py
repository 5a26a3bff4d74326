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

from shootdown.machine.native.bfs import (
    BUDGET,
    COUNT,
    DONE,
    FULLEST,
    GOING,
    GROW,
    HEAD,
    LEVEL,
    LEVEL_END,
    LIMIT,
    OVERFULL,
    STATUS,
    TRANSITIONS,
    Arrays,
    explore,
    refill,
)
from shootdown.machine.native.compiled import Shape, Words, compiled, inlined
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
from shootdown.machine.native.phases import (
    APPEND,
    BEFORE,
    BLOCK,
    CHUNK,
    GRAIN,
    INFO,
    KEPT,
    PLAIN,
    REFILL,
    ROOMY,
    RULES,
    SETTLE,
    SUCCESSORS,
    SURVEY,
    USED,
    Shared,
    append,
    settle,
    survey,
)
from shootdown.machine.native.primitives import get64, put64
from shootdown.machine.native.sizes import CHUNKS, REGIONS

FAILED_TEAM = 100
"""a value of STATUS: a server died"""

SERVE, LEAD, LEAD_REFILL = range(3)
"""roles"""


@compiled
def _work(
    worker: int, shape: Shape, most_found: int, a: Arrays, s: Shared, b: Words, c: Words
) -> None:
    """Do units of the phase until none is left."""
    while True:
        unit = draw(c)
        if unit == NO_UNIT:
            return
        kind = c[KIND]
        if kind == SURVEY:
            survey(unit, worker, shape, most_found, c, a, s, b)
        elif kind == SETTLE:
            settle(unit, worker, shape, a, s, b)
        elif kind == APPEND:
            append(unit, shape, a, s, b)
        elif not _refill(unit, shape, a, s, b):
            s.info[unit * INFO + PLAIN] = 0
        finish(c)


@inlined
def _refill(unit: int, shape: Shape, a: Arrays, s: Shared, b: Words) -> int:
    """Part of building the table again; each unit reads all states and enters its regions."""
    units = s.plan[USED]
    return refill(shape, a, b, unit * REGIONS // units, (unit + 1) * REGIONS // units)


@inlined
def _serve(
    worker: int, shape: Shape, most_found: int, a: Arrays, s: Shared, b: Words, c: Words
) -> None:
    """The life of a server: work whenever there is some, until told to stop."""
    while await_phase(c):
        _work(worker, shape, most_found, a, s, b, c)


@inlined
def _phase(
    leader: int, shape: Shape, most_found: int, a: Arrays, s: Shared, b: Words, c: Words
) -> int:
    """The leader carries out a phase together with the servers; False if one of them failed."""
    announce(c)
    _work(leader, shape, most_found, a, s, b, c)
    return await_all(c)


@inlined
def _refill_together(
    leader: int, shape: Shape, most_found: int, a: Arrays, s: Shared, b: Words, c: Words
) -> int:
    """Enter all states into an empty table; what the board's STATUS is to say."""
    units = s.workers
    s.plan[USED] = units
    for unit in range(units):
        s.info[unit * INFO + PLAIN] = 1
    c[KIND], c[UNITS] = REFILL, units
    if not _phase(leader, shape, most_found, a, s, b, c):
        return FAILED_TEAM
    for unit in range(units):
        if not s.info[unit * INFO + PLAIN]:
            return OVERFULL
    return GOING


@inlined
def _plan_block(s: Shared, b: Words) -> None:
    """Cut what is left of the level into blocks of equal size, and the first into chunks."""
    rest, most = b[LEVEL_END] - b[HEAD], CHUNKS * s.plan[ROOMY]
    blocks = -(-rest // most)
    block = -(-rest // blocks)
    chunk = -(-block // CHUNKS)
    s.plan[BLOCK] = block
    s.plan[CHUNK] = chunk
    s.plan[USED] = -(-block // chunk)


@inlined
def _kept_in_all(s: Shared) -> int:
    """The states kept in phase A, or -1 if the block is not plain."""
    total = 0
    for chunk in range(s.plan[USED]):
        if not s.info[chunk * INFO + PLAIN]:
            return -1
        total += s.info[chunk * INFO + KEPT]
    return total


@inlined
def _number(s: Shared) -> int:
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


@inlined
def _commit(fresh: int, a: Arrays, s: Shared, b: Words) -> None:
    """After phase C: the block counts."""
    for chunk in range(s.plan[USED]):
        b[TRANSITIONS] += s.info[chunk * INFO + SUCCESSORS]
    b[HEAD] += s.plan[BLOCK]
    b[BUDGET] -= s.plan[BLOCK]
    b[COUNT] += fresh
    for worker in range(s.workers):
        row = s.marks + worker * s.width * 8
        for i in range(s.marked):
            if i < s.plan[RULES]:
                put64(a.marks, i, get64(a.marks, i) + get64(row, i))
            else:
                put64(a.marks, i, get64(a.marks, i) | get64(row, i))
    _unmark(s)


@inlined
def _unmark(s: Shared) -> None:
    """Nothing is marked by any worker."""
    for i in range(s.workers * s.width):
        put64(s.marks, i, 0)


@inlined
def _alone(states: int, shape: Shape, most_found: int, a: Arrays, b: Words, c: Words) -> None:
    """Expand so many states in this thread."""
    budget = b[BUDGET]
    b[BUDGET] = states
    explore(c[EXPAND], shape, most_found, a, b)
    b[BUDGET] += budget - states


@inlined
def _together(
    leader: int, shape: Shape, most_found: int, a: Arrays, s: Shared, b: Words, c: Words
) -> int:
    """Expand one block; what the board's STATUS is to say."""
    _plan_block(s, b)
    c[KIND], c[UNITS] = SURVEY, s.plan[USED]
    if not _phase(leader, shape, most_found, a, s, b, c):
        return FAILED_TEAM
    kept = _kept_in_all(s)
    if kept < 0 or b[COUNT] + kept > b[LIMIT]:
        s.plan[ROOMY] = max(s.plan[ROOMY] // 2, 1)
        _unmark(s)
        _alone(s.plan[BLOCK], shape, most_found, a, b, c)
        return b[STATUS]
    if b[COUNT] + kept > b[FULLEST]:
        _unmark(s)
        return GROW
    c[KIND], c[UNITS] = SETTLE, REGIONS
    if not _phase(leader, shape, most_found, a, s, b, c):
        return FAILED_TEAM
    fresh = _number(s)
    if fresh < 0:
        return OVERFULL
    c[KIND], c[UNITS] = APPEND, s.plan[USED]
    if not _phase(leader, shape, most_found, a, s, b, c):
        return FAILED_TEAM
    _commit(fresh, a, s, b)
    return GOING


@inlined
def _explore(
    leader: int, shape: Shape, most_found: int, a: Arrays, s: Shared, b: Words, c: Words
) -> None:
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
            _alone(rest, shape, most_found, a, b, c)
        elif b[COUNT] + min(rest, CHUNKS * s.plan[ROOMY]) > b[FULLEST]:
            b[STATUS] = GROW
        else:
            b[STATUS] = _together(leader, shape, most_found, a, s, b, c)


@compiled
def take_part(
    role: int, worker: int, shape: Shape, most_found: int, a: Arrays, s: Shared, b: Words, c: Words
) -> None:
    """Everything a thread does, by its role: one function, since compiling takes seconds."""
    if role == SERVE:
        _serve(worker, shape, most_found, a, s, b, c)
    elif role == LEAD:
        _explore(worker, shape, most_found, a, s, b, c)
    else:
        b[STATUS] = _refill_together(worker, shape, most_found, a, s, b, c)
