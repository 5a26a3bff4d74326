"""Big arrays that cost only what is used of them.

A mapping is reserved at the full size it may ever need and never moves; the kernel gives it
memory page by page as it is touched, in huge pages where it can, since
a search touches memory all over the place and small pages would each cost a walk of the page table.
"""

from __future__ import annotations

import mmap
from contextlib import suppress
from typing import Any

import numpy as np
from numpy.typing import NDArray

HUGE = 2 << 20
SLACK = 8
"""bytes behind an array that may be read, since a narrow element is read as a word"""
_NO_RESERVE = 0x4000


class Arena:
    """One zeroed array of `length` elements, given back by `close`."""

    def __init__(self, length: int, kind: Any) -> None:
        size = max(length * np.dtype(kind).itemsize + SLACK, mmap.PAGESIZE)
        flags = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | _NO_RESERVE
        self._map = mmap.mmap(-1, size, flags=flags)
        if size >= HUGE:
            _ask_for_huge_pages(self._map)
        self.array: NDArray[Any] = np.frombuffer(self._map, dtype=kind, count=length)

    @property
    def address(self) -> int:
        """Where the array lies."""
        return int(self.array.ctypes.data)

    def close(self) -> None:
        """Give the memory back: now, or when the last who holds the array lets go of it."""
        self.array = np.empty(0, self.array.dtype)
        with suppress(BufferError):
            self._map.close()


def _ask_for_huge_pages(mapping: mmap.mmap) -> None:
    """Advice only: kernels without transparent huge pages refuse, and nothing else changes."""
    with suppress(OSError):
        mapping.madvise(mmap.MADV_HUGEPAGE)
