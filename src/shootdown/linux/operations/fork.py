"""fork(2), seen from the parent: dup_mmap() and copy_page_range(), mm/memory.c.

S, [P~ every writable entry loses the right], E for each VMA, and one flush of the whole address
space at the very end: C, X (row 9). The child is present as the references it holds; it has no
subscribers.
"""

from __future__ import annotations

from shootdown.lang.declare import PageRange
from shootdown.linux.notifiers.range import Event, MmuNotifierRange
from shootdown.linux.task import Task
from shootdown.program.kind import READ_ONLY, READ_WRITE


def fork(task: Task, range: PageRange) -> None:
    """Share the pages of the range with a child; both may from now on only read them."""
    mm = task.mm
    mm.begin(range)
    with mm.mmap_lock.write():
        copy_page_range(task, range)
        mm.arch.flush_tlb_mm()
    mm.end(range)


def copy_page_range(task: Task, range: PageRange, is_cow: bool = True) -> None:
    """One VMA; of a shared one (not is_cow_mapping()) entries are only copied, which is no news.
    Caller holds mmap_lock for writing and flushes when all VMAs are copied."""
    mm = task.mm
    announced = MmuNotifierRange(range.start, range.end, Event.PROTECTION_PAGE, "copy_page_range")
    if is_cow:
        mm.notifiers.invalidate_range_start(announced)
    with mm.page_table_lock:
        for page in range:
            pte = mm.pte[page]
            if pte.present:
                mm.memory.get_page(pte.frame)
                if mm.memory.folios is not None:
                    mm.memory.folios.shared(pte.frame)
                if is_cow and pte.rights == READ_WRITE:
                    mm.set_rights(page, pte, READ_ONLY)
    if is_cow:
        mm.notifiers.invalidate_range_end(announced)
