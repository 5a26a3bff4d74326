"""The threads of a search: born when a search turns out to be big, gone before it is over.

The thread that runs the search leads; the crew are the others. They live inside `team.serve`, in
machine code without the interpreter lock, from start to stop, and only touch the arrays they were
given. States of a crew: started -> serving -> stopped, and from any of them -> failed, when a
thread's Python code raises. A failed crew stays failed: the leader, who may be waiting for a unit
that will never be done, sees the mark within a millisecond and comes back; `check` then raises. So
a search of which a thread died has no result at all.

What the caller must guarantee: `stop` before the arrays are closed (a context manager or finally).
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import numpy as np

from shootdown.machine.native.arena import Arena
from shootdown.machine.native.sizes import CHUNKS, MOST_PENDING, REGIONS
from shootdown.machine.result import WorkerError

if TYPE_CHECKING:
    from shootdown.machine.native.bfs import Arrays
    from shootdown.machine.native.packed import Marks


class Crew:
    """The other threads of one search, and the arrays they share with the leader."""

    def __init__(
        self,
        workers: int,
        words: int,
        room: int,
        arrays: Arrays,
        *,
        board: Any,
        marks: Marks,
        grain: int,
        rules: int,
    ) -> None:
        """Raises OSError or MemoryError if there is no memory for the shared arrays."""
        from shootdown.machine.native import control, team

        self._team = team
        self.names = control
        self.workers = workers
        self.words = words
        self.room = room
        self.arrays = arrays
        self.board = board
        self.failure: BaseException | None = None
        self._arenas: list[Arena] = []
        self._threads: list[threading.Thread] = []
        self.control = self._make_control()
        self.shared = self._make_shared(workers, marks, grain, rules)

    @property
    def memory(self) -> int:
        """Bytes of the shared arrays."""
        return self.size(self.workers, self.words)

    @staticmethod
    def size(workers: int, words: int) -> int:
        """Bytes of the shared arrays."""
        shared = MOST_PENDING * (words * 8 + 3 * 8 + 1 + 2) + 16 * CHUNKS * REGIONS
        return shared + workers * (MOST_PENDING + 1024) * 4

    def _make_control(self) -> Any:
        from shootdown.machine.native import atomic

        names = self.names
        control = np.zeros(names.CONTROL_SIZE, np.int64)
        control[names.SYSCALL] = atomic.syscall_address()
        control[names.FUTEX] = atomic.futex_number()
        control[names.TIME + 1] = 1_000_000
        control[names.LONG + 1] = 100_000_000
        return control

    def _take(self, length: int, kind: Any) -> int:
        arena = Arena(length, kind)
        self._arenas.append(arena)
        return arena.address

    def _make_shared(self, workers: int, total: Marks, grain: int, rules: int) -> Any:
        t = self._team
        plan = np.zeros(t.PLAN_SIZE, np.int64)
        plan[t.GRAIN], plan[t.ROOMY], plan[t.RULES] = grain, t.MOST_CHUNK, rules
        width = -(-len(total) // 16) * 16 + 16
        return t.Shared(
            kept=self._take(MOST_PENDING * self.words, np.uint64),
            hashes=self._take(MOST_PENDING, np.uint64),
            routed=self._take(MOST_PENDING, np.uint64),
            slots=self._take(MOST_PENDING, np.int64),
            fresh=self._take(MOST_PENDING, np.uint8),
            route=self._take(MOST_PENDING, np.uint16),
            starts=self._take(CHUNKS * (REGIONS + 1), np.int64),
            groups=self._take(CHUNKS * t.GROUPS, np.int64),
            news=self._take(REGIONS * CHUNKS, np.int64),
            recent=self._take(workers * t.RECENT, np.uint16),
            todo=self._take(workers * MOST_PENDING, np.int32),
            info=np.zeros(CHUNKS * t.INFO, np.int64),
            marks=np.zeros((workers, width), np.int64),
            total=total,
            plan=plan,
        )

    def start(self) -> None:
        """Begin to serve. A thread that cannot be started is done without."""
        self._compile()
        for worker in range(1, len(self.shared.marks)):
            name = f"search {worker}"
            thread = threading.Thread(target=self._live, args=(worker,), name=name, daemon=True)
            try:
                thread.start()
            except RuntimeError:
                return
            self._threads.append(thread)

    def _compile(self) -> None:
        """Compile what threads run before there are any: numba would do it under a lock."""
        self.control[self.names.STOP] = 1
        self.serve(0)
        self.control[self.names.STOP] = 0

    def serve(self, worker: int) -> None:
        """What a thread does; returns when the crew is stopped."""
        self._take_part(self._team.SERVE, worker)

    def _take_part(self, role: int, worker: int) -> None:
        sizes = self.words, self.room
        self._team.take_part(
            role, worker, *sizes, self.arrays, self.shared, self.board, self.control
        )

    def _live(self, worker: int) -> None:
        try:
            self.serve(worker)
        except BaseException as failure:
            self.failure = failure
            self.control[self.names.FAILED] = 1

    def explore(self, expand: int) -> None:
        """Lead: expand up to BUDGET states."""
        self.control[self.names.EXPAND] = expand
        self._take_part(self._team.LEAD, 0)
        self.check()

    def refill(self) -> None:
        """Lead: enter all states into the empty table."""
        self._take_part(self._team.LEAD_REFILL, 0)
        self.check()

    def check(self) -> None:
        """Raises WorkerError if a thread died."""
        if self.failure is not None:
            raise WorkerError(repr(self.failure)) from self.failure

    def stop(self) -> None:
        """Send everybody home, and give the shared memory back."""
        self.control[self.names.STOP] = 1
        self.control[self.names.UNITS] = 0
        self.names.announce(self.control)
        for thread in self._threads:
            thread.join()
        self._threads.clear()
        del self.shared
        for arena in self._arenas:
            arena.close()
