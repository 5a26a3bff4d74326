"""From exceptions to messages and exit codes. The only place that knows them all.

Three kinds, never mixed: *your driver* (positions and carets), *your command or file* (`error:` and
`help:`), *our bug* (a reproducer file, exit 70). Only the last one has a traceback, and it is in
the file. The modules that define the errors are imported when something was raised.
"""

from __future__ import annotations

import errno
import os
import platform
import shlex
import signal
import sys
import tempfile
import threading
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType
from typing import Any

import click

from shootdown import __version__

HOLDS, VIOLATED, BAD_INPUT, UNDECIDED, OUR_BUG = 0, 1, 2, 3, 70
INTERRUPTED, TERMINATED, BROKEN_PIPE = 128 + signal.SIGINT, 128 + signal.SIGTERM, 141

_NO_ROOM = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}

LARGEST_INPUT = 200_000
"""characters of a driver that go into a reproducer file"""


class InputError(Exception):
    """A command line that cannot be followed. `help` says what can."""

    def __init__(self, message: str, help: str = "") -> None:
        super().__init__(message)
        self.help = help


class Terminated(BaseException):
    """SIGTERM, raised where the program stands so that it can clean up like after Ctrl-C."""


def guard(run: Callable[[], int], words: Sequence[str]) -> int:
    """Run a command; its exit status, whatever happens, and the message on standard error."""
    try:
        with _terminable():
            status = run()
            sys.stdout.flush()
            return status
    except click.exceptions.Exit as ending:
        return ending.exit_code
    except (KeyboardInterrupt, click.Abort):
        _say("interrupted; what is printed above is complete, the rest was not searched")
        return INTERRUPTED
    except Terminated:
        _say("terminated; what is printed above is complete, the rest was not searched")
        return TERMINATED
    except BrokenPipeError:
        _forget_stdout()
        return BROKEN_PIPE
    except Exception as error:
        message = explain(error) or _full(error)
        if message is not None:
            _say(message)
            return BAD_INPUT
        _say(_our_bug(error, words))
        return OUR_BUG


def explain(error: Exception) -> str | None:
    """What to tell the user about a mistake of theirs; None for a mistake of ours."""
    if isinstance(error, click.ClickException):
        return _usage(error)
    if isinstance(error, InputError):
        return _message(str(error), error.help)
    for describe in (_model, _target, _trace, _replay, _checkpoint, _name, _live):
        message = describe(error)
        if message is not None:
            return message
    return None


def _usage(error: click.ClickException) -> str:
    context = getattr(error, "ctx", None)
    path = context.command_path if context is not None else "shootdown"
    text = error.format_message().rstrip(".")
    return _message(text[:1].lower() + text[1:], f"try `{path} --help`")


def _model(error: Exception) -> str | None:
    from shootdown.lang.errors import ModelError

    if not isinstance(error, ModelError):
        return None
    count = len(error.diagnostics)
    rendered = [diagnostic.render() for diagnostic in error.diagnostics]
    return "\n".join([*rendered, f"{count} error{'' if count == 1 else 's'}"])


def _target(error: Exception) -> str | None:
    from shootdown.scenarios.errors import RunFileError, TargetError

    if isinstance(error, RunFileError):
        return f"{error.file}:{error.line}:1: {_message(str(error), error.help)}"
    return _message(str(error), error.help) if isinstance(error, TargetError) else None


def _trace(error: Exception) -> str | None:
    from shootdown.traces.errors import TraceError

    return str(error) if isinstance(error, TraceError) else None


def _replay(error: Exception) -> str | None:
    """The module with its error is heavy; whoever raised it has imported it."""
    module = sys.modules.get("shootdown.replay.script")
    if module is None or not isinstance(error, module.ReplayError):
        return None
    return _message(str(error), error.help)


def _checkpoint(error: Exception) -> str | None:
    from shootdown.machine.checkpoint import CheckpointError

    return _message(error.message, error.help) if isinstance(error, CheckpointError) else None


def _name(error: Exception) -> str | None:
    """A version or an operation; their messages say what is known."""
    from shootdown.linux.arch.catalogue import UnknownArchitectureError
    from shootdown.linux.operations.catalogue import UnknownOperationError
    from shootdown.linux.version import UnknownVersionError

    if isinstance(error, UnknownVersionError | UnknownOperationError | UnknownArchitectureError):
        what, _, known = str(error).partition("; ")
        return _message(what, known)
    return None


def _live(error: Exception) -> str | None:
    """What the machine lacks, and a file of programs that is none."""
    module = sys.modules.get("shootdown.live.programs")
    if module is not None and isinstance(error, module.ProgramFileError):
        return _message(str(error), "docs/programs.md says what a line of such a file holds")
    module = sys.modules.get("shootdown.live.errors")
    if module is not None and isinstance(error, module.MissingMeansError):
        return _message(f"{error.what}; it is needed {error.why}", error.how)
    return None


def _message(what: str, help: str) -> str:
    return f"error: {what}\nhelp: {help}" if help else f"error: {what}"


# --- our bugs -----------------------------------------------------------------------------------


def _our_bug(error: Exception, words: Sequence[str]) -> str:
    reason = f"{type(error).__name__}: {error}".partition("\n")[0]
    head = f"error: this is a bug in shootdown, not in your driver ({reason})"
    try:
        path = _write_reproducer(error, words)
    except OSError as problem:
        trace = "".join(traceback.format_exception(error))
        return f"{head}\nno reproducer file could be written ({problem.strerror}):\n{trace}"
    return f"{head}\nhelp: please report it with this file: {path}"


def _write_reproducer(error: Exception, words: Sequence[str]) -> Path:
    directory = Path(tempfile.mkdtemp(prefix="shootdown-bug-"))
    path = directory / "report.txt"
    path.write_text("\n".join(_reproducer(error, words)), encoding="utf-8", errors="replace")
    return path


def _reproducer(error: Exception, words: Sequence[str]) -> Iterator[str]:
    yield f"command: shootdown {shlex.join(words)}"
    yield f"directory: {_here()}"
    yield f"shootdown {__version__}, Python {platform.python_version()}, {platform.platform()}"
    yield ", ".join(_versions())
    yield ""
    yield "".join(traceback.format_exception(error))
    for word in words:
        file = Path(word.partition(":")[0])
        if file.suffix == ".py":
            yield f"--- {file}"
            with suppress(OSError):
                yield file.read_text(encoding="utf-8", errors="replace")[:LARGEST_INPUT]


def _here() -> str:
    try:
        return os.getcwd()
    except OSError as problem:
        return f"unknown ({problem.strerror})"


def _versions() -> Iterator[str]:
    from importlib.metadata import PackageNotFoundError, version

    for name in ("click", "llvmlite", "msgspec", "numpy", "pyarrow", "rich"):
        try:
            yield f"{name} {version(name)}"
        except PackageNotFoundError:
            yield f"{name} is missing"


# --- streams and signals ------------------------------------------------------------------------


def _say(text: str) -> None:
    with suppress(OSError, ValueError):
        sys.stdout.flush()
    with suppress(OSError, ValueError):
        click.echo(text, err=True)


def _full(error: Exception) -> str | None:
    """What to tell if there is no room for what is written, which may be standard output."""
    if not isinstance(error, OSError) or error.errno not in _NO_ROOM:
        return None
    try:
        sys.stdout.flush()
    except OSError:
        _forget_stdout()
    return _message(
        f"cannot write any more: {error.strerror}", "the output needs a place with space left"
    )


def _forget_stdout() -> None:
    """It has no reader or no room any more: point it elsewhere, or Python complains at its exit."""
    with suppress(OSError, ValueError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)


@contextmanager
def _terminable() -> Iterator[None]:
    """SIGTERM raises `Terminated` meanwhile."""

    def terminate(number: int, frame: FrameType | None) -> None:
        raise Terminated

    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before: Any = signal.signal(signal.SIGTERM, terminate)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
