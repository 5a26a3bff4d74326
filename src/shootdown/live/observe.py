"""A program of memory system calls on the running kernel: what every operation was told as.

Each program runs in a fresh process of its own, pinned to one CPU, with a notifier registered on it
(`notifications`): nothing of an earlier one is left, neither page tables nor mappings.

What works in the background (khugepaged, reclaim) may come between, so a program runs until two
runs agree; one that never repeats itself is said to be unstable.
"""

from __future__ import annotations

import os
import pickle
import select
import signal
import traceback
from collections.abc import Callable
from types import TracebackType
from typing import Any

from shootdown.live.errors import MissingMeansError
from shootdown.live.kvm import Kvm
from shootdown.live.memory import PAGE
from shootdown.live.notifications import (
    Lookup,
    LostEventsError,
    Notification,
    NotificationLog,
)
from shootdown.live.perf_events import TracepointEvents
from shootdown.live.programs import Observed, Program, Recording
from shootdown.live.region import Region

SECONDS = 20.0
"""longest that a program may take"""

MOST_RUNS = 6
"""runs before a program counts as unstable"""

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


class ObservationError(Exception):
    """The process that ran a program died, or did not end."""


class Observer:
    """Runs programs one after the other.

    It looks up once what does not change, and keeps the tracepoints switched on meanwhile: closing
    the last event on one waits until no CPU can be inside it, which takes a tenth of a second.
    """

    def __init__(self) -> None:
        """Raises MissingMeansError for a device, a right or a feature that is not there."""
        with Kvm() as kvm:
            kvm.create_vm().close()
        self._lookup = Lookup.load()
        self._keeper = TracepointEvents(self._lookup.tracepoints, pages=1)

    def __enter__(self) -> Observer:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._keeper.close()

    def observe(self, program: Program, accept: Accept | None = None) -> Recording:
        """What two runs of a program agree on; or the first, if that is accepted.

        Raises:
            UnstableProgramError: if no two runs agree.
            LostEventsError: if events were lost in every run.
            ObservationError: if a run does not come to its end.
        """
        return _observe(program, self._lookup, accept)


def _observe(program: Program, lookup: Lookup, accept: Accept | None = None) -> Recording:
    seen: list[tuple[Observed, ...]] = []
    lost = None
    for _ in range(MOST_RUNS):
        try:
            found: tuple[Observed, ...] = in_fresh_process(lambda: run_here(program, lookup))
        except LostEventsError as error:
            lost = error
            continue
        if found in seen or (not seen and accept is not None and accept(found)):
            return Recording(program, found)
        seen.append(found)
    if lost is not None and not seen:
        raise lost
    raise UnstableProgramError(program.id, MOST_RUNS)


def run_here(program: Program, lookup: Lookup) -> tuple[Observed, ...]:
    """One run, in this process, which keeps what the program leaves behind outside its region."""
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    low, high = program.base, program.base + program.pages * PAGE
    found = []
    with Region(low, program.pages) as region, NotificationLog(low, high, lookup=lookup) as log:
        region.state()
        log.take()
        for operation in program.operations:
            result = region.perform(operation)
            told = log.take()
            found.append(_observed(program, result, told, region))
    return tuple(found)


def _observed(program: Program, result: int, told: list[Notification], region: Region) -> Observed:
    def pages(each: Notification) -> tuple[int, int]:
        return (each.start - program.base) // PAGE, -((program.base - each.end) // PAGE)

    starts = [each for each in told if each.callback == "invalidate_range_start"]
    young = [each for each in told if each.callback in YOUNG]
    return Observed(
        result,
        tuple(map(pages, starts)),
        tuple(each.cause for each in starts),
        tuple((YOUNG[each.callback], *pages(each)) for each in young),
        region.state(),
    )


# --- a process of its own -----------------------------------------------------------------------


def in_fresh_process(function: Callable[[], Any], seconds: float = SECONDS) -> Any:
    """What the function returns, or the exception it raises, called in a forked process.

    Raises:
        ObservationError: if the process dies or takes longer.
    """
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(reader)
        _answer(function, writer)
    os.close(writer)
    try:
        data = _read_all(reader, seconds)
        if data is None:
            os.kill(pid, signal.SIGKILL)
    finally:
        os.close(reader)
        _, status = os.waitpid(pid, 0)
    if data is None:
        raise ObservationError(f"the process did not end in {seconds:g} seconds")
    if not data:
        raise ObservationError(f"the process died with status {status}")
    succeeded, value = pickle.loads(data)
    if succeeded:
        return value
    raise value


def _answer(function: Callable[[], Any], writer: int) -> None:
    """The child's side; it never returns."""
    try:
        try:
            answer = True, function()
        except (MissingMeansError, LostEventsError) as error:
            answer = False, error
        except Exception:
            answer = False, ObservationError(traceback.format_exc())
        with os.fdopen(writer, "wb") as file:
            pickle.dump(answer, file)
    finally:
        os._exit(0)


def _read_all(reader: int, seconds: float) -> bytes | None:
    """Everything until the other end is closed; None if that takes longer."""
    parts: list[bytes] = []
    while True:
        ready, _, _ = select.select([reader], [], [], seconds)
        if not ready:
            return None
        part = os.read(reader, 1 << 20)
        if not part:
            return b"".join(parts)
        parts.append(part)
