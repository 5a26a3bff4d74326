"""System calls that Python has no function for, with errors as OSError.

Calls go through ctypes, which lets other threads run meanwhile: a call may wait for one of them.
"""

from __future__ import annotations

import ctypes
import os
import platform
from collections.abc import Callable
from typing import Any, cast

from shootdown.live.errors import MissingMeansError

_libc = ctypes.CDLL(None, use_errno=True)
_libc.syscall.restype = ctypes.c_long

_ioctl = _libc.ioctl
_ioctl.restype = ctypes.c_int
_ioctl.argtypes = (ctypes.c_int, ctypes.c_ulong, ctypes.c_ulong)

_NEW_NUMBERS = {
    "fsopen": 430, "fsconfig": 431, "fsmount": 432, "process_madvise": 440,
    "process_mrelease": 448, "mseal": 462,
}  # fmt: skip
"""the same on every architecture, as all since Linux 5.1"""

_NUMBERS = {
    "x86_64": {
        "perf_event_open": 298, "userfaultfd": 323, "brk": 12, "remap_file_pages": 216,
        "mbind": 237, "move_pages": 279, **_NEW_NUMBERS,
    },
    "aarch64": {
        "perf_event_open": 241, "userfaultfd": 282, "brk": 214, "remap_file_pages": 234,
        "mbind": 235, "move_pages": 239, **_NEW_NUMBERS,
    },
}  # fmt: skip
"""arch/x86/entry/syscalls/syscall_64.tbl, scripts/syscall.tbl"""


def system_call(name: str, *arguments: int) -> int:
    """The result of a system call by number.

    Raises:
        OSError: with the error of the call.
        MissingMeansError: on a machine whose numbers are not known.
    """
    machine = platform.machine()
    if machine not in _NUMBERS:
        raise MissingMeansError(
            f"the number of {name} on {machine} is not known",
            "to call it",
            f"run this on {' or '.join(_NUMBERS)}",
        )
    result = int(_libc.syscall(*map(ctypes.c_long, (_NUMBERS[machine][name], *arguments))))
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), name)
    return result


def ioctl(fd: int, request: int, argument: int = 0) -> int:
    """ioctl(2): its result. A pointer goes as its address.

    Raises:
        OSError: with the error of the call.
    """
    result = int(_ioctl(fd, request, argument))
    if result < 0:
        raise last_error("ioctl")
    return result


def function_of_libc(name: str, result: type, *arguments: type) -> Callable[..., Any]:
    """A function of the C library, typed; it releases the interpreter while it runs."""
    function: Any = getattr(_libc, name)
    function.restype = result
    function.argtypes = arguments
    return cast(Callable[..., Any], function)


def last_error(name: str) -> OSError:
    """What the function of the C library that failed last said."""
    number = ctypes.get_errno()
    return OSError(number, os.strerror(number), name)
