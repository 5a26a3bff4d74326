"""Recording real commands with the real strace."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from shootdown.traces import TraceError, load
from shootdown.traces.record import record
from shootdown.traces.strace_tool import StraceTool, why_no_trace

PYTHON = os.path.realpath(sys.executable)


def _why_not() -> str | None:
    if shutil.which("strace") is None:
        return "strace is not installed"
    tried = subprocess.run(["strace", "-o", "/dev/null", "true"], capture_output=True, check=False)
    return None if tried.returncode == 0 else f"strace does not work: {tried.stderr.decode()}"


needs_strace = pytest.mark.skipif(_why_not() is not None, reason=_why_not() or "")


@needs_strace
def test_true(tmp_path: Path) -> None:
    """The smallest program: one process, one space, from its execve to its end."""
    output = tmp_path / "trace"
    summary = record(["/bin/true"], output)
    rows = [row.call for row in load(output).calls()]
    assert (summary.processes, summary.spaces, summary.exit_status) == (1, 1, 0)
    assert (summary.skipped, summary.warnings, summary.clock) == (0, {}, "epoch")
    assert (rows[0], rows[1], rows[-2], rows[-1]) == ("execve", "brk", "exit_group", "exit_mmap")
    assert load(output).origin.command == ("/bin/true",)


@needs_strace
def test_fork(tmp_path: Path) -> None:
    """A fork makes a second space, which ends before the first."""
    output = tmp_path / "trace"
    summary = record([PYTHON, "-S", "-c", "import os; os.fork() or os._exit(0); os.wait()"], output)
    rows = list(load(output).calls())
    [forked] = [row for row in rows if row.child]
    ends = [row.pid for row in rows if row.call == "exit_mmap"]
    assert (summary.processes, summary.exit_status, summary.skipped) == (2, 0, 0)
    assert ends == [forked.child, forked.pid]


THREADS = """
import mmap, threading
def work():
    for _ in range(300):
        m = mmap.mmap(-1, 1 << 16); m[0] = 1; m.close()
threads = [threading.Thread(target=work) for _ in range(3)]
[thread.start() for thread in threads]; [thread.join() for thread in threads]
"""


@needs_strace
def test_no_page_is_mapped_before_it_is_free(tmp_path: Path) -> None:
    """Threads that race for addresses come out in an order in which nothing is mapped twice."""
    output = tmp_path / "trace"
    summary = record([PYTHON, "-S", "-c", THREADS], output)
    mapped: set[int] = set()
    for row in load(output).calls():
        pages = range(
            (row.address or 0) >> 12, ((row.address or 0) + (row.length or 0) + 4095) >> 12
        )
        if row.call == "mmap":
            assert row.flags is not None
            assert row.flags & 0x10 or mapped.isdisjoint(pages)
            mapped.update(pages)
        elif row.call == "munmap":
            mapped.difference_update(pages)
    assert (summary.processes, summary.spaces, summary.skipped) == (1, 1, 0)
    assert summary.by_call["mmap"] > 900


@needs_strace
def test_streams_and_status_pass_through(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """The command's output and exit status are its own."""
    summary = record(["sh", "-c", "echo out; echo err >&2; exit 7"], tmp_path / "trace")
    assert capfd.readouterr() == ("out\n", "err\n")
    assert summary.exit_status == 7


@needs_strace
def test_killed(tmp_path: Path) -> None:
    """A command killed by a signal has 128 plus its number, and its space ends."""
    output = tmp_path / "trace"
    assert record(["sh", "-c", "kill -TERM $$"], output).exit_status == 143
    assert list(load(output).calls())[-1].call == "exit_mmap"


@needs_strace
def test_a_signal_is_passed_on(tmp_path: Path) -> None:
    """SIGTERM to the recorder ends the command; the trace is complete and nothing else is left."""
    scratch, output = tmp_path / "scratch", tmp_path / "trace"
    scratch.mkdir()
    code = (
        "import sys; from shootdown.traces.record import record;"
        f"sys.exit(record(['sh', '-c', 'echo ready; exec sleep 30'], {str(output)!r}).exit_status)"
    )
    environment = {
        "PYTHONPATH": ":".join(sys.path),
        "TMPDIR": str(scratch),
        "PATH": os.environ["PATH"],
    }
    recorder = subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, env=environment
    )
    assert recorder.stdout is not None
    assert recorder.stdout.readline() == b"ready\n"
    time.sleep(0.2)
    recorder.send_signal(signal.SIGTERM)
    recorder.stdout.close()
    assert load_after(recorder, output)
    assert list(scratch.iterdir()) == []
    assert [path.name for path in tmp_path.iterdir() if path != scratch] == ["trace"]


def load_after(recorder: subprocess.Popen[bytes], output: Path) -> bool:
    """Whether the recorder ended with the status of SIGTERM and left a readable trace."""
    return recorder.wait(timeout=40) == 143 and load(output).totals.exit_status == 143


@needs_strace
def test_a_disk_that_fills_up(tmp_path: Path) -> None:
    """The command runs to its end all the same; then the error is raised and nothing is left."""
    code = (
        "import resource; from shootdown.traces.record import record;"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000));"
        f"record(['sh', '-c', 'true; echo end'], {str(tmp_path / 'trace')!r})"
    )
    environment = {"PYTHONPATH": ":".join(sys.path), "PATH": os.environ["PATH"]}
    ran = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, check=False, env=environment
    )
    assert ran.stdout == b"end\n"
    assert b"error: the trace cannot be written: File too large" in ran.stderr
    assert list(tmp_path.iterdir()) == []


@needs_strace
@pytest.mark.parametrize(
    ("command", "message"),
    [
        ([], "no command to record"),
        (["no-such-command"], "command not found: `no-such-command`"),
        (["/etc/passwd"], "command not executable: `/etc/passwd`"),
    ],
)
def test_a_command_that_cannot_be_started(tmp_path: Path, command: list[str], message: str) -> None:
    """A command that does not exist is refused by name, and no file is made."""
    with pytest.raises(TraceError) as caught:
        record(command, tmp_path / "trace")
    assert caught.value.message == message
    assert list(tmp_path.iterdir()) == []


@needs_strace
def test_a_command_that_does_not_execute(tmp_path: Path) -> None:
    """A file that claims to be a program and is none leaves no trace."""
    script = tmp_path / "script"
    script.write_bytes(b"\0\0\0\0")
    script.chmod(0o755)
    with pytest.raises(TraceError, match="could not be started: its `execve` failed"):
        record([str(script)], tmp_path / "trace")
    assert [path.name for path in tmp_path.iterdir()] == ["script"]


@needs_strace
def test_an_output_that_cannot_be_written_is_told_first(tmp_path: Path) -> None:
    """The command is not run when its trace cannot be written."""
    ran = tmp_path / "ran"
    with pytest.raises(TraceError, match="the trace cannot be written: No such file or directory"):
        record(["touch", str(ran)], tmp_path / "none" / "trace")
    assert not ran.exists()


def test_without_strace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A missing strace is told with the package to install."""
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(TraceError) as caught:
        record(["/bin/true"], tmp_path / "trace")
    assert caught.value.message == "strace is not installed, and recording needs it"
    assert "install the package `strace`" in str(caught.value.help)
    assert list(tmp_path.iterdir()) == []


def test_tracing_not_permitted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """When the kernel forbids tracing, the error quotes strace and says what to change."""
    tool = tmp_path / "strace"
    tool.write_text(
        "#!/bin/sh\n"
        '[ "$1" = -V ] && { echo "strace -- version 6.1"; exit 0; }\n'
        'echo "strace: ptrace(PTRACE_TRACEME, ...): Operation not permitted" >&2\nexit 1\n'
    )
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    with pytest.raises(TraceError) as caught:
        record(["/bin/true"], tmp_path / "trace")
    assert caught.value.message == (
        "tracing is not permitted here "
        "(strace: ptrace(PTRACE_TRACEME, ...): Operation not permitted)"
    )
    assert "--cap-add=SYS_PTRACE" in str(caught.value.help)
    assert [path.name for path in tmp_path.iterdir()] == ["strace"]


def test_options_follow_the_version() -> None:
    """An old strace is not given options it does not know."""
    assert "--seccomp-bpf" in StraceTool("strace", (5, 3)).arguments("out", ["true"])
    assert "--seccomp-bpf" not in StraceTool("strace", (5, 2)).arguments("out", ["true"])
    assert why_no_trace(StraceTool("/bin/true", (6, 1)), ["x"]).message == (
        "the command could not be started: `x`"
    )
