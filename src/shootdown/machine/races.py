"""Data races among the states that a search has found.

Two accesses race if they touch the same element, one of them writes, one of them is plain, and
there is a state in which both are what happens next. That is the usual definition (Boehm and Adve,
"Foundations of the C++ concurrency memory model", PLDI 2008: conflicting, and adjacent in a
sequentially consistent execution), with the plain and marked accesses of Linux (tools/memory-model/
Documentation/explanation.txt, "Plain accesses and data races"). Two actors with a common lock never
are in such a state, unless both hold it for reading and one writes all the same.

Looking at the states afterwards is enough, and exact, because an access that can race keeps a point
of its own in front of it (`program.points` only takes away those of private variables), and its
index is in the state. Merging takes no such state away: an actor in the middle of a section could
as well leave it first, which moves nobody who stands at an access that others can notice.

States lie in the order of breadth-first search, so the first state with a race has a shortest run.
What decides about the next accesses of an actor is little (its registers, what a wait looks at), so
states are first told apart by that alone, in bulk; each difference is then looked at once.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING, Protocol

from shootdown.machine.interpreter import Interpreter, Words
from shootdown.machine.next_access import Stop, Touch, find_stops, next_touches
from shootdown.machine.result import StepTaken
from shootdown.program.program import Program

if TYPE_CHECKING:  # loaded by whoever looks for races: most searches do not
    import numpy as np
    from numpy.typing import NDArray

    Rows = NDArray[np.uint64]

CHUNK = 1 << 18
"""states looked at together"""

Place = tuple[str, int, int]


class Seen(Protocol):
    """A search that is over."""

    @property
    def interpreter(self) -> Interpreter: ...

    def rows(self, start: int, stop: int) -> Rows:
        """States found, in the order of finding, as far as there are any: a row of words each."""

    def run_to(self, number: int) -> tuple[tuple[StepTaken, ...], int]:
        """A shortest run to a state: its steps, and the start as an index of `initials`."""


@dataclass(frozen=True, slots=True)
class Race:
    """Two places in the source that can touch the same element at the same time."""

    first: Touch
    second: Touch
    path: tuple[StepTaken, ...]
    """a shortest run to a state in which both are next"""
    start: int


def find_races(seen: Seen) -> tuple[Race, ...]:
    """One for each pair of source places, those with the shortest runs first."""
    finder = _Finder(seen.interpreter)
    first, rows = 0, seen.rows(0, CHUNK)
    while len(rows):
        finder.look(rows, first)
        first += len(rows)
        rows = seen.rows(first, first + CHUNK)
    ordered = sorted(finder.found.values(), key=lambda row: row[0])
    return tuple(Race(one, two, *seen.run_to(number)) for number, one, two in ordered)


class _Finder:
    """Goes through the states once, in order."""

    def __init__(self, interpreter: Interpreter) -> None:
        self.interpreter = interpreter
        self.stops = find_stops(interpreter)
        self.profiles: dict[frozenset[Touch], int] = {frozenset(): 0}
        """different sets of next accesses, numbered"""
        self.numbered: list[frozenset[Touch]] = [frozenset()]
        self.known: dict[tuple[int, bytes], int] = {}
        """(stop, what decides there) -> the profile"""
        self.pairs: set[tuple[int, int]] = set()
        """profiles looked at together"""
        self.found: dict[object, tuple[int, Touch, Touch]] = {}

    def look(self, rows: Rows, first: int) -> None:
        """Some states, the first of them with this number."""
        import numpy as np

        actors = sorted({stop.actor for stop in self.stops})
        columns = {actor: np.zeros(len(rows), np.int64) for actor in actors}
        for number, stop in enumerate(self.stops):
            self._profile(rows, number, stop, columns[stop.actor])
        fresh = []
        for a, b in combinations(actors, 2):
            for index, one, two in self._new_pairs(columns[a], columns[b]):
                fresh.append((first + index, one, two))
        for state, one, two in sorted(fresh):
            for touch, other in _conflicts(self.numbered[one], self.numbered[two]):
                key = _key(self.interpreter.program, touch, other)
                self.found.setdefault(key, (state, touch, other))

    def _profile(self, rows: Rows, number: int, stop: Stop, column: NDArray[np.int64]) -> None:
        """Fill in, for every state in which an actor is at this stop, what it touches next."""
        import numpy as np

        pc = self.interpreter.layout.actors[stop.actor].pc
        values = rows[:, pc.word] >> np.uint64(pc.shift) & np.uint64((1 << pc.bits) - 1)
        here = np.flatnonzero(values == np.uint64(stop.pc))
        if not len(here):
            return
        at_stop = rows[here]
        deciding = np.ascontiguousarray(at_stop & _mask(stop, rows.shape[1]))
        keys = deciding.view(np.dtype((np.void, deciding.shape[1] * 8))).reshape(-1)
        different, firsts, inverse = np.unique(keys, return_index=True, return_inverse=True)
        profiles = [
            self._lookup(number, stop, key.tobytes(), tuple(at_stop[index].tolist()))
            for key, index in zip(different, firsts, strict=True)
        ]
        column[here] = np.array(profiles, np.int64)[inverse.reshape(-1)]

    def _lookup(self, number: int, stop: Stop, deciding: bytes, words: Words) -> int:
        key = number, deciding
        if key not in self.known:
            touches = next_touches(self.interpreter, words, stop)
            if touches not in self.profiles:
                self.profiles[touches] = len(self.numbered)
                self.numbered.append(touches)
            self.known[key] = self.profiles[touches]
        return self.known[key]

    def _new_pairs(
        self, one: NDArray[np.int64], two: NDArray[np.int64]
    ) -> Iterator[tuple[int, int, int]]:
        """(first state, profile, profile) of the pairs that no state before had."""
        import numpy as np

        both = np.flatnonzero((one != 0) & (two != 0))
        count = len(self.numbered)
        codes, firsts = np.unique(one[both] * count + two[both], return_index=True)
        for code, index in zip(codes.tolist(), firsts.tolist(), strict=True):
            pair = divmod(code, count)
            if pair not in self.pairs:
                self.pairs.add(pair)
                yield int(both[index]), *pair


def _mask(stop: Stop, words: int) -> Rows:
    """The bits of the fields of a stop."""
    import numpy as np

    mask = [0] * words
    for field in stop.fields:
        mask[field.word] |= (1 << field.bits) - 1 << field.shift
    return np.array(mask, np.uint64)


def _conflicts(one: frozenset[Touch], two: frozenset[Touch]) -> Iterator[tuple[Touch, Touch]]:
    """In a fixed order."""
    for touch in sorted(one):
        for other in sorted(two):
            if touch.races_with(other):
                yield touch, other


def _key(program: Program, one: Touch, two: Touch) -> object:
    """A race is told by its variable and its two places, whoever is at which of them."""
    return one.variable, frozenset((_place(program, one), _place(program, two)))


def _place(program: Program, touch: Touch) -> Place:
    where = program.actors[touch.actor].code[touch.index].where
    return where.file, where.line, where.column
