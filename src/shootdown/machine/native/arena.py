"""Big arrays that cost only what is used of them.

A mapping is reserved at the full size it may ever need and never moves; the kernel gives it
memory page by page as it is touched, in huge pages where it can, since
a search touches memory all over the place and small pages would each cost a walk of the page table.
"""

from __future__ import annotations

import ctypes
import mmap
import struct
from contextlib import suppress
from typing import Literal

HUGE = 2 << 20
SLACK = 8
"""bytes behind an array that may be read, since a narrow element is read as a word"""
_NO_RESERVE = 0x4000

Kind = Literal["B", "H", "I", "Q", "q"]
"""letters of `struct`: 8, 16, 32 and 64 bits, the last with sign"""


class Arena:
    """One zeroed array of `length` elements, given back by `close`."""

    def __init__(self, length: int, kind: Kind) -> None:
        used = length * struct.calcsize(kind)
        size = max(used + SLACK, mmap.PAGESIZE)
        flags = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | _NO_RESERVE
        self._map = mmap.mmap(-1, size, flags=flags)
        if size >= HUGE:
            _ask_for_huge_pages(self._map)
        first = ctypes.c_char.from_buffer(self._map)
        self.address = ctypes.addressof(first)
        """where the array lies"""
        del first
        self.array = memoryview(self._map)[:used].cast(kind)

    def close(self) -> None:
        """Give the memory back: now, or when the last who holds the array lets go of it."""
        with suppress(BufferError):
            self.array.release()
            self._map.close()


def _ask_for_huge_pages(mapping: mmap.mmap) -> None:
    """Advice only: kernels without transparent huge pages refuse, and nothing else changes."""
    with suppress(OSError):
        mapping.madvise(mmap.MADV_HUGEPAGE)
