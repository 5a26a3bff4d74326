"""The states of a finished native search with their steps: a `machine.liveness.lasso.Space`.

Beside what the search has stored, this takes for each state

    4      where its steps begin in the graph
    8      rank and region
    16     three stacks; what of them is touched depends on how deep walks go
    2      whether it belongs to the component in which a loop was found

bytes, and 5 for each step. It counts against the limit on memory before any of it is used.
"""

from __future__ import annotations

import time
from array import array
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cache, cached_property
from typing import TYPE_CHECKING

from shootdown.closing import Closing
from shootdown.machine.interpreter import Interpreter, Words
from shootdown.machine.liveness.fairness import SYSTEM, stays_of
from shootdown.machine.liveness.lasso import CutShort, Edge, look_for_loops
from shootdown.machine.native import components
from shootdown.machine.native.arena import Arena
from shootdown.machine.native.compiled import Bytes, Halves, Shape
from shootdown.machine.native.compiled import Words as Array
from shootdown.machine.native.graph import LOST, Buffers, Graph, record
from shootdown.machine.native.jit import MachineCode, quick_code
from shootdown.machine.native.labelled import PROGRESS, emit_labelled
from shootdown.machine.native.loops import Module, zeros
from shootdown.machine.native.sizes import BATCH
from shootdown.machine.result import Liveness, Progress, SearchResult, StepTaken
from shootdown.machine.search import PROGRESS_SECONDS, ProgressHook

if TYPE_CHECKING:
    from shootdown.machine.native.search import NativeSearch

STATE_BYTES, STEP_BYTES = 30, 5
CAPACITY = 4096
SLICE = 1 << 16
"""states recorded in one call"""
QUICK_STATES = 1 << 18
"""of so many the steps are recorded before better code would be made"""
BUDGET = 1 << 20
"""steps of a walk in one call: between calls limits are looked at, and Ctrl-C is heard"""

Tell = Callable[[int], None]


@cache
def load_module(shape: Shape) -> Module:
    """What walks through states of a shape."""
    functions = (record, components.begin, components.begin_round, components.go_on)
    return Module("graph", functions, shape)


class NativePart:
    """A component, read from the graph."""

    def __init__(
        self, space: NativeSpace, watch: int, inside: bytes, movers: frozenset[int]
    ) -> None:
        """`inside`: for each state whether it belongs to the component."""
        self._space = space
        self._watch = watch
        self._inside = inside
        self.first = inside.index(1)
        self.movers = movers

    def steps(self, number: int) -> Sequence[Edge]:
        """The steps from a state that are not progress and stay inside."""
        return [
            Edge(at, target, label & ~PROGRESS)
            for at, (target, label) in enumerate(self._space.row(number))
            if self._inside[target] and not self._counts(label)
        ]

    def _counts(self, label: int) -> bool:
        return bool(label & PROGRESS) and self._watch in (SYSTEM, label & ~PROGRESS)

    def enabled(self, number: int) -> frozenset[int]:
        """The actors that have a step in a state."""
        return frozenset(label & ~PROGRESS for _, label in self._space.row(number))


class NativeSpace(Closing):
    """The states that a search holds in memory; `close` it before the search."""

    def __init__(self, search: NativeSearch, transitions: int, deadline: float | None) -> None:
        """`transitions`: what the search generated; `deadline`: by the monotonic clock.

        Raises:
            CutShort: if the graph cannot be held in memory.
        """
        self.search = search
        self.interpreter: Interpreter = search.interpreter
        self._deadline = deadline
        self._stored = search.stored()
        self._refuse_what_is_too_large(transitions)
        count, steps = self._stored.total, max(transitions, 1)
        arenas = [Arena(count + 1, "I"), Arena(steps, "I"), Arena(steps, "B")]
        arenas += [Arena(count, "I") for _ in range(6)]
        self._arenas = arenas
        arrays = [arena.array for arena in arenas]
        self._offsets, self._targets, self._labels, self._rank = arrays[:4]
        addresses = [arena.address for arena in arenas]
        offsets, targets, *walk = (Halves(a) for a in (*addresses[:2], *addresses[3:]))
        self._graph = Graph(offsets, targets, Bytes(addresses[2]), transitions)
        self._walk = components.Walk(count, *walk)
        self._module = load_module(search.shape)
        self._board = zeros(components.BOARD_SIZE)

    def _refuse_what_is_too_large(self, transitions: int) -> None:
        count, actors = self._stored.total, len(self.interpreter.program.actors)
        if actors > components.MOST_ACTORS:
            most = components.MOST_ACTORS
            raise CutShort("memory", f"loops are looked for among at most {most} actors")
        if count > components.MOST_STATES or transitions >= 1 << 32:
            raise CutShort("memory", "loops are looked for in at most 2^31 states, 2^32 steps")
        need = count * STATE_BYTES + transitions * STEP_BYTES
        limit = self.search.memory_limit
        if self.search.memory + need > limit:
            raise CutShort(
                "memory",
                f"looking for loops needs {need >> 20} MiB more, which the limit on memory forbids",
            )

    @property
    def memory(self) -> int:
        """Bytes that looking for loops may take at most."""
        return self._stored.total * STATE_BYTES + self._graph.most * STEP_BYTES

    def close(self) -> None:
        """Give the memory back."""
        del self._offsets, self._targets, self._labels, self._rank
        for arena in self._arenas:
            arena.close()

    # --- building -----------------------------------------------------------------------------

    def record(self, tell: Tell) -> None:
        """Fill in the graph; `tell` hears how many states are done.

        Raises:
            CutShort: if time is up.
        """
        layout, count = self.interpreter.layout, self._stored.total
        emitted = emit_labelled(self.interpreter.program, layout)
        few = count <= QUICK_STATES
        code = quick_code(emitted.ir) if few else MachineCode(emitted.ir)
        capacity = max(CAPACITY, emitted.room)
        successors = zeros(capacity * (layout.words + 1))
        hashes, ends, marks = zeros(capacity), zeros(BATCH), emitted.new_marks()
        buffers = Buffers(
            successors.buffer_info()[0],
            hashes.buffer_info()[0],
            ends.buffer_info()[0],
            capacity,
            marks.buffer_info()[0],
        )
        expand, found = code.function("expand"), 0
        for start in range(0, count, SLICE):
            stop = min(start + SLICE, count)
            arrays = self._stored, buffers, self._graph
            found = self._module.call("record", expand, emitted.room, start, stop, *arrays)
            if found == LOST:
                break
            tell(stop)
            self._look_at_the_clock()
        if found != self._graph.most:
            raise AssertionError("the graph of a search has other steps than the search")

    def _look_at_the_clock(self) -> None:
        if self._deadline is not None and time.monotonic() >= self._deadline:
            raise CutShort("seconds", "the limit on time was met while looking for loops")

    @cached_property
    def _standing(self) -> components.Standing:
        """Where the pcs of the actors lie, and what it takes to stay at each."""
        interpreter = self.interpreter
        fields = [frame.pc for frame in interpreter.layout.actors]
        rows = [stays_of(actor) for actor in interpreter.program.actors]
        width = max(map(len, rows))
        self._stay = array("B", b"".join(bytes(row).ljust(width, b"\0") for row in rows))
        self._places = [
            array("q", [field.word for field in fields]),
            array("q", [field.shift for field in fields]),
            array("q", [(1 << field.bits) - 1 for field in fields]),
        ]
        word, shift, mask = (Array(row.buffer_info()[0]) for row in self._places)
        return components.Standing(
            self._stored.states,
            len(rows),
            word,
            shift,
            mask,
            Bytes(self._stay.buffer_info()[0]),
            width,
        )

    # --- a space ------------------------------------------------------------------------------

    def component(self, watch: int) -> NativePart | None:
        """See `lasso.Space`."""
        board, best, movers = self._board, None, 0
        arrays = self._graph, self._walk, self._standing, board
        self._module.call("begin", watch, *arrays)
        again = True
        while again:
            self._module.call("begin_round", self._walk, board)
            over = False
            while not over:
                board[components.BUDGET] = BUDGET
                over = bool(self._module.call("go_on", watch, *arrays))
                self._look_at_the_clock()
            if board[components.BEST_CODE]:
                best = self._members(board[components.BEST_CODE])
                movers = board[components.MOVERS]
            again = bool(board[components.AGAIN])
        if best is None:
            return None
        actors = range(len(self.interpreter.program.actors))
        return NativePart(self, watch, best, frozenset(a for a in actors if movers >> a & 1))

    def _members(self, code: int) -> bytes:
        """For each state whether it belongs to a component."""
        import numpy as np

        inside: bytes = (np.frombuffer(self._rank, np.uint32) == code).tobytes()
        return inside

    def row(self, number: int) -> list[tuple[int, int]]:
        """The steps from a state: where each leads, and its label."""
        steps = slice(int(self._offsets[number]), int(self._offsets[number + 1]))
        return list(zip(self._targets[steps].tolist(), self._labels[steps].tolist(), strict=True))

    def words(self, number: int) -> Words:
        """A state."""
        return self.search.state(number)

    def run_to(self, number: int) -> tuple[tuple[StepTaken, ...], int]:
        """The steps by which the search found a state, and the start."""
        return self.search.run_to(number)


def look_for_native_loops(
    search: NativeSearch, found: SearchResult, liveness: Liveness, progress: ProgressHook | None
) -> SearchResult:
    """What a search that held, and is still open, says once its loops have been looked at."""
    began = time.monotonic()
    left = None if search.limits.seconds is None else search.limits.seconds - found.seconds
    deadline = None if left is None else began + left
    memory, told = search.memory, began

    def tell(states: int) -> None:
        nonlocal told
        now = time.monotonic()
        if progress and now - told >= PROGRESS_SECONDS:
            told, queue = now, found.states - states
            seconds = found.seconds + now - began
            progress(Progress(found.states, queue, found.depth, seconds, memory))

    try:
        with NativeSpace(search, found.transitions, deadline) as space:
            memory += space.memory
            space.record(tell)
            judged = look_for_loops(search.program, space, found, liveness)
    except CutShort as short:
        judged = short.cut_off(replace(found, liveness=liveness))
    seconds = found.seconds + time.monotonic() - began
    return replace(judged, seconds=seconds, memory=max(found.memory, memory))
