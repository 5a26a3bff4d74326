"""A program of memory system calls on the running kernel: what every operation was told as.

Each program runs in a fresh process of its own, pinned to one CPU, with a notifier registered on it
(`callbacks`): nothing of an earlier one is left, neither page tables nor mappings.

What works in the background (khugepaged, reclaim) may come between, so a program runs until two
runs agree; one that never repeats itself is said to be unstable. Events that found no room are lost
and make a run void; the next one has more room.
"""

from __future__ import annotations

from collections.abc import Callable

from shootdown.closing import Closing
from shootdown.live.callbacks import LostEventsError
from shootdown.live.kvm import Kvm
from shootdown.live.notifications import Lookup, find_cause
from shootdown.live.perf_events import TracepointEvents
from shootdown.live.programs import Observed, Program, Recording, State
from shootdown.live.run import Row
from shootdown.live.server import Server

SECONDS = 20.0
"""longest that a program may take"""

MOST_RUNS = 6
"""runs before a program counts as unstable"""

ROOM, LARGE_ROOM = 64, 1024
"""pages for events: some 1,000 of them between two looks, and some 16,000"""

YOUNG = {"clear_young": "age", "test_young": "test_age"}


Accept = Callable[[tuple[Observed, ...]], bool]
"""whether what one run did is just what was expected: whoever foresaw all of it needs no second"""


class UnstableProgramError(Exception):
    """No two runs of a program agreed."""

    def __init__(self, program: int, runs: int) -> None:
        super().__init__(program, runs)
        self.program = program

    def __str__(self) -> str:
        return f"program {self.program} did something else in each run"


def check_means() -> Lookup:
    """What has to be looked up to observe, if all that it takes is there.

    Raises:
        MissingMeansError: for a device, a right or a feature that is not there.
    """
    with Kvm() as kvm:
        kvm.create_vm().close()
    lookup = Lookup.load()
    TracepointEvents(lookup.tracepoints, pages=1).close()
    return lookup


class Observer(Closing):
    """Runs programs one after the other.

    It looks up once what does not change, and keeps the tracepoints switched on meanwhile: closing
    the last event on one waits until no CPU can be inside it, which takes a tenth of a second.
    """

    def __init__(self, lookup: Lookup | None = None) -> None:
        """What `check_means` returned saves time.

        Raises:
            MissingMeansError: for a device, a right or a feature that is not there.
        """
        self._lookup = lookup or check_means()
        self._keeper = TracepointEvents(self._lookup.tracepoints, pages=1)
        self._server = Server(self._lookup.tracepoints, SECONDS)
        self._causes: dict[tuple[int, ...], str] = {}
        """by call chain"""

    def close(self) -> None:
        """The process that performs programs ends."""
        self._server.close()
        self._keeper.close()

    def observe(self, program: Program, accept: Accept | None = None) -> Recording:
        """What two runs of a program agree on; or the first run, if that is accepted.

        Raises:
            UnstableProgramError: if no two runs agree.
            LostEventsError: if events were lost in every run.
            ObservationError: if a run does not come to its end.
        """
        seen: list[tuple[Observed, ...]] = []
        lost = None
        for _ in range(MOST_RUNS):
            try:
                found = self.run(program, ROOM if lost is None else LARGE_ROOM)
            except LostEventsError as error:
                lost = error
                continue
            if found in seen or (not seen and accept is not None and accept(found)):
                return Recording(program, found)
            seen.append(found)
        if lost is not None and not seen:
            raise lost
        raise UnstableProgramError(program.id, MOST_RUNS)

    def run(self, program: Program, room: int = LARGE_ROOM) -> tuple[Observed, ...]:
        """What one run did, with so many pages of room for events.

        Raises:
            LostEventsError: if that is too little.
            ObservationError: if it does not come to its end.
        """
        return tuple(map(self._observed, self._server.run(program, room)))

    def _observed(self, row: Row) -> Observed:
        result, told, vmas, pages = row
        starts = [each for each in told if each[0] == "invalidate_range_start"]
        young = [each for each in told if each[0] in YOUNG]
        return Observed(
            result,
            tuple(span for _, span, _ in starts),
            tuple(self._cause(chain) for _, _, chain in starts),
            tuple((YOUNG[callback], *span) for callback, span, _ in young),
            State(vmas, pages),
        )

    def _cause(self, chain: tuple[int, ...]) -> str:
        cause = self._causes.get(chain)
        if cause is None:
            cause = self._causes[chain] = find_cause(self._lookup.symbols.chain(chain))
        return cause
