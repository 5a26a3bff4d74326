"""munmap(2): do_vmi_align_munmap() and unmap_region(), mm/vma.c (mm/mmap.c before 6.12).

S (one range, the whole request), [P-] with C, X, R whenever the batch is full, E, then page tables
are unlinked, then C, X, R, T (row 1 of the call-site table).
"""

from __future__ import annotations

from shootdown.lang.declare import PageRange
from shootdown.linux.notifiers.range import Event, MmuNotifierRange
from shootdown.linux.task import Task
from shootdown.linux.vma import NO_VMA


def munmap(task: Task, range: PageRange) -> None:
    """Remove the VMAs of the range and free what they mapped."""
    mm = task.mm
    mm.begin(range)
    with mm.mmap_lock.write():
        for page in range:
            mm.vma[page] = NO_VMA
        if mm.munmap_downgrades:
            mm.mmap_lock.downgrade()
        unmap_region(task, range)
    mm.end(range)


def unmap_region(task: Task, range: PageRange) -> None:
    """Zap, then free page tables, for VMAs that are already gone. Caller holds mmap_lock."""
    announced = MmuNotifierRange(range.start, range.end, Event.UNMAP, "unmap_vmas")
    task.mm.notifiers.invalidate_range_start(announced)
    task.gather.zap_page_range(range)
    task.mm.notifiers.invalidate_range_end(announced)
    task.gather.free_pgtables(range)
    task.gather.flush()
