"""What is looked at again before a search says that a model holds.

A search is over when every state found has been expanded. If any state were lost on the way (a unit
of work that nobody did, an entry that was overwritten, code that was compiled wrongly), it would be
over too early and might say `holds`. So the books are checked in three ways that do not depend on
how the work was done:

* the head of the queue stands at its end, and so does the last level;
* the table names every state exactly once: so many entries, whose numbers add up to those of all;
* for some states all over the search, as many as fit into a fiftieth of its time and at least one,
  the interpreter finds the very successors that the compiled code finds.

The first two are exact. The third is a sample: that both engines agree is what tests are for.
A search that does not pass has no result at all.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

from shootdown.machine.interpreter import Interpreter
from shootdown.machine.native import bfs
from shootdown.machine.native.sizes import LINE
from shootdown.machine.result import UnsoundError

if TYPE_CHECKING:
    from shootdown.machine.native.loops import Loops, Numbers
    from shootdown.machine.native.store import Store
    from shootdown.machine.native.trail import Trail

SHARE = 0.02
"""of the time of a search, for the third"""
MOST = 64
"""states looked at again"""


class Books(NamedTuple):
    """What a search leaves behind."""

    board: Numbers
    store: Store
    loops: Loops
    trail: Trail
    interpreter: Interpreter


def audit(books: Books, seconds: float) -> None:
    """Look again at a search that took so long and is said to have seen everything.

    Raises:
        UnsoundError: if it did not.
    """
    _check_queue(books)
    _check_table(books)
    _check_steps(books, seconds * SHARE)


def _check_queue(books: Books) -> None:
    head, count, end = (books.board[place] for place in (bfs.HEAD, bfs.COUNT, bfs.LEVEL_END))
    if not head == end == count:
        raise UnsoundError(f"{count} states were found, {head} expanded, the last level is {end}")


def _check_table(books: Books) -> None:
    count, store = int(books.board[bfs.COUNT]), books.store
    entries, total = books.loops.tally(store.table.address, store.lines * LINE, store.low)
    if entries != count or total != count * (count + 1) // 2:
        raise UnsoundError(f"of {count} states the table holds {entries}, numbered to {total}")


def _check_steps(books: Books, seconds: float) -> None:
    count, until = int(books.board[bfs.COUNT]), time.monotonic() + seconds
    for number in _sample(count):
        state = books.trail.state(number)
        expected = [
            books.interpreter.form(successor.words)
            for successor in books.interpreter.successors(state)
        ]
        if list(books.trail.successors(number)) != expected:
            raise UnsoundError(f"compiled code and interpreter disagree about state {number}")
        if time.monotonic() >= until:
            return


def _sample(count: int) -> Iterator[int]:
    """Numbers all over the search, the middle first; always the same for the same count."""
    for part in range(min(MOST, count)):
        yield count * (2 * part + 1) // (2 * min(MOST, count)) if part else count // 2
