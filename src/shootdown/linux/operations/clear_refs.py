"""Writing 4 to /proc/PID/clear_refs: clear_refs_write(), fs/proc/task_mmu.c.

S (the whole address space), [P~ every entry loses its soft-dirty bit and the right to write], E,
then C, X (row 41). Since 5.11 under mmap_lock held for writing (29a951dfb3c3), before for reading.

When this was new, in a release candidate of 3.11, it told nobody (B16). From 5.6 to 5.10 it flushed
no CPU: it ended with tlb_finish_mmu(), which from 0758cd830494 on flushes nothing if nothing was
gathered (912efa17e512).
"""

from __future__ import annotations

from shootdown.lang.declare import PageRange
from shootdown.linux.mm import Mm
from shootdown.linux.notifiers.range import Event, MmuNotifierRange
from shootdown.linux.task import Task
from shootdown.program.kind import READ_ONLY, READ_WRITE


def clear_refs_write(task: Task, range: PageRange) -> None:
    """Forget which pages were written, and find out from now on."""
    mm = task.mm
    mm.begin(range)
    if mm.kernel >= (5, 11, 0):
        with mm.mmap_lock.write():
            _clear_soft_dirty(mm)
    else:
        with mm.mmap_lock.read():
            _clear_soft_dirty(mm)
    mm.end(range)


def _clear_soft_dirty(mm: Mm) -> None:
    announced = MmuNotifierRange(0, mm.pages, Event.SOFT_DIRTY, "clear_refs_write")
    mm.notifiers.invalidate_range_start(announced)
    with mm.page_table_lock:
        for page in mm.whole:
            clear_soft_dirty(mm, page)
    mm.notifiers.invalidate_range_end(announced)
    if not (5, 6, 0) <= mm.kernel < (5, 11, 0):
        mm.arch.flush_tlb_mm()


def clear_soft_dirty(mm: Mm, page: int) -> None:
    """One entry. Caller holds the page-table lock."""
    pte = mm.pte[page]
    if pte.present:
        if mm.soft_dirty is not None:
            mm.soft_dirty.dirty[page] = False
        if pte.rights == READ_WRITE:
            mm.pte[page] = pte.with_rights(READ_ONLY)
