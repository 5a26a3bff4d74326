"""The scenarios of a question on several processes. Same results, same order, as on one.

What this is: a parent hands out scenarios, one at a time, to forked workers; each worker searches
what it is given and reports. Scenarios share nothing, so who searches one makes no difference; the
parent puts results back in order.

    worker    | moves on when
    ----------+------------------------------------------------------------------------------
    idle      | the parent sends the number of a scenario
    searching | it sends `done`, or `failed` with the exception, and is idle again
    dead      | never: what it was searching is undecided, and another worker takes its place

Who runs at the same time: the parent only waits and forwards; workers write to a pipe of their own
each, so no lock is shared and a worker killed at any moment leaves nothing locked. A worker whose
parent is gone notices at its next progress report, which cannot be written, and ends.

The caller must not have threads that hold locks, since workers are forked; and a limit on memory is
divided among the workers, because each search may use up its share.
"""

from __future__ import annotations

import os
import pickle
import signal
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from multiprocessing import get_context
from multiprocessing.connection import Connection, wait
from multiprocessing.context import ForkProcess
from typing import Any

from shootdown.lang.errors import ModelError
from shootdown.machine.memory import default_limit
from shootdown.machine.result import Progress
from shootdown.scenarios.case import Case, Question
from shootdown.scenarios.check import ProgressHook, check_case
from shootdown.scenarios.effort import Effort
from shootdown.scenarios.verdict import Coverage, ScenarioResult

NoteHook = Callable[[str], None]
Message = tuple[str, Any]


class WorkerBugError(Exception):
    """A worker met an exception that is no mistake of the user; its text is the traceback."""


@dataclass(slots=True)
class _Worker:
    """A forked process and what it is searching."""

    process: ForkProcess
    pipe: Connection
    index: int | None = None
    since: float = 0.0


def check_in_pool(
    question: Question,
    workers: int,
    progress: ProgressHook | None = None,
    note: NoteHook | None = None,
) -> Iterator[ScenarioResult]:
    """Search the scenarios of a question on up to `workers` processes, results in order.

    Raises:
        ModelError: if the target is not a valid model.
        WorkerBugError: if a worker raised anything else.
    """
    question.refuse_mistakes()
    pool = _Pool(question, min(workers, len(question.cases)), progress, note)
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
        progress: ProgressHook | None,
        note: NoteHook | None,
    ) -> None:
        self.cases = question.cases
        self.effort = _shared(question.effort, count)
        self.progress = progress
        self.note = note
        self.started = time.monotonic()
        self.waiting = list(reversed(range(len(self.cases))))
        self.found: dict[int, ScenarioResult | Exception] = {}
        self.workers: list[_Worker] = []
        for _ in range(count):
            self._hire()

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
        """End every worker, whatever it is doing."""
        for worker in self.workers:
            worker.pipe.close()
            worker.process.kill()
        for worker in self.workers:
            worker.process.join()
        self.workers.clear()

    def _hire(self) -> None:
        context = get_context("fork")
        here, there = context.Pipe()
        arguments = (there, here, self.cases, os.getpid())
        process = context.Process(target=_work, args=arguments, daemon=True)
        process.start()
        there.close()
        worker = _Worker(process, here)
        self.workers.append(worker)
        self._assign(worker)

    def _assign(self, worker: _Worker) -> None:
        worker.index = None
        if not self.waiting:
            return
        worker.index, worker.since = self.waiting.pop(), time.monotonic()
        with suppress(BrokenPipeError):
            left = self.effort.after(time.monotonic() - self.started)
            worker.pipe.send((worker.index, left))

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
        if self.waiting:
            self._hire()


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


def _work(pipe: Connection, parents: Connection, cases: Sequence[Case], parent: int) -> None:
    """Search what the parent names until it closes the pipe. Ctrl-C is the parent's business."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    parents.close()

    def send(kind: str, content: Any) -> None:
        if os.getppid() != parent:
            os._exit(1)
        pipe.send((kind, content))

    def report(name: str, progress: Progress) -> None:
        send("progress", progress)

    with suppress(EOFError, BrokenPipeError, ConnectionResetError):
        while True:
            index, effort = pipe.recv()
            try:
                result = check_case(cases[index], effort, report, lambda text: send("note", text))
            except ModelError as error:
                send("failed", error)
            except (BrokenPipeError, ConnectionResetError):
                return
            except Exception:
                send("failed", WorkerBugError(traceback.format_exc()))
            else:
                send("done", result)
