"""One native search: sets up its arrays, drives the loop of `bfs` or `team`, and judges.

The loop comes back after about a tenth of a second of work, for progress, limits and Ctrl-C, and
whenever its table is full. A search that is not over soon goes on with better machine code, and,
where more workers are allowed, with a crew once its queue is long enough to share.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import closing, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

from shootdown.closing import Closing
from shootdown.machine.canonical import Plan, credited
from shootdown.machine.checkpoint import Checkpoint, CheckpointError, CheckpointReader, Moment
from shootdown.machine.execution import EndlessStepError
from shootdown.machine.fingerprint import fingerprint
from shootdown.machine.interpreter import Interpreter, Words
from shootdown.machine.memory import default_limit
from shootdown.machine.native import bfs
from shootdown.machine.native.buffers import Buffers
from shootdown.machine.native.jit import MachineCode, ObjectCode, quick_code
from shootdown.machine.native.loops import load_loops, zeros
from shootdown.machine.native.moments import moment_of, read_moment
from shootdown.machine.native.packed import Marks, emit_packed
from shootdown.machine.native.saving import Note, Saving
from shootdown.machine.native.sizes import KEEPS, MOST_PENDING
from shootdown.machine.native.store import MOST_STATES, Store, more_lines, shape_of
from shootdown.machine.native.team import LOST
from shootdown.machine.result import (
    Cut,
    Limits,
    Progress,
    SearchResult,
    StepTaken,
    UnsoundError,
    Verdict,
)
from shootdown.machine.search import (
    PROGRESS_SECONDS,
    ProgressHook,
    distinct_starts,
    judge,
    retrace,
)
from shootdown.program.independence import Independence
from shootdown.program.layout import Layout, make_layout
from shootdown.program.program import Program

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from shootdown.machine.native.crew import Crew
    from shootdown.machine.native.graph import Stored
    from shootdown.machine.native.trail import Trail

BUFFER = 4096
CALL_SECONDS = 0.1
FIRST_BUDGET = 1 << 14
QUICK_SECONDS = 0.25
"""how long the quickly made code is good enough"""
GRAIN = 2048
"""a level with fewer states is not worth sharing"""
MOST_WORKERS = 64

_REASONS: dict[str, str] = {
    "states": "the limit on states was met",
    "seconds": "the limit on time was met",
    "memory": "the limit on memory was met",
}


class NativeSearch(Closing):
    """A search in machine code: `run` it once; `packed_states` shows what it saw until `close`."""

    def __init__(
        self,
        program: Program,
        limits: Limits,
        layout: Layout | None = None,
        plan: Plan | None = None,
        note: Note | None = None,
        *,
        independence: Independence | None = None,
        workers: int = 1,
        hands: Callable[[], int] | None = None,
        grain: int = GRAIN,
        checkpoint: Checkpoint | None = None,
        resume: str | Path | None = None,
    ) -> None:
        """With a `plan` only canonical forms are kept, with `independence` steps taken at once.

        `hands` tells how many of the `workers` are free to work now; it may grow.

        Raises:
            CheckpointError: if `resume` is not a checkpoint of this very program, or if
                `checkpoint` names a file that cannot be written.
        """
        self.program = program
        self.limits = limits
        self.layout = layout or make_layout(program)
        self.interpreter = Interpreter(program, self.layout, plan, independence)
        if workers < 1:
            raise ValueError(f"a search needs a worker, not {workers}")
        self.workers = min(workers, MOST_WORKERS)
        self._hands = hands or (lambda: workers)
        self.grain = grain
        self._note = note
        self.shape = shape_of(self.layout)
        self._loops = load_loops(self.shape)
        self._emitted = emit_packed(program, self.layout, plan=plan, independence=independence)
        self._codes: list[MachineCode | ObjectCode] = [quick_code(self._emitted.ir)]
        self._memory_limit = default_limit() if limits.memory is None else limits.memory
        self._starts = distinct_starts(self.interpreter)
        self._marks: Marks = self._emitted.new_marks()
        self._crew: Crew | None = None
        self._peak = 0
        self._began = 0.0
        self._earlier = 0.0
        self._head_marks: Marks | None = None
        """after a cut: what was marked before the state at which it happened"""
        self._saving: Saving | None = None
        self._reserve()
        try:
            self._open(checkpoint, Path(resume) if resume else None)
        except BaseException:
            self.close()
            raise

    def _open(self, checkpoint: Checkpoint | None, resume: Path | None) -> None:
        """The files to read from and to write to."""
        identity = b""
        if checkpoint or resume:
            plan, independence = self.interpreter.plan, self.interpreter.independence
            identity = fingerprint(self.program, self.layout, plan, independence)
        reader = None
        if resume:
            reader = CheckpointReader(resume, identity, self.shape.size)
            with closing(reader):
                self._restore(reader)
        if checkpoint:
            self._saving = Saving(checkpoint, self.shape.size, identity, self._note)
            self._saving.begin(reader)

    def close(self) -> None:
        """Send the crew home and give all memory back."""
        self._dismiss()
        if self._saving:
            self._saving.close()
        self._store.close()
        self._buffers.close()

    def _dismiss(self) -> None:
        crew, self._crew = self._crew, None
        if crew:
            self._peak = max(self._peak, self.memory)
            self._store.other -= crew.memory
            crew.stop()
            crew.check()

    def _reserve(self) -> None:
        """Room for as many states as the limits allow, and the first table."""
        words, size = self.shape
        self._capacity = max(BUFFER, self._emitted.room)
        most = min(MOST_STATES, self._memory_limit // size)
        if self.limits.states is not None:
            most = min(most, self.limits.states)
        buffers = Buffers.size(self._capacity, words)
        margin = self._capacity if self.workers == 1 else max(self._capacity, MOST_PENDING)
        self._store = Store(self.shape, bfs.GROUP, most, margin, buffers)
        self._buffers = Buffers(self._capacity, words)
        self._board = zeros(bfs.BOARD_SIZE)
        while self._store.fullest < len(self._starts) + self._capacity:
            self._store.lines = more_lines(self._store.lines)
        self._tell_board()

    def _tell_board(self) -> None:
        """What depends on the size of the table."""
        board, store = self._board, self._store
        board[bfs.LINES], board[bfs.LOW], board[bfs.FULLEST] = store.lines, store.low, store.fullest
        board[bfs.LIMIT] = min(store.most, store.affordable(self._memory_limit))

    def _restore(self, reader: CheckpointReader) -> None:
        """Take over what a checkpoint holds."""
        board, store = self._board, self._store
        read_moment(reader, board, store, self._marks)
        self._earlier = reader.seconds
        count = int(board[bfs.COUNT])
        while store.fullest < count + store.margin:
            store.lines = more_lines(store.lines)
        self._tell_board()
        if count > board[bfs.LIMIT]:
            raise CheckpointError(
                f"the checkpoint {reader.path} holds {count} states, for which the memory allowed "
                "does not suffice",
                "allow more memory",
            )

    def _moment(self, seconds: float) -> Moment:
        """The search as it stands, before the state at which it was cut, if it was."""
        cut = self._head_marks is not None
        marks = self._head_marks if self._head_marks is not None else self._marks
        return moment_of(self._board, self._store, marks, self._earlier + seconds, cut=cut)

    def _place_starts(self) -> None:
        board = self._board
        if board[bfs.COUNT]:
            self._refill()
            return
        starts = list(self._starts)[: board[bfs.LIMIT]]
        self._store.put_first(starts)
        board[bfs.COUNT] = board[bfs.LEVEL_END] = len(starts)
        self._refill()

    def _refill(self) -> None:
        board = self._board
        if self._crew:
            self._crew.refill()
        elif not self._loops.refill(self._arrays(), board, 0, int(board[bfs.COUNT])):
            board[bfs.STATUS] = bfs.OVERFULL
        self._check_table()

    def _check_table(self) -> None:
        if self._board[bfs.STATUS] == bfs.OVERFULL:
            raise AssertionError("no line of the table has room although the table is not full")

    @property
    def memory(self) -> int:
        """Bytes in use: states, what tells parents, table, buffers."""
        return self._store.memory(int(self._board[bfs.COUNT]))

    def packed_states(self) -> set[Words]:
        """The states found, each as its words."""
        return set(self.states_in_order())

    def states_in_order(self) -> list[Words]:
        """The states found, in the order of finding."""
        return [tuple(row) for row in self.rows().tolist()]

    def rows(self, start: int = 0, stop: int | None = None) -> NDArray[np.uint64]:
        """A copy of the states found, or of some, in the order of finding: a row of words each."""
        count = int(self._board[bfs.COUNT])
        return self._store.rows(start, count if stop is None else min(stop, count))

    def state(self, number: int) -> Words:
        """One of them."""
        return self._store.state(number)

    def run_to(self, number: int) -> tuple[tuple[StepTaken, ...], int]:
        """A shortest run to a state: its steps, and the start as an index of `initials`."""
        trail, root = self._trail(number)
        path, _ = retrace(self.interpreter, trail, ends_broken=False)
        return path, root

    def run(self, progress: ProgressHook | None = None) -> SearchResult:
        """Search until a rule breaks, a limit is met, or nothing is left.

        Raises:
            EndlessStepError: if a step never ends.
            WorkerError: if a thread died.
        """
        with self._saving.signals() if self._saving else nullcontext():
            self._place_starts()
            self._began = time.monotonic()
            if progress:
                progress(self._progress(self._earlier, 1.0, int(self._board[bfs.COUNT])))
            all_placed = len(self._starts) <= self._board[bfs.LIMIT]
            try:
                cut = self._loop(progress) if all_placed else self._full()
            finally:
                self._dismiss()
            if self._saving and cut and all_placed:
                self._saving.save(self._moment(time.monotonic() - self._began))
        return self._result(cut, self._earlier + time.monotonic() - self._began)

    def _loop(self, progress: ProgressHook | None) -> Cut | None:
        """Call the native loop until it is over; what cut it, if anything did."""
        board = self._board
        now = self._began
        budget, told = FIRST_BUDGET, (now, int(board[bfs.COUNT]))
        while True:
            if self.limits.seconds is not None and now - self._began >= self.limits.seconds:
                return "seconds"
            if self.workers > 1 and self._is_long():
                self._gather()
            before = time.monotonic()
            self._explore(budget)
            now = time.monotonic()
            status = int(board[bfs.STATUS])
            if status == bfs.GROW and not self._grow():
                return "memory"
            if status not in (bfs.GOING, bfs.GROW):
                return self._full() if status == bfs.CUT else None
            if self._saving and self._saving.is_due:
                self._saving.save(self._moment(now - self._began))
                if self._saving.was_stopped:
                    return None
            if progress and now - told[0] >= PROGRESS_SECONDS:
                seconds = self._earlier + now - self._began
                progress(self._progress(seconds, now - told[0], told[1]))
                told = now, int(board[bfs.COUNT])
            if now - self._began > QUICK_SECONDS and len(self._codes) == 1:
                self._codes.append(MachineCode(self._emitted.ir))
            if status == bfs.GOING:
                budget = _next_budget(budget, now - before)

    def _is_long(self) -> bool:
        """Whether there is enough in the queue to share."""
        return bool(self._board[bfs.COUNT] - self._board[bfs.HEAD] >= self.grain)

    def _full(self) -> Cut:
        """Which limit the most states come from."""
        return "states" if self._board[bfs.LIMIT] == self.limits.states else "memory"

    def _explore(self, budget: int) -> None:
        """One call of the native loop; whatever it marks beyond a cut is taken back."""
        board = self._board
        board[bfs.BUDGET] = budget
        expand = self._codes[-1].function("expand")
        marks, head = self._marks[:], int(board[bfs.HEAD])
        if self._crew:
            self._crew.explore(expand)
        else:
            self._loops.explore(expand, self._emitted.room, self._arrays(), board)
        status = int(board[bfs.STATUS])
        if status == bfs.CUT:
            self._marks[:] = marks
            at = int(board[bfs.HEAD])
            self._loops.mark(expand, head, at, self._arrays())
            self._head_marks = self._marks[:]
            self._loops.mark(expand, at, at + 1, self._arrays())
        if status == bfs.ENDLESS:
            self._raise_endless()
        if status == LOST:
            raise UnsoundError("some of the states that a block found have no place in the queue")
        self._check_table()

    def _raise_endless(self) -> None:
        """The interpreter runs into the same step, and knows where it is."""
        self.interpreter.expand(self.state(int(self._board[bfs.HEAD])))
        raise EndlessStepError("an actor", self.program.actors[0].code[0].where)

    def _gather(self) -> None:
        """A crew of all hands that are free, if they are more than before."""
        hands, at_work = min(self._hands(), self.workers), self._crew.workers if self._crew else 1
        if hands > at_work:
            self._dismiss()
            self._assemble(hands)

    def _assemble(self, hands: int) -> None:
        """A crew; without memory for its arrays the search goes on alone."""
        from shootdown.machine.native.crew import Crew

        store = self._store
        extra = Crew.size(hands, self.layout.words, self._capacity)
        count = int(self._board[bfs.COUNT])
        if store.memory(count) + extra > self._memory_limit or self._emitted.room > KEEPS:
            self.workers = 1
            return
        try:
            crew = Crew(
                hands,
                self._loops,
                self._emitted.room,
                self._arrays(),
                board=self._board,
                marks=self._marks,
                grain=self.grain,
                rules=len(self.program.rules),
            )
        except OSError:
            self.workers = 1
            return
        self._crew = crew
        store.other += crew.memory
        self._tell_board()
        crew.start()

    def _arrays(self) -> bfs.Arrays:
        """Where everything lies; nothing moves until `close`."""
        return self._buffers.arrays(self._store, self._marks.buffer_info()[0])

    def repeat(self, expand: int, marks: Marks) -> None:
        """Take all steps from all states found once more, in other code with marks of its own."""
        arrays = self._arrays()._replace(marks=marks.buffer_info()[0])
        self._loops.mark(expand, 0, int(self._board[bfs.COUNT]), arrays)

    def _grow(self) -> bool:
        """A larger table, refilled; False where it would break the limit on memory."""
        self._peak = max(self._peak, self.memory)
        if not self._store.grow(int(self._board[bfs.COUNT]), self._memory_limit):
            return False
        self._tell_board()
        self._refill()
        return True

    def _progress(self, seconds: float, since: float, before: int) -> Progress:
        board = self._board
        count = int(board[bfs.COUNT])
        queue, rate = count - int(board[bfs.HEAD]), (count - before) / since
        limit = self._memory_limit
        return Progress(
            count,
            queue,
            int(board[bfs.LEVEL]),
            seconds,
            memory=self.memory,
            rate=rate,
            memory_limit=limit,
            state_bytes=self.shape.size,
            most_states=min(self._store.most, self._store.within(limit)),
        )

    def _result(self, cut: Cut | None, seconds: float) -> SearchResult:
        board = self._board
        status = int(board[bfs.STATUS])
        verdict: Verdict = "undecided" if cut else "holds"
        rule, root = None, next(iter(self._starts.values()), 0)
        path: tuple[StepTaken, ...] = ()
        if cut is None and status != bfs.DONE:
            trail, root = self._trail(int(board[bfs.HEAD]))
            path, broken = retrace(self.interpreter, trail, status == bfs.BROKEN)
            verdict, rule = judge(self.program, broken)
        if verdict == "holds":
            self._audit(seconds)
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
            reached=credited(self.interpreter.plan, self._emitted.reached(self._marks)),
            exercised=self._emitted.exercised(self._marks),
            cut=cut,
            reason=self._reason(cut),
            memory=max(self._peak, self.memory),
            engine="native",
        )

    def _audit(self, seconds: float) -> None:
        """Nothing holds before everything was looked at again."""
        from shootdown.machine.native.audit import Books, audit

        trail = self._open_trail(int(self._board[bfs.HEAD]))
        audit(Books(self._board, self._store, self._loops, trail, self.interpreter), seconds)

    def _open_trail(self, head: int) -> Trail:
        from shootdown.machine.native.trail import Trail

        expand = self._codes[-1].function("expand")
        return Trail(expand, self._emitted, bfs.GROUP, self._store, head=head)

    def _trail(self, number: int) -> tuple[list[Words], int]:
        """The states from a start to this one, and the start as an index of `initials`."""
        trail = self._open_trail(min(number, int(self._board[bfs.HEAD])))
        numbers = trail.back(number, len(self._starts))
        return [trail.state(n) for n in numbers], list(self._starts.values())[numbers[0]]

    def stored(self) -> Stored:
        """Where the states and their numbers are, until `close`."""
        from shootdown.machine.native.graph import Stored

        store, count = self._store, int(self._board[bfs.COUNT])
        return Stored(store.states.address, store.table.address, store.lines, store.low, count)

    @property
    def memory_limit(self) -> int:
        """Bytes that may be in use."""
        return self._memory_limit

    def _reason(self, cut: Cut | None) -> str | None:
        if cut == "memory" and int(self._board[bfs.COUNT]) >= MOST_STATES // 2:
            return "more than 2^31 states: the table's numbers have 32 bits"
        return _REASONS[cut] if cut else None


def _next_budget(budget: int, seconds: float) -> int:
    """Aim at CALL_SECONDS for a call, and never change by more than a factor of four."""
    factor = min(max(CALL_SECONDS / max(seconds, 1e-6), 0.25), 4.0)
    return max(int(budget * factor), 64)
