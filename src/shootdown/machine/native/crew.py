"""The threads of a search: born when a search turns out to be big, gone before it is over.

The thread that runs the search leads; the crew are the others. They live inside `team.serve`, in
machine code without the interpreter lock, from start to stop, and only touch the arrays they were
given. States of a crew: started -> serving -> stopped, and from any of them -> failed, when a
thread's Python code raises. A failed crew stays failed: the leader, who may be waiting for a unit
that will never be done, sees the mark within a millisecond and comes back; `check` then raises. So
a search of which a thread died has no result at all.

Each thread runs on a processor of its own (`places`); the leader may go where it likes again
afterwards.

What the caller must guarantee: `stop` before the arrays are closed (a context manager or finally).
"""

from __future__ import annotations

import threading
from collections.abc import Sequence

from shootdown.machine.native.arena import Arena, Kind
from shootdown.machine.native.atomic import futex_number, syscall_address
from shootdown.machine.native.bfs import Arrays
from shootdown.machine.native.compiled import Words
from shootdown.machine.native.control import (
    CONTROL_SIZE,
    EXPAND,
    FAILED,
    FUTEX,
    LONG,
    STOP,
    SYSCALL,
    TIME,
    UNITS,
)
from shootdown.machine.native.loops import Loops, Numbers, zeros
from shootdown.machine.native.packed import Marks
from shootdown.machine.native.phases import (
    GRAIN,
    GROUPS,
    INFO,
    PLAN_SIZE,
    ROOMY,
    RULES,
    Shared,
)
from shootdown.machine.native.places import allowed, places_for, tie
from shootdown.machine.native.sizes import BATCH, CHUNKS, MOST_CHUNK, MOST_PENDING
from shootdown.machine.native.team import LEAD, LEAD_REFILL, SERVE
from shootdown.machine.result import WorkerError


class Crew:
    """The other threads of one search, and the arrays they share with the leader."""

    def __init__(
        self,
        workers: int,
        loops: Loops,
        room: int,
        arrays: Arrays,
        *,
        board: Numbers,
        marks: Marks,
        grain: int,
        rules: int,
    ) -> None:
        """Raises OSError or MemoryError if there is no memory for the shared arrays."""
        self.loops = loops
        self.workers = workers
        self.room = room
        self.arrays = arrays
        self.board = board
        self.failure: BaseException | None = None
        self._arenas: list[Arena] = []
        self._threads: list[threading.Thread] = []
        self._places: Sequence[int] = ()
        """a processor for each worker, the leader first; none: wherever the system puts them"""
        self.control = _make_control()
        self.shared = self._make_shared(workers, marks, grain, rules)
        self._own = [self._buffers(worker) for worker in range(workers)]

    @property
    def memory(self) -> int:
        """Bytes of the shared arrays."""
        return self.size(self.workers, self.loops.shape.words, self.arrays.capacity)

    @staticmethod
    def size(workers: int, words: int, capacity: int) -> int:
        """Bytes of the shared arrays and the workers' buffers, of so many states each."""
        shared = MOST_PENDING * (words * 8 + 8 + 1) + CHUNKS * (GROUPS + 8 + INFO) * 8
        return shared + workers * (capacity * (words + 1) * 8 + 4096)

    def _take(self, length: int, kind: Kind) -> int:
        arena = Arena(length, kind)
        self._arenas.append(arena)
        return arena.address

    def _make_shared(self, workers: int, total: Marks, grain: int, rules: int) -> Shared:
        shape = self.loops.shape
        self._plan = zeros(PLAN_SIZE)
        self._plan[GRAIN], self._plan[ROOMY], self._plan[RULES] = grain, MOST_CHUNK, rules
        self._info = zeros(CHUNKS * INFO)
        width = -(-len(total) // 8) * 8
        return Shared(
            kept=self._take(MOST_PENDING * shape.words, "Q"),
            slots=self._take(MOST_PENDING, "q"),
            fresh=self._take(MOST_PENDING, "B"),
            news=self._take(CHUNKS * 8, "q"),
            groups=self._take(CHUNKS * GROUPS, "q"),
            info=Words(self._info.buffer_info()[0]),
            marks=self._take(workers * width, "q"),
            width=width,
            marked=len(total),
            workers=workers,
            plan=Words(self._plan.buffer_info()[0]),
        )

    def _buffers(self, worker: int) -> Arrays:
        """The arrays of the search, with buffers and marks of a worker's own."""
        return self.arrays._replace(
            buffer=self._take(self.arrays.capacity * self.loops.shape.words, "Q"),
            hashes=self._take(self.arrays.capacity, "Q"),
            ends=self._take(BATCH, "q"),
            marks=self.shared.marks + worker * self.shared.width * 8,
        )

    def start(self) -> None:
        """Begin to serve. A thread that cannot be started is done without."""
        self._before = allowed()
        self._places = places_for(self.workers)
        self._take_place(0)
        for worker in range(1, self.shared.workers):
            name = f"search {worker}"
            thread = threading.Thread(target=self._live, args=(worker,), name=name, daemon=True)
            try:
                thread.start()
            except RuntimeError:
                return
            self._threads.append(thread)

    def serve(self, worker: int) -> None:
        """What a thread does; returns when the crew is stopped."""
        self._take_part(SERVE, worker)

    def _take_part(self, role: int, worker: int) -> None:
        self.loops.take_part(
            role,
            self.room,
            arrays=self.arrays,
            own=self._own[worker],
            shared=self.shared,
            board=self.board,
            control=self.control,
        )

    def _take_place(self, worker: int) -> None:
        """Tie the calling thread to its processor, if there is one for everybody."""
        if self._places:
            tie(frozenset({self._places[worker]}))

    def _live(self, worker: int) -> None:
        try:
            self._take_place(worker)
            self.serve(worker)
        except BaseException as failure:
            self.failure = failure
            self.control[FAILED] = 1

    def explore(self, expand: int) -> None:
        """Lead: expand up to BUDGET states."""
        self.control[EXPAND] = expand
        self._take_part(LEAD, 0)
        self.check()

    def refill(self) -> None:
        """Lead: enter all states into the empty table."""
        self._take_part(LEAD_REFILL, 0)
        self.check()

    def check(self) -> None:
        """Raises WorkerError if a thread died."""
        if self.failure is not None:
            raise WorkerError(repr(self.failure)) from self.failure

    def stop(self) -> None:
        """Send everybody home, and give the shared memory back."""
        self.control[STOP] = 1
        self.control[UNITS] = 0
        self.loops.announce(self.control)
        for thread in self._threads:
            thread.join()
        self._threads.clear()
        if self._places:
            tie(self._before)
        del self.shared
        for arena in self._arenas:
            arena.close()


def _make_control() -> Numbers:
    """The words of `control`, with what it needs to sleep."""
    control = zeros(CONTROL_SIZE)
    control[SYSCALL] = syscall_address()
    control[FUTEX] = futex_number()
    control[TIME + 1] = 1_000_000
    control[LONG + 1] = 100_000_000
    return control
