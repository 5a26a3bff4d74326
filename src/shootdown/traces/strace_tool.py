"""The strace program: whether it is there, what it can do, how it is called, why it fails."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from shootdown.traces.call import CALLS
from shootdown.traces.errors import TraceError

_version = re.compile(r"version (\d+)\.(\d+)").search

_SECCOMP_SINCE = (5, 3)
_NAMESPACES_SINCE = (5, 9)

_SCOPE = Path("/proc/sys/kernel/yama/ptrace_scope")


@dataclass(frozen=True, slots=True)
class StraceTool:
    """An installed strace."""

    path: str
    version: tuple[int, int]

    @property
    def version_text(self) -> str:
        """As strace's own releases are named."""
        return ".".join(map(str, self.version))

    def arguments(self, output: str, command: list[str]) -> list[str]:
        """The command line that traces a command into a file.

        The signals of children are left out and strings are not printed; calls that a machine does
        not have are passed over (`?`). With `--seccomp-bpf` the kernel stops the command only at
        these calls, instead of at all.
        """
        calls = ",".join(f"?{name}" for name in (*CALLS, "mmap2"))
        options = ["-f", "-ttt", "-s", "0", "-e", "signal=!chld", "-e", f"trace={calls}"]
        if self.version >= _SECCOMP_SINCE:
            options.append("--seccomp-bpf")
        if self.version >= _NAMESPACES_SINCE:
            options.append("--pidns-translation")
        return [self.path, *options, "-o", output, "--", *command]


def find_strace() -> StraceTool:
    """The strace on the path, or how to get one."""
    path = shutil.which("strace")
    if path is None:
        raise TraceError(
            "strace is not installed, and recording needs it",
            help="install the package `strace` (apt install strace, dnf install strace, apk add "
            "strace), or import text recorded elsewhere with `strace -f -ttt -o TEXT COMMAND`",
        )
    told = subprocess.run([path, "-V"], capture_output=True, check=False, encoding="latin-1")
    found = _version(told.stdout)
    if found is None:
        raise TraceError(f"{path} does not say its version, so it is not strace", help="check PATH")
    return StraceTool(path, (int(found.group(1)), int(found.group(2))))


def find_command(command: list[str]) -> None:
    """Refuses a command that cannot be started, before anything is."""
    if not command:
        raise TraceError("no command to record", help="write it after `--`: record -o FILE -- CMD")
    if shutil.which(command[0]) is None:
        there = os.path.exists(command[0])
        raise TraceError(
            f"command not {'executable' if there else 'found'}: `{command[0]}`",
            help="give a program on the PATH, or its path; `sh -c '…'` for a line of shell",
        )


def why_no_trace(tool: StraceTool, command: list[str]) -> TraceError:
    """The reason why strace recorded nothing, found out by tracing something harmless."""
    trial = [tool.path, "-o", "/dev/null", "-e", "trace=none", "--", tool.path, "-V"]
    tried = subprocess.run(trial, capture_output=True, check=False, encoding="latin-1")
    complaint = next(iter(tried.stderr.splitlines()), "")
    if tried.returncode == 0:
        return TraceError(f"the command could not be started: `{command[0]}`")
    if "not permitted" in tried.stderr or "denied" in tried.stderr.lower():
        return TraceError(f"tracing is not permitted here ({complaint})", help=_remedy())
    return TraceError(f"strace does not work here: {complaint}", help=f"try `{' '.join(trial)}`")


def _remedy() -> str:
    """What forbids tracing, as far as can be told."""
    try:
        scope = int(_SCOPE.read_text())
    except (OSError, ValueError):
        scope = 0
    if scope >= 2:
        return f"{_SCOPE} is {scope}, so only root may trace" + (
            " until the next boot" if scope == 3 else ": run as root, or set it to 1"
        )
    return (
        "in a container, start it with `--cap-add=SYS_PTRACE` and a seccomp profile that allows "
        "ptrace; if this process is itself being traced, stop that"
    )
