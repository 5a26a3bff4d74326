"""One native search: sizes its arrays, drives the loop of `bfs`, tells how it stands, and judges.

The loop comes back after about a tenth of a second of work, for progress, limits and Ctrl-C, and
whenever its table is full. A search that is not over soon goes on with better machine code.
Reserving room for states is free (see `arena`), so states and parents are reserved once, as many
as memory allows; only the table grows, by building it again at twice the size.
"""

from __future__ import annotations

import ctypes
import time
from types import TracebackType
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from shootdown.machine.interpreter import Interpreter, Words
from shootdown.machine.memory import default_limit
from shootdown.machine.native.arena import Arena
from shootdown.machine.native.cache import Note, announced, prepare
from shootdown.machine.native.jit import MachineCode
from shootdown.machine.native.packed import emit_packed
from shootdown.machine.result import Cut, Limits, Progress, SearchResult, StepTaken, Verdict
from shootdown.machine.search import (
    PROGRESS_SECONDS,
    ProgressHook,
    distinct_starts,
    judge,
    retrace,
)
from shootdown.program.layout import Layout, make_layout
from shootdown.program.program import Program

if TYPE_CHECKING:
    from shootdown.machine.native.bfs import Arrays

FIRST_BITS = 16
MOST_BITS = 32
MOST_STATES = (1 << MOST_BITS) - 2
BUFFER = 4096
CALL_SECONDS = 0.1
FIRST_BUDGET = 1 << 14
QUICK_SECONDS = 0.25
"""how long the quickly made code is good enough"""

Numbers = NDArray[np.int64]

_REASONS: dict[str, str] = {
    "states": "the limit on states was met",
    "seconds": "the limit on time was met",
    "memory": "the limit on memory was met",
}


class NativeSearch:
    """A search in machine code: `run` it once; `packed_states` shows what it saw until `close`."""

    def __init__(
        self,
        program: Program,
        limits: Limits,
        layout: Layout | None = None,
        note: Note | None = None,
    ) -> None:
        self.program = program
        self.limits = limits
        self.layout = layout or make_layout(program)
        self.interpreter = Interpreter(program, self.layout)
        self._note = note
        prepare(note)
        from shootdown.machine.native import bfs

        self._bfs = bfs
        self._emitted = emit_packed(program, self.layout)
        self._codes = [MachineCode(self._emitted.ir, quick=True)]
        self._memory_limit = default_limit() if limits.memory is None else limits.memory
        self._starts = distinct_starts(self.interpreter)
        self._reserve()

    def __enter__(self) -> NativeSearch:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Give all memory back."""
        for arena in (self._states, self._parents, self._table, self._buffer):
            arena.close()

    @property
    def _state_bytes(self) -> int:
        return self.layout.words * 8 + 4

    def _reserve(self) -> None:
        """Room for as many states as the limits allow, and the first table."""
        words = self.layout.words
        self._capacity = max(BUFFER, self._emitted.room)
        most = min(MOST_STATES, self._memory_limit // self._state_bytes)
        if self.limits.states is not None:
            most = min(most, self.limits.states)
        self._most = most
        self._reserve_states()
        self._buffer = Arena(self._capacity * words, np.uint64)
        self._hashes = np.empty(self._capacity, np.uint64)
        self._ends = np.empty(self._bfs.BATCH, np.int64)
        bits = FIRST_BITS
        while not self._suffices(bits, len(self._starts)):
            bits += 1
        self._table = Arena(1 << bits, np.uint32)
        self._board = np.zeros(self._bfs.BOARD_SIZE, np.int64)
        self._board[self._bfs.LIMIT] = self._most
        self._board[self._bfs.BITS] = bits

    def _reserve_states(self) -> None:
        """States and parents; half as many while the process may not have so many addresses."""
        while True:
            try:
                self._states = Arena(self._most * self.layout.words, np.uint64)
                self._parents = Arena(self._most, np.uint32)
            except OSError:
                if self._most < BUFFER:
                    raise
                self._most //= 2
            else:
                return

    def _suffices(self, bits: int, count: int) -> bool:
        """Whether a table of that size takes a full buffer more than `count` states."""
        mask = (1 << bits) - 1
        return count + self._capacity <= (mask >> 1) + (mask >> 3)

    def _place_starts(self) -> None:
        words = self.layout.words
        rows = np.array(list(self._starts)[: self._most], np.uint64).reshape(-1)
        self._states.array[: len(rows)] = rows
        count = len(rows) // words
        self._board[self._bfs.COUNT] = self._board[self._bfs.LEVEL_END] = count
        self._refill()

    def _refill(self) -> None:
        self._bfs.refill(self.layout.words, self._arrays(), self._board)

    @property
    def memory(self) -> int:
        """Bytes in use: states, parents, table."""
        count = int(self._board[self._bfs.COUNT])
        return count * self._state_bytes + 4 * (1 << int(self._board[self._bfs.BITS]))

    def packed_states(self) -> set[Words]:
        """The states found, each as its words."""
        count, words = int(self._board[self._bfs.COUNT]), self.layout.words
        rows = self._states.array[: count * words].reshape(-1, words)
        return {tuple(row) for row in rows.tolist()}

    def run(self, progress: ProgressHook | None = None) -> SearchResult:
        """Search until a rule breaks, a limit is met, or nothing is left."""
        began = time.monotonic()
        with announced(self._note):
            self._place_starts()
            all_placed = len(self._starts) <= self._most
            cut = self._loop(began, progress) if all_placed else self._full()
        return self._result(cut, time.monotonic() - began)

    def _loop(self, began: float, progress: ProgressHook | None) -> Cut | None:
        """Call the native loop until it is over; what cut it, if anything did."""
        bfs, board = self._bfs, self._board
        budget, told, now = FIRST_BUDGET, began, began
        while True:
            if self.limits.seconds is not None and now - began >= self.limits.seconds:
                return "seconds"
            before = time.monotonic()
            self._explore(budget)
            now = time.monotonic()
            status = int(board[bfs.STATUS])
            if status == bfs.CUT:
                return self._full()
            if status == bfs.GROW and not self._grow():
                return "memory"
            if status not in (bfs.GOING, bfs.GROW):
                return None
            if self.memory > self._memory_limit:
                return "memory"
            if progress and now - told >= PROGRESS_SECONDS:
                told = now
                progress(self._progress(now - began))
            if now - began > QUICK_SECONDS and len(self._codes) == 1:
                self._codes.append(MachineCode(self._emitted.ir))
            if status == bfs.GOING:
                budget = _next_budget(budget, now - before)

    def _full(self) -> Cut:
        """Which limit the most states come from."""
        return "states" if self._most == self.limits.states else "memory"

    def _explore(self, budget: int) -> None:
        self._board[self._bfs.BUDGET] = budget
        expand = self._codes[-1].function("expand")
        room = self._emitted.room
        self._bfs.explore(expand, self.layout.words, room, self._arrays(), self._board)

    def _arrays(self) -> Arrays:
        """Fresh windows: the table moves when it grows, and `close` wants nobody to hold one."""
        arenas = (self._states, self._parents, self._table, self._buffer)
        states, parents, table, buffer = (arena.array for arena in arenas)
        return self._bfs.Arrays(states, parents, table, buffer, self._hashes, self._ends)

    def _grow(self) -> bool:
        """A table of twice the size or more; False where it would break the limit on memory."""
        bfs, board = self._bfs, self._board
        bits = int(board[bfs.BITS]) + 1
        while not self._suffices(bits, int(board[bfs.COUNT])):
            bits += 1
        if bits > MOST_BITS or self.memory + 4 * (1 << bits) > self._memory_limit:
            return False
        self._table.close()
        self._table = Arena(1 << bits, np.uint32)
        board[bfs.BITS] = bits
        self._refill()
        return True

    def _progress(self, seconds: float) -> Progress:
        bfs, board = self._bfs, self._board
        count = int(board[bfs.COUNT])
        return Progress(count, count - int(board[bfs.HEAD]), int(board[bfs.LEVEL]), seconds)

    def _result(self, cut: Cut | None, seconds: float) -> SearchResult:
        bfs, board = self._bfs, self._board
        status = int(board[bfs.STATUS])
        verdict: Verdict = "undecided" if cut else "holds"
        rule, root = None, next(iter(self._starts.values()), 0)
        path: tuple[StepTaken, ...] = ()
        if cut is None and status != bfs.DONE:
            trail, root = self._trail(int(board[bfs.HEAD]))
            path, broken = retrace(self.interpreter, trail, status == bfs.BROKEN)
            verdict, rule = judge(self.program, broken)
        count = int(board[bfs.COUNT])
        depth = int(board[bfs.LEVEL]) + (count > int(board[bfs.LEVEL_END]))
        return SearchResult(
            verdict,
            rule,
            states=count,
            transitions=int(board[bfs.TRANSITIONS]),
            depth=max(depth, len(path)),
            seconds=seconds,
            path=path,
            start=root,
            reached=self._reached(),
            exercised=tuple(self._exercised().tolist()),
            cut=cut,
            reason=self._reason(cut),
            memory=self.memory,
            engine="native",
        )

    def _trail(self, number: int) -> tuple[list[Words], int]:
        """The states from a start to this one, and the start as an index of `initials`."""
        words, rows = self.layout.words, self._states.array
        trail = [tuple(rows[number * words : (number + 1) * words].tolist())]
        while number >= len(self._starts):
            number = int(self._parents.array[number])
            trail.append(tuple(rows[number * words : (number + 1) * words].tolist()))
        return trail[::-1], list(self._starts.values())[number]

    def _reached(self) -> frozenset[tuple[int, int]]:
        blocks = self._emitted.blocks
        marks = self._marks("reached", ctypes.c_uint8, len(blocks))
        return frozenset(
            (actor, index)
            for mark, (actor, block) in zip(marks, blocks, strict=True)
            if mark
            for index in block
        )

    def _exercised(self) -> Numbers:
        return self._marks("exercised", ctypes.c_int64, len(self.program.rules))

    def _marks(self, name: str, kind: type[ctypes._SimpleCData[int]], length: int) -> Numbers:
        """The sum of a global array over the modules that took part."""
        total = np.zeros(length, np.int64)
        for code in self._codes:
            total += np.array((kind * length).from_address(code.variable(name)), np.int64)
        return total

    def _reason(self, cut: Cut | None) -> str | None:
        if cut == "memory" and int(self._board[self._bfs.COUNT]) >= MOST_STATES // 2:
            return "more than 2^31 states: the table's numbers have 32 bits"
        return _REASONS[cut] if cut else None


def _next_budget(budget: int, seconds: float) -> int:
    """Aim at CALL_SECONDS for a call, and never change by more than a factor of four."""
    factor = min(max(CALL_SECONDS / max(seconds, 1e-6), 0.25), 4.0)
    return max(int(budget * factor), 64)
