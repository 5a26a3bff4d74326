"""Touching many pages in order through the kernel's copy routines, with few system calls.

A vector of one byte in each page is written to a pipe to read the pages, and read from /dev/zero to
write them. The kernel goes through a vector in order and takes the faults on the way; where a page
cannot be touched it stops. There is no signal, and nothing but the faults is seen in the pages.
"""

from __future__ import annotations

import ctypes
import errno
import os
from array import array
from collections.abc import Iterator

from shootdown.live.memory import PAGE
from shootdown.live.system import function_of_libc, last_error

MOST = 1024
"""parts of a vector (UIO_MAXIOV, include/uapi/linux/uio.h)"""

_vectored = (ctypes.c_ssize_t, ctypes.c_int, ctypes.c_void_p, ctypes.c_int)
_readv, _writev = (function_of_libc(name, *_vectored) for name in ("readv", "writev"))


class Toucher:
    """A pipe and /dev/zero, to be closed."""

    def __init__(self) -> None:
        self._end, self._pipe = os.pipe()
        self._zero = os.open("/dev/zero", os.O_RDONLY | os.O_CLOEXEC)

    def close(self) -> None:
        for fd in (self._end, self._pipe, self._zero):
            os.close(fd)

    def read(self, start: int, count: int) -> None:
        """So many pages, up to the first that cannot be read.

        Raises:
            OSError: EFAULT, if there is one.
        """
        for vector in _vectors(start, count):
            parts = len(vector) // 2
            done = _writev(self._pipe, vector.buffer_info()[0], parts)
            if done < 0:
                raise last_error("writev")
            os.read(self._end, done)
            if done < parts:
                raise OSError(errno.EFAULT, os.strerror(errno.EFAULT), "writev")

    def write(self, start: int, count: int) -> None:
        """So many pages, up to the first that cannot be written.

        Raises:
            OSError: EFAULT, if there is one.
        """
        for vector in _vectors(start, count):
            parts = len(vector) // 2
            done = _readv(self._zero, vector.buffer_info()[0], parts)
            if done < 0:
                raise last_error("readv")
            if done < parts:
                raise OSError(errno.EFAULT, os.strerror(errno.EFAULT), "readv")


def _vectors(start: int, count: int) -> Iterator[array[int]]:
    """struct iovec: address and length, again and again."""
    for first in range(0, count, MOST):
        vector = array("Q", bytes(16 * min(MOST, count - first)))
        vector[0::2] = array(
            "Q", range(start + first * PAGE, start + (first + len(vector) // 2) * PAGE, PAGE)
        )
        vector[1::2] = array("Q", [1]) * (len(vector) // 2)
        yield vector
