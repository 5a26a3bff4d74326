"""The search loop for many threads: the same states with the same numbers, whoever does the work.

What this relies on: a *block*, any stretch of the queue that lies within one level, can be
expanded before any of its new states has a number. So a block goes through two phases (`control`
says how they are shared out), and between them everybody sees all that was done before:

A. *survey*, by chunks of the block. Generate the successors and enter those that are new, as the
   plain loop does. What is new is kept in order, and has no number yet: its entry names the place
   where it is kept, beyond all numbers. If several chunks find equal states, the one that is first
   in the order of the search takes the entry; it is called fresh, the others are not.
B. *append*, by chunks. The leader has counted the fresh states before each chunk, so every fresh
   state knows its number: it goes to that place in the queue, and its entry gets that number.

A unit writes only what is its own: in A the chunk's part of the shared arrays and the worker's
buffers and marks; in B the queue at the numbers of the chunk, and the entries of its fresh states,
one each. Only the table is written by many at a time: `phases` says why that is safe.

Numbers are thereby given in the order (state of the block, successor), among the first of equals:
that of the sequential loop. Parents, path, counts and levels follow from numbers.

(Before, threads only collected in A, sorted by parts of the table, and entered part by part: nobody
met anybody, but everything that was found left the nearest cache before it was looked up, and one
thread alone took 1.2 to 1.5 times as long as the plain loop.)

Whatever is not plain is left to the sequential loop: if a block holds a broken rule, a deadlock,
more states than the limit allows or more than a chunk can keep, its entries are taken out again
after phase A, which has changed nothing else, and `bfs.explore` expands it. So there is only one
place that decides how a search ends. Short levels go there too.
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
    APPENDED,
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
    SUCCESSORS,
    SURVEY,
    USED,
    Shared,
    append,
    forget,
    survey,
)
from shootdown.machine.native.primitives import get64, put64
from shootdown.machine.native.sizes import CHUNKS

FAILED_TEAM, LOST = 100, 101
"""values of STATUS: a server died; not all that was found got its place"""

SERVE, LEAD, LEAD_REFILL = range(3)
"""roles"""


@compiled
def _work(
    shape: Shape, most_found: int, a: Arrays, mine: Arrays, s: Shared, b: Words, c: Words
) -> None:
    """Do units of the phase until none is left."""
    while True:
        unit = draw(c)
        if unit == NO_UNIT:
            return
        kind = c[KIND]
        if kind == SURVEY:
            survey(unit, shape, most_found, c, mine, s, b)
        elif kind == APPEND:
            append(unit, shape, a, s, b)
        elif not _refill(unit, shape, a, s, b):
            s.info[unit * INFO + PLAIN] = 0
        finish(c)


@inlined
def _refill(unit: int, shape: Shape, a: Arrays, s: Shared, b: Words) -> bool:
    """Part of building the table again."""
    units, count = s.plan[USED], b[COUNT]
    return refill(shape, a, b, unit * count // units, (unit + 1) * count // units)


@inlined
def _serve(
    shape: Shape, most_found: int, a: Arrays, mine: Arrays, s: Shared, b: Words, c: Words
) -> None:
    """The life of a server: work whenever there is some, until told to stop."""
    while await_phase(c):
        _work(shape, most_found, a, mine, s, b, c)


@inlined
def _phase(
    shape: Shape, most_found: int, a: Arrays, mine: Arrays, s: Shared, b: Words, c: Words
) -> int:
    """The leader carries out a phase together with the servers; False if one of them failed."""
    announce(c)
    _work(shape, most_found, a, mine, s, b, c)
    return await_all(c)


@inlined
def _refill_together(
    shape: Shape, most_found: int, a: Arrays, mine: Arrays, s: Shared, b: Words, c: Words
) -> int:
    """Enter all states into an empty table; what the board's STATUS is to say."""
    units = min(8 * s.workers, CHUNKS)
    s.plan[USED] = units
    for unit in range(units):
        s.info[unit * INFO + PLAIN] = 1
    c[KIND], c[UNITS] = REFILL, units
    if not _phase(shape, most_found, a, mine, s, b, c):
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
def _number(s: Shared) -> int:
    """After phase A: how many fresh states come before each chunk, and in all; -1 if the block is
    not plain."""
    total = 0
    for chunk in range(s.plan[USED]):
        if not s.info[chunk * INFO + PLAIN]:
            return -1
        s.info[chunk * INFO + BEFORE] = total
        total += get64(s.news, chunk * 8)
    return total


@inlined
def _commit(a: Arrays, s: Shared, b: Words) -> None:
    """After phase B: the block counts."""
    for chunk in range(s.plan[USED]):
        b[TRANSITIONS] += s.info[chunk * INFO + SUCCESSORS]
        b[COUNT] += s.info[chunk * INFO + APPENDED]
    b[HEAD] += s.plan[BLOCK]
    b[BUDGET] -= s.plan[BLOCK]
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
    shape: Shape, most_found: int, a: Arrays, mine: Arrays, s: Shared, b: Words, c: Words
) -> int:
    """Expand one block; what the board's STATUS is to say. A unit that was not done leaves no trace
    of an earlier block behind which it could be missed."""
    _plan_block(s, b)
    for chunk in range(s.plan[USED]):
        row = chunk * INFO
        s.info[row + PLAIN], s.info[row + KEPT], s.info[row + APPENDED] = 0, 0, 0
    c[KIND], c[UNITS] = SURVEY, s.plan[USED]
    if not _phase(shape, most_found, a, mine, s, b, c):
        return FAILED_TEAM
    fresh = _number(s)
    if fresh < 0 or b[COUNT] + fresh > b[LIMIT]:
        forget(s, a)
        s.plan[ROOMY] = max(s.plan[ROOMY] // 2, 1)
        _unmark(s)
        _alone(s.plan[BLOCK], shape, most_found, a, b, c)
        return b[STATUS]
    c[KIND], c[UNITS] = APPEND, s.plan[USED]
    if not _phase(shape, most_found, a, mine, s, b, c):
        return FAILED_TEAM
    for chunk in range(s.plan[USED]):
        fresh -= s.info[chunk * INFO + APPENDED]
    if fresh != 0:
        return LOST
    _commit(a, s, b)
    return GOING


@inlined
def _explore(
    shape: Shape, most_found: int, a: Arrays, mine: Arrays, s: Shared, b: Words, c: Words
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
        elif b[COUNT] + 2 * min(rest, CHUNKS * s.plan[ROOMY]) > b[FULLEST]:
            b[STATUS] = GROW
        else:
            b[STATUS] = _together(shape, most_found, a, mine, s, b, c)


@compiled
def take_part(
    role: int,
    shape: Shape,
    most_found: int,
    a: Arrays,
    mine: Arrays,
    s: Shared,
    b: Words,
    c: Words,
) -> None:
    """Everything a thread does, by its role. `a` has the buffers and marks of the search, `mine`
    those of the worker."""
    if role == SERVE:
        _serve(shape, most_found, a, mine, s, b, c)
    elif role == LEAD:
        _explore(shape, most_found, a, mine, s, b, c)
    else:
        b[STATUS] = _refill_together(shape, most_found, a, mine, s, b, c)
