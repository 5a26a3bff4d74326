"""mmap(2): mmap_region(), mm/vma.c.

Into free space: no notification. Over something mapped (MAP_FIXED): that is unmapped first, exactly
as by munmap but under the same write hold of mmap_lock, and then the new VMA begins.
"""

from __future__ import annotations

from shootdown.lang.declare import PageRange
from shootdown.linux.mm import Mm
from shootdown.linux.operations.munmap import unmap_region
from shootdown.linux.task import Task
from shootdown.linux.vma import NO_VMA
from shootdown.program.kind import READ_WRITE


def mmap(task: Task, range: PageRange, rights: int = READ_WRITE) -> None:
    """Map fresh memory over the range with these rights: PROT_NONE, READ_ONLY or READ_WRITE."""
    mm = task.mm
    mm.begin(range)
    with mm.mmap_lock.write():
        if _is_mapped(mm, range):
            for page in range:
                mm.vma[page] = NO_VMA
            unmap_region(task, range)
        for page in range:
            mm.vma[page] = rights
    mm.end(range)


def _is_mapped(mm: Mm, range: PageRange) -> bool:
    """Some VMA lies in the range."""
    for page in range:
        if mm.vma[page] != NO_VMA:
            return True
    return False
