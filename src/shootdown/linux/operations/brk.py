"""brk(2): mm/mmap.c.

Growing makes or extends a VMA, of which nobody hears. Shrinking is a munmap of what is released
(row 1), with mmap_lock downgraded since 4.20 (commit 9bc8039e715d).
"""

from __future__ import annotations

from shootdown.lang.declare import PageRange
from shootdown.linux.operations.mremap import second_half
from shootdown.linux.operations.munmap import unmap_region
from shootdown.linux.task import Task
from shootdown.linux.vma import NO_VMA
from shootdown.program.kind import READ_WRITE


def brk(task: Task, range: PageRange) -> None:
    """The heap, which is the whole range, loses its second half and gets it back."""
    mm = task.mm
    heap = second_half(range)
    mm.begin(range)
    with mm.mmap_lock.write():
        for page in heap:
            mm.vma[page] = NO_VMA
        if mm.munmap_downgrades:
            mm.mmap_lock.downgrade()
        unmap_region(task, heap)
    with mm.mmap_lock.write():
        for page in heap:
            mm.vma[page] = READ_WRITE
    mm.end(range)
