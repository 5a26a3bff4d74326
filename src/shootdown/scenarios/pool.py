"""The scenarios of a question on several cores. Same results, same order, as on one.

What this is: a parent hands out scenarios, one at a time, to forked workers; each worker searches
what it is given and reports. Scenarios share nothing, so who searches one makes no difference; the
parent puts results back in order. Cores for which there is no scenario left go to the searches that
are still under way, as threads: a search looks at its `_Shares` now and then. One scenario alone
needs no other process, only threads.

    worker    | moves on when
    ----------+------------------------------------------------------------------------------
    idle      | the parent sends the number of a scenario
    searching | it sends `done`, or `failed` with the exception, and is idle again
    dead      | never: what it was searching is undecided, and another worker takes its place

Who runs at the same time: the parent only waits and forwards; workers write to a pipe of their own
each, so no lock is shared and a worker killed at any moment leaves nothing locked. When the parent
ends, however it does, the kernel ends its workers, whatever they are doing. The shares are words in
memory that all see; the parent writes them, each worker reads its own, and an old value does no
harm.

The caller must not have threads that hold locks, since workers are forked; and a limit on memory is
divided among the workers, because each search may use up its share.

Where searches are kept on disk, a pool that is stopped first asks its workers to end, which makes a
search under way save itself, and waits for them.
"""

from __future__ import annotations

import ctypes
import mmap
import os
import pickle
import signal
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from multiprocessing import get_context
from multiprocessing.connection import Connection, wait
from multiprocessing.context import ForkProcess
from typing import Any

from shootdown.lang.errors import ModelError
from shootdown.machine.checkpoint import CheckpointError
from shootdown.machine.memory import default_limit
from shootdown.machine.result import Progress
from shootdown.scenarios.case import Case, Question
from shootdown.scenarios.check import ProgressHook, check_case, check_request
from shootdown.scenarios.effort import Effort
from shootdown.scenarios.verdict import Coverage, ScenarioResult

PR_SET_PDEATHSIG = 1
"""linux/prctl.h"""

NoteHook = Callable[[str], None]
Message = tuple[str, Any]


class WorkerBugError(Exception):
    """A worker met an exception that is no mistake of the user; its text is the traceback."""


@dataclass(slots=True)
class _Worker:
    """A forked process and what it is searching."""

    process: ForkProcess
    pipe: Connection
    place: int
    """of its word among the shares"""
    index: int | None = None
    since: float = 0.0


class _Shares:
    """How many cores each of so many workers may use now: a word for each, in shared memory."""

    def __init__(self, cores: int, workers: int) -> None:
        self._cores = cores
        self._memory = mmap.mmap(-1, 8 * workers)
        self._words = memoryview(self._memory).cast("q")

    def divide(self, places: Sequence[int]) -> None:
        """Among the workers that are searching. Fewer of them never means less for one."""
        share, rest = divmod(self._cores, max(len(places), 1))
        for number, place in enumerate(sorted(places)):
            self._words[place] = share + (number < rest)

    def of(self, place: int) -> int:
        """The share of one."""
        return max(self._words[place], 1)


def check_on_cores(
    question: Question,
    cores: int,
    progress: ProgressHook | None = None,
    note: NoteHook | None = None,
) -> Iterator[ScenarioResult]:
    """Search the scenarios of a question on up to so many cores, results in order.

    Raises:
        ModelError: if the target is not a valid model.
        CheckpointError: if what was kept of it cannot be used.
        WorkerBugError: if a worker raised anything else.
    """
    workers = min(cores, len(question.cases))
    if workers <= 1:
        yield from check_request(question, progress, note, threads=cores)
        return
    question.refuse_mistakes()
    pool = _Pool(question, workers, cores, progress, note)
    try:
        yield from pool.results()
    finally:
        pool.stop()


class _Pool:
    """The parent's side."""

    def __init__(
        self,
        question: Question,
        count: int,
        cores: int,
        progress: ProgressHook | None,
        note: NoteHook | None,
    ) -> None:
        self.cases = question.cases
        self.effort = replace(_shared(question.effort, count), threads=cores)
        self.shares = _Shares(cores, count)
        self.shares.divide(range(count))
        self.progress = progress
        self.note = note
        self.started = time.monotonic()
        self.waiting = list(reversed(range(len(self.cases))))
        self.found: dict[int, ScenarioResult | Exception] = {}
        self.workers: list[_Worker] = []
        for place in range(count):
            self._hire(place)

    def results(self) -> Iterator[ScenarioResult]:
        """In order; what is not there yet is waited for."""
        for index in range(len(self.cases)):
            while index not in self.found:
                self._listen()
            result = self.found.pop(index)
            if isinstance(result, Exception):
                raise result
            yield result

    def stop(self) -> None:
        """End every worker, whatever it is doing; one that keeps its search, once it has."""
        try:
            if self.effort.keep:
                for worker in self.workers:
                    worker.process.terminate()
                for worker in self.workers:
                    worker.process.join()
        finally:
            self._kill()

    def _kill(self) -> None:
        for worker in self.workers:
            worker.pipe.close()
            worker.process.kill()
        for worker in self.workers:
            worker.process.join()
        self.workers.clear()

    def _hire(self, place: int) -> None:
        context = get_context("fork")
        here, there = context.Pipe()
        arguments = (there, here, self.cases, os.getpid(), partial(self.shares.of, place))
        process = context.Process(target=_work, args=arguments, daemon=True)
        process.start()
        there.close()
        worker = _Worker(process, here, place)
        self.workers.append(worker)
        self._assign(worker)

    def _assign(self, worker: _Worker) -> None:
        worker.index = self.waiting.pop() if self.waiting else None
        worker.since = time.monotonic()
        self._divide()
        if worker.index is None:
            return
        with suppress(BrokenPipeError):
            left = self.effort.after(time.monotonic() - self.started)
            worker.pipe.send((worker.index, left))

    def _divide(self) -> None:
        """Once no scenario waits, cores without one go to the others."""
        if not self.waiting:
            self.shares.divide([w.place for w in self.workers if w.index is not None])

    def _listen(self) -> None:
        """Wait for anything to happen, and act on it."""
        ready = wait([w.pipe for w in self.workers] + [w.process.sentinel for w in self.workers])
        for worker in list(self.workers):
            if worker.pipe in ready:
                self._receive(worker)
            elif worker.process.sentinel in ready:
                self._bury(worker)

    def _receive(self, worker: _Worker) -> None:
        try:
            kind, content = worker.pipe.recv()
        except (EOFError, OSError, pickle.UnpicklingError):
            self._bury(worker)
            return
        assert worker.index is not None
        if kind == "progress" and self.progress:
            self.progress(self.cases[worker.index].name, content)
        elif kind == "note" and self.note:
            self.note(content)
        elif kind in {"done", "failed"}:
            self.found[worker.index] = content
            self._assign(worker)

    def _bury(self, worker: _Worker) -> None:
        """A worker is dead: what it was searching is undecided."""
        worker.process.join()
        worker.pipe.close()
        self.workers.remove(worker)
        if worker.index is not None:
            seconds = time.monotonic() - worker.since
            reason = _why_dead(worker.process.exitcode)
            self.found[worker.index] = _lost(self.cases[worker.index], seconds, reason)
        self._divide()
        if self.waiting:
            self._hire(worker.place)


def _shared(effort: Effort, workers: int) -> Effort:
    if workers == 1:
        return effort
    total = default_limit() if effort.limits.memory is None else effort.limits.memory
    return replace(effort, limits=replace(effort.limits, memory=total // workers))


def _why_dead(code: int | None) -> str:
    if code is not None and code < 0:
        name = signal.Signals(-code).name if -code in set(signal.Signals) else f"signal {-code}"
        likely = "; the machine may have run out of memory" if code == -signal.SIGKILL else ""
        return f"the process that searched it was killed by {name}{likely}"
    return f"the process that searched it ended with status {code}"


def _lost(case: Case, seconds: float, reason: str) -> ScenarioResult:
    """The result of a scenario whose search did not come back."""
    nothing = Coverage(0, 0, (), ())
    return ScenarioResult(
        case.name,
        "undecided",
        None,
        0,
        0,
        0,
        seconds,
        nothing,
        None,
        reason,
        case.size,
        0,
    )


# --- the worker's side --------------------------------------------------------------------------


def _end_with(parent: int) -> None:
    """The kernel kills this process when the thread that forked it ends (prctl(2))."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # it ended before this could be said
        os._exit(1)


def _work(
    pipe: Connection,
    parents: Connection,
    cases: Sequence[Case],
    parent: int,
    share: Callable[[], int],
) -> None:
    """Search what the parent names until it closes the pipe. Ctrl-C is the parent's business."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    _end_with(parent)
    parents.close()

    def send(kind: str, content: Any) -> None:
        pipe.send((kind, content))

    def report(name: str, progress: Progress) -> None:
        send("progress", progress)

    # KeyboardInterrupt: Ctrl-C while a search was kept, which has saved itself by now
    with suppress(EOFError, BrokenPipeError, ConnectionResetError, KeyboardInterrupt):
        while True:
            index, effort = pipe.recv()
            effort = replace(effort, free=share)
            try:
                result = check_case(cases[index], effort, report, lambda text: send("note", text))
            except (ModelError, CheckpointError) as error:
                send("failed", error)
            except (BrokenPipeError, ConnectionResetError):
                return
            except Exception:
                send("failed", WorkerBugError(traceback.format_exc()))
            else:
                send("done", result)
