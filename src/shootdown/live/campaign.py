"""Many programs on the running kernel, on several processes; outcomes in the order of the programs.

Program number n goes to worker n modulo their number, so what a worker does depends on nobody else,
and outcomes are read in turn. Each worker keeps to a CPU of its own: two programs never take turns
on one. A worker has at most AHEAD programs before it, and stops when nobody reads its outcomes, so
memory is bounded however many programs there are.

Workers are forked; the caller must not have threads that hold locks.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import suppress
from itertools import islice
from multiprocessing import get_context
from multiprocessing.connection import Connection
from multiprocessing.context import ForkProcess

from shootdown.live.observe import ObservationError, Observer, UnstableProgramError
from shootdown.live.programs import ARGUMENTS, Program, Recording

Outcome = Recording | UnstableProgramError
"""what was observed, or that no two runs agreed"""

AHEAD = 8


def observe_all(programs: Iterable[Program], workers: int = 1) -> Iterator[Outcome]:
    """Every program, in order.

    Raises:
        MissingMeansError: for a device, a right or a feature that is not there.
        ObservationError: if a program does not come to its end, or a worker dies.
    """
    queue = iter(programs)
    crew = [_Worker(number) for number in range(max(workers, 1))]
    try:
        for program in islice(queue, len(crew) * AHEAD):
            crew[program_turn(crew)].give(program)
        turn = 0
        while crew[turn].waiting:
            yield crew[turn].take()
            for program in islice(queue, 1):
                crew[turn].give(program)
            turn = (turn + 1) % len(crew)
    finally:
        for worker in crew:
            worker.stop()


def program_turn(crew: list[_Worker]) -> int:
    """Whose turn it is at the beginning, when programs are dealt out."""
    return sum(worker.waiting for worker in crew) % len(crew)


def count_operations(recordings: Iterable[Recording]) -> Counter[str]:
    """How often each operation was performed, those never performed too."""
    found = Counter(dict.fromkeys(ARGUMENTS, 0))
    for recording in recordings:
        found.update(str(operation[0]) for operation in recording.program.operations)
    return found


class _Worker:
    """The parent's view of a process."""

    def __init__(self, number: int) -> None:
        context = get_context("fork")
        self._pipe, there = context.Pipe()
        self._process: ForkProcess = context.Process(
            target=_work, args=(there, self._pipe, number), daemon=True
        )
        self._process.start()
        there.close()
        self.waiting = 0
        """programs given whose outcomes have not been taken"""

    def give(self, program: Program) -> None:
        with suppress(BrokenPipeError):  # it died: `take` says so
            self._pipe.send(program)
        self.waiting += 1

    def take(self) -> Outcome:
        try:
            outcome = self._pipe.recv()
        except (EOFError, OSError) as error:
            self._process.join()
            raise ObservationError(
                f"a process that observes died with status {self._process.exitcode}"
            ) from error
        self.waiting -= 1
        if isinstance(outcome, Exception) and not isinstance(outcome, UnstableProgramError):
            raise outcome
        answer: Outcome = outcome
        return answer

    def stop(self) -> None:
        """Whatever it is doing."""
        self._pipe.close()
        self._process.kill()
        self._process.join()


def _work(pipe: Connection, parents: Connection, number: int) -> None:
    """The worker: until there are no more programs."""
    parents.close()
    cpus = sorted(os.sched_getaffinity(0))
    os.sched_setaffinity(0, {cpus[number % len(cpus)]})
    with suppress(EOFError, BrokenPipeError, ConnectionResetError):
        try:
            with Observer() as observer:
                while True:
                    pipe.send(_observe(observer, pipe.recv()))
        except (EOFError, BrokenPipeError, ConnectionResetError):
            raise
        except Exception as error:
            pipe.send(error)


def _observe(observer: Observer, program: Program) -> Outcome:
    try:
        return observer.observe(program)
    except UnstableProgramError as error:
        return error
