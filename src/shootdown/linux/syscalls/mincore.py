"""mincore(2), mm/mincore.c: looks at entries and caches, and changes nothing."""

from __future__ import annotations

from errno import ENOMEM

from shootdown.lang.declare import PageRange
from shootdown.linux.syscalls.process import Process


def mincore(process: Process, range: PageRange) -> int:
    """-ENOMEM if there is a hole."""
    with process.mm.mmap_lock.read():
        if process.vmas.gap_in(range) != range.end:
            return -ENOMEM
    return 0
