"""mseal(2), mm/mseal.c of 6.18 (the call is there since 6.10).

What is sealed keeps its place, size and rights: munmap, mprotect, mremap and whatever maps over it
are refused, and so is advice that discards what the process could not overwrite.
"""

from __future__ import annotations

from errno import ENOMEM

from shootdown.lang.declare import PageRange
from shootdown.linux.syscalls.process import Process
from shootdown.linux.vma import SEALED
from shootdown.linux.vma_merge import vma_modify


def mseal(process: Process, range: PageRange) -> int:
    """do_mseal(): all of it, or nothing if there is a hole (range_contains_unmapped())."""
    vmas = process.vmas
    with process.mm.mmap_lock.write():
        if vmas.gap_in(range) != range.end:
            return -ENOMEM
        page = range.start
        while page < range.end:
            if not vmas.has(page, SEALED):
                part = vmas.part_of(range, page)
                flags = vmas.flags[page] | SEALED
                vma_modify(vmas, vmas.find(page), part, process.mm.vma[page], flags)
            page = vmas.end_of(page)
    return 0
