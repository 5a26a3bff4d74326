"""A small process that forks another one for each program, and the way to talk to it.

A process that is forked from a large one has all of its page tables to copy and to give back; with
a model, an interpreter full of modules and the symbols of the kernel, that takes longer than the
program. So programs run in children of a fresh interpreter that has loaded nothing but what they
need: `serve` is its main loop, `Server` the other end.

A request is a program and how much room it gets for events; the answer is written by the child
itself, or by the server where the child could not. One request is under way at a time. When its
owner is gone the server reads the end of its input and goes too.
"""

from __future__ import annotations

import gc
import marshal
import os
import select
import signal
import struct
import subprocess
import sys
import traceback
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from shootdown.live.callbacks import LostEventsError
from shootdown.live.errors import MissingMeansError
from shootdown.live.programs import Program
from shootdown.live.run import Row, run_here
from shootdown.live.tracepoints import Field, Tracepoint

_length = struct.Struct("=I")
_ROOT = Path(__file__).parents[2]
_CODE = """
import sys
sys.path.insert(0, sys.argv[1])
from shootdown.live.server import serve
serve()
"""

_DONE, _LOST, _MISSING, _FAILED = "done", "lost", "missing", "failed"


class ObservationError(Exception):
    """The process that ran a program died, or did not end."""


class EndlessProgramError(ObservationError):
    """The kernel did not come to the end of a program."""


class Server:
    """The other end: started with the first request, again after a program that did not end."""

    def __init__(self, tracepoints: Sequence[Tracepoint], seconds: float) -> None:
        """A program may take so many seconds."""
        self._tracepoints = [_plain(tracepoint) for tracepoint in tracepoints]
        self._seconds = seconds
        self._process: subprocess.Popen[bytes] | None = None

    def close(self) -> None:
        """Whatever it is doing."""
        process, self._process = self._process, None
        if process is None:
            return
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                pipe.close()

    def run(self, program: Program, room: int) -> list[Row]:
        """One run of a program in a process of its own.

        Raises:
            LostEventsError: if so many pages were too little room for events.
            MissingMeansError: for a device, a right or a feature that is not there.
            ObservationError: if it does not come to its end.
        """
        if self._process is None:
            self._process = _start()
            _send(_fd(self._process.stdin), self._tracepoints)
        try:
            _send(_fd(self._process.stdin), (*_parts(program), room))
            kind, value = _receive(_fd(self._process.stdout), self._seconds)
        except TimeoutError as error:
            self.close()
            raise EndlessProgramError(f"program {program.id}: {error}") from error
        except (OSError, EOFError) as error:
            self.close()
            raise ObservationError(f"program {program.id}: {error or 'no answer'}") from error
        return _result(kind, value)


def _result(kind: str, value: Any) -> list[Row]:
    if kind == _LOST:
        raise LostEventsError(value)
    if kind == _MISSING:
        raise MissingMeansError(*value)
    if kind == _FAILED:
        raise ObservationError(value)
    rows: list[Row] = value
    return rows


def _start() -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-I", "-S", "-c", _CODE, str(_ROOT)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        start_new_session=True,
    )


def _fd(pipe: Any) -> int:
    number: int = pipe.fileno()
    return number


def _plain(tracepoint: Tracepoint) -> tuple[Any, ...]:
    fields = [(f.name, f.type, f.offset, f.size, f.signed) for f in tracepoint.fields]
    return tracepoint.system, tracepoint.name, tracepoint.id, fields


def _parts(program: Program) -> tuple[Any, ...]:
    return program.id, program.profile, program.base, program.pages, program.operations


# --- messages -----------------------------------------------------------------------------------


def _send(fd: int, value: Any) -> None:
    data = marshal.dumps(value)
    data = _length.pack(len(data)) + data
    while data:
        data = data[os.write(fd, data) :]


def _receive(fd: int, seconds: float | None = None) -> Any:
    (size,) = _length.unpack(_read(fd, _length.size, seconds))
    return marshal.loads(_read(fd, size, seconds))


def _read(fd: int, size: int, seconds: float | None) -> bytes:
    parts = []
    while size:
        if seconds is not None and not select.select([fd], [], [], seconds)[0]:
            raise TimeoutError(f"it did not end in {seconds:g} seconds")
        part = os.read(fd, size)
        if not part:
            raise EOFError("the process that runs programs is gone")
        parts.append(part)
        size -= len(part)
    return b"".join(parts)


# --- the process itself -------------------------------------------------------------------------


def serve() -> None:
    """Until there are no more requests. What is forked is not searched for garbage, which would
    touch, and so copy, all of it."""
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    requests, answers = 0, os.dup(1)
    os.dup2(2, 1)
    tracepoints = [
        Tracepoint(system, name, number, tuple(Field(*field) for field in fields))
        for system, name, number, fields in _receive(requests)
    ]
    gc.disable()
    gc.freeze()
    with suppress(EOFError, BrokenPipeError):
        while True:
            *parts, room = _receive(requests)
            pid = os.fork()
            if pid == 0:
                _answer(Program(*parts), tracepoints, room, answers)
            _, status = os.waitpid(pid, 0)
            if status:
                _send(answers, (_FAILED, f"program {parts[0]} died with status {status}"))


def _answer(program: Program, tracepoints: Sequence[Tracepoint], room: int, answers: int) -> None:
    """The child's side; it never returns."""
    status = 1
    try:
        _send(answers, _try(program, tracepoints, room))
        status = 0
    finally:
        os._exit(status)


def _try(program: Program, tracepoints: Sequence[Tracepoint], room: int) -> tuple[str, Any]:
    try:
        return _DONE, run_here(program, tracepoints, room)
    except LostEventsError as error:
        return _LOST, error.count
    except MissingMeansError as error:
        return _MISSING, (error.what, error.why, error.how)
    except Exception:
        return _FAILED, traceback.format_exc()
