"""Records the memory system calls of a command, by running it under strace.

strace writes into a named pipe in a private directory and the importer reads it at the other end,
so no text is kept and a slow importer merely slows the command down. Neither root nor any setting
is needed.

*What strace does not see.* The mappings that the kernel makes by itself at `execve`: the segments
of the program and of its interpreter, the stack, the vdso, and the place where the heap begins (the
first `brk(NULL)` of a program tells that). Calls on these, such as the `mprotect` by which the
dynamic linker seals the program's data, are in the trace without the `mmap` that one might look
for. Page faults and memory accesses are not seen either. Times include the cost of tracing.

*Who runs at the same time.* This process, strace, and the command, whose standard streams are ours.

    state       | moves on when
    ------------+-----------------------------------------------------------------------
    started     | the pipe has a writer: strace has opened it
    streaming   | the pipe has no writer any more: strace has ended, or is about to
    ended       | strace has been waited for

strace may die before it opens the pipe, and then the pipe never gets a writer; so the wait for text
also looks at whether strace lives. strace ignores signals while it traces (`-I never`, its default
with `-o`), and ends after the command, with the command's status.

*Signals.* A Ctrl-C of the terminal reaches the command by itself; one sent to this process alone is
passed on to the command, as are SIGTERM and SIGHUP. We only wait: what the command does about it
decides when the recording ends, and the trace is complete up to there. Children that outlive the
command are waited for, as strace does. Only the main thread can install handlers; recording from
another thread passes no signals on.

*When the trace cannot be written* (a full disk), the command is left to run to its end, and then
the error is raised.
"""

from __future__ import annotations

import os
import select
import signal
import subprocess
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType

from shootdown.traces.errors import TraceError
from shootdown.traces.strace_import import write_trace
from shootdown.traces.strace_text import StraceText
from shootdown.traces.strace_tool import StraceTool, find_command, find_strace, why_no_trace
from shootdown.traces.summary import Origin, TraceSummary
from shootdown.traces.trace import TraceWriter

_FORWARDED = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_LOOK_EVERY = 100
"""Milliseconds between looks at whether strace still lives, while the pipe is silent."""


def record(command: list[str], output: str | Path) -> TraceSummary:
    """Runs a command to its end and stores its memory system calls as a trace.

    The command has our standard streams; its exit status is `exit_status` of the summary. Raises
    `TraceError`, and leaves no file, if the command or strace cannot be started or the trace not be
    written; the last is found out before the command runs, unless the disk fills up meanwhile.
    """
    tool = find_strace()
    find_command(command)
    writer = TraceWriter(output, _origin(tool, command))
    try:
        with tempfile.TemporaryDirectory(prefix="shootdown-") as directory:
            return _record(tool, command, writer, os.path.join(directory, "strace"))
    except OSError as problem:
        reason = problem.strerror or str(problem)
        raise TraceError(f"the recording cannot be set up: {reason}", problem.filename) from None
    finally:
        writer.abandon()


def _origin(tool: StraceTool, command: list[str]) -> Origin:
    return Origin(
        command=tuple(os.fsencode(word).decode("utf-8", "backslashreplace") for word in command),
        recorded=datetime.now(UTC).isoformat(timespec="seconds"),
        tools={"strace": tool.version_text, "linux": os.uname().release},
        page_size=os.sysconf("SC_PAGE_SIZE"),
    )


def _record(tool: StraceTool, command: list[str], writer: TraceWriter, pipe: str) -> TraceSummary:
    os.mkfifo(pipe, 0o600)
    reading = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        text = StraceText("strace")
        with _passing_on(text), subprocess.Popen(tool.arguments(pipe, command)) as strace:
            stream = _Pipe(reading, strace)
            try:
                summary = write_trace(text, stream.read, writer, lambda: _status(strace, text))
            except TraceError as problem:
                stream.drain()
                raise (problem if text.root is not None else why_no_trace(tool, command)) from None
    finally:
        os.close(reading)
    return summary


def _status(strace: subprocess.Popen[bytes], text: StraceText) -> int:
    """The command's status, asked for when the text has ended and before the trace is stored."""
    code = strace.wait()
    if not text.executed:
        raise TraceError(
            "the command could not be started: its `execve` failed",
            help="run it without `record` to see why; a script needs `#!` and its interpreter",
        )
    return 128 - code if code < 0 else code


class _Pipe:
    """The reading end: waits for text as long as strace may still write some."""

    def __init__(self, descriptor: int, writer: subprocess.Popen[bytes]) -> None:
        self._descriptor = descriptor
        self._writer = writer
        self._poll = select.poll()
        self._poll.register(descriptor, select.POLLIN)

    def read(self, size: int) -> bytes:
        """Some text, or none if there will be no more."""
        while True:
            alive = self._writer.poll() is None
            if self._poll.poll(_LOOK_EVERY if alive else 0):
                return os.read(self._descriptor, size)
            if not alive:
                return b""

    def drain(self) -> None:
        """Lets strace write to its end, so that it does not stand in the command's way."""
        while self.read(1 << 18):
            pass


@contextmanager
def _passing_on(text: StraceText) -> Iterator[None]:
    """Passes signals on to the command, and restores our own handlers in the end."""

    def pass_on(number: int, frame: FrameType | None) -> None:
        if text.root and not (number == signal.SIGINT and _is_in_foreground()):
            with suppress(ProcessLookupError):
                os.kill(text.root, number)

    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.signal(number, pass_on) for number in _FORWARDED}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _is_in_foreground() -> bool:
    """Whether a Ctrl-C of the terminal reaches our process group, and with it the command."""
    try:
        terminal = os.open("/dev/tty", os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        return os.tcgetpgrp(terminal) == os.getpgrp()
    except OSError:
        return False
    finally:
        os.close(terminal)
