"""tracefs: where it is mounted, and how to read it where it is not.

A file system can be mounted without a place in the tree (fsopen(2), fsmount(2), Linux 5.2): it is
then reached through a file descriptor, nobody else sees it, and it is gone when that is closed. So
whoever may mount can look tracepoints up without leaving a trace on the system.
"""

from __future__ import annotations

import ctypes
import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from shootdown.live.errors import MissingMeansError, is_refusal
from shootdown.live.system import system_call

MOUNTS = Path("/proc/self/mounts")
WHY = "to look up the numbers and fields of tracepoints"

_CLOSE_ON_EXEC = 1
_CREATE = 6
"""FSCONFIG_CMD_CREATE"""


def find_tracefs(mounts: Path = MOUNTS) -> Path | None:
    """Where tracefs is mounted, by itself or below debugfs."""
    found = [row.split() for row in mounts.read_text(encoding="utf-8").splitlines()]
    for wanted, below in (("tracefs", ""), ("debugfs", "tracing")):
        for row in found:
            if len(row) > 2 and row[2] == wanted:
                return Path(row[1].encode().decode("unicode_escape")) / below
    return None


@contextmanager
def open_tracefs(mounts: Path = MOUNTS) -> Iterator[Path]:
    """tracefs as a folder: where it is mounted, else mounted for this block alone.

    Raises:
        MissingMeansError: if it can be had neither way.
    """
    place = find_tracefs(mounts)
    if place is not None:
        yield place
        return
    fd = _mount_nowhere()
    try:
        yield Path(f"/proc/self/fd/{fd}")
    finally:
        os.close(fd)


def _mount_nowhere() -> int:
    name = ctypes.create_string_buffer(b"tracefs")
    try:
        context = system_call("fsopen", ctypes.addressof(name), _CLOSE_ON_EXEC)
        try:
            system_call("fsconfig", context, _CREATE, 0, 0, 0)
            return system_call("fsmount", context, _CLOSE_ON_EXEC, 0)
        finally:
            os.close(context)
    except OSError as error:
        if error.errno == errno.ENODEV:
            raise MissingMeansError(
                "this kernel has no tracefs", WHY, "use a kernel built with CONFIG_FTRACE"
            ) from error
        if is_refusal(error) or error.errno == errno.ENOSYS:
            raise MissingMeansError(
                "tracefs is not mounted",
                WHY,
                "as root: mount -t tracefs tracefs /sys/kernel/tracing",
            ) from error
        raise
