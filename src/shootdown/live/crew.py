"""Tasks on several processes; outcomes in the order of the tasks.

Task number n goes to worker n modulo their number, so what a worker does depends on nobody else,
and outcomes are read in turn. Each worker keeps to a CPU of its own: two tasks never take turns on
one. A worker has at most AHEAD tasks before it, and stops when nobody reads its outcomes, so memory
is bounded however many tasks there are.

Workers are forked; the caller must not have threads that hold locks.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Generator, Iterable
from contextlib import AbstractContextManager, suppress
from itertools import islice
from multiprocessing import get_context
from multiprocessing.connection import Connection
from multiprocessing.context import ForkProcess
from typing import Generic, TypeVar

Task = TypeVar("Task")
Outcome = TypeVar("Outcome")

Skill = Callable[[], AbstractContextManager[Callable[[Task], Outcome]]]
"""what a worker opens once, to do its tasks with"""

AHEAD = 8


class WorkerError(Exception):
    """A process that does tasks died."""


def do_all(
    tasks: Iterable[Task], skill: Skill[Task, Outcome], workers: int = 1
) -> Generator[Outcome, None, None]:
    """Every task, in order.

    Raises:
        WorkerError: if a worker dies.
        Exception: what a worker raised.
    """
    queue = iter(tasks)
    crew: list[_Worker[Task, Outcome]] = []
    try:
        for number in range(max(workers, 1)):
            crew.append(_Worker(number, skill))
        for number, task in enumerate(islice(queue, len(crew) * AHEAD)):
            crew[number % len(crew)].give(task)
        turn = 0
        while crew[turn].waiting:
            yield crew[turn].take()
            for task in islice(queue, 1):
                crew[turn].give(task)
            turn = (turn + 1) % len(crew)
    finally:
        for worker in crew:
            worker.stop()


class _Worker(Generic[Task, Outcome]):
    """The parent's view of a process."""

    def __init__(self, number: int, skill: Skill[Task, Outcome]) -> None:
        context = get_context("fork")
        self._pipe, there = context.Pipe()
        self._process: ForkProcess = context.Process(
            target=_work, args=(there, self._pipe, number, skill), daemon=True
        )
        self._process.start()
        there.close()
        self.waiting = 0
        """tasks given whose outcomes have not been taken"""

    def give(self, task: Task) -> None:
        with suppress(BrokenPipeError):  # it died: `take` says so
            self._pipe.send(task)
        self.waiting += 1

    def take(self) -> Outcome:
        try:
            succeeded, outcome = self._pipe.recv()
        except (EOFError, OSError) as error:
            self._process.join()
            raise WorkerError(f"a worker died with status {self._process.exitcode}") from error
        self.waiting -= 1
        if not succeeded:
            raise outcome
        answer: Outcome = outcome
        return answer

    def stop(self) -> None:
        """Whatever it is doing."""
        self._pipe.close()
        self._process.kill()
        self._process.join()


def _work(pipe: Connection, parents: Connection, number: int, skill: Skill[Task, Outcome]) -> None:
    """The worker: until there are no more tasks, or nobody is there to give them. An interrupt from
    the keyboard is for the parent, who stops it then."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parents.close()
    cpus = sorted(os.sched_getaffinity(0))
    os.sched_setaffinity(0, {cpus[number % len(cpus)]})
    with suppress(EOFError, BrokenPipeError, ConnectionResetError):
        try:
            with skill() as do:
                while True:
                    pipe.send((True, do(pipe.recv())))
        except (EOFError, BrokenPipeError, ConnectionResetError):
            raise
        except Exception as error:
            pipe.send((False, error))
