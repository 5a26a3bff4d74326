"""mprotect(2): mprotect_fixup() and change_protection(), mm/mprotect.c.

S, [P~], E, then C, X (row 4): the end comes before the flush, except up to 3.14. Where no page
table is populated nothing is announced at all (from 3.15 on).
"""

from __future__ import annotations

from shootdown.lang.declare import PageRange
from shootdown.linux.gather import max_page
from shootdown.linux.mm import Mm
from shootdown.linux.notifiers.range import Event, MmuNotifierRange
from shootdown.linux.task import Task
from shootdown.linux.vma import NO_VMA
from shootdown.program.kind import READ_ONLY


def mprotect(task: Task, range: PageRange, rights: int = READ_ONLY) -> None:
    """Give the pages of the range these rights: PROT_NONE, READ_ONLY or READ_WRITE."""
    mm = task.mm
    mm.begin(range)
    with mm.mmap_lock.write():
        for page in range:
            if mm.vma[page] != NO_VMA:
                mm.vma[page] = rights
        change_protection(mm, range, rights)
    mm.end(range)


def change_protection(mm: Mm, range: PageRange, rights: int) -> None:
    """change_protection(), from the first populated table on."""
    start = first_populated(mm, range)
    if start < range.end:
        announced = MmuNotifierRange(start, range.end, Event.PROTECTION_VMA, "change_protection")
        _change_protection(mm, range, announced, rights)


def _change_protection(mm: Mm, range: PageRange, announced: MmuNotifierRange, rights: int) -> None:
    mm.notifiers.invalidate_range_start(announced)
    if mm.huge is not None:
        mm.huge.split_uncovered(range)
    changed = False
    with mm.page_table_lock:
        mm.arch.flush_tlb_batched_pending()
        for page in range:
            if mm.protect(page, rights):
                changed = True
    if mm.notifiers.flushes_in_mprotect:
        if changed:
            mm.arch.flush_tlb_range(range)
        mm.notifiers.invalidate_range_end(announced)
        return
    mm.notifiers.invalidate_range_end(announced)
    if changed:
        mm.arch.flush_tlb_range(range)
        if mm.mprotect_gathers:
            mm.notifiers.gather_flushed(range)


def first_populated(mm: Mm, range: PageRange) -> int:
    """Where the announced range starts: at the first page table that exists, or at the end of the
    range if none does. Tables only appear under mmap_lock, which is held. From 6.10 on Linux looks
    one level higher, at whole 1 GiB blocks, if the geometry has them."""
    if not mm.notifiers.mprotect_skips_unpopulated:
        return range.start
    if mm.upper is not None and mm.notifiers.mprotect_starts_at_pud:
        return _first_upper(mm, range)
    for table in PageRange(range.start // mm.entries, (range.end - 1) // mm.entries + 1):
        if mm.table[table] or (mm.huge is not None and mm.huge.leaf[table]):
            return max_page(range.start, table * mm.entries)
    return range.end


def _first_upper(mm: Mm, range: PageRange) -> int:
    size = mm.upper_size
    for table in PageRange(range.start // size, (range.end - 1) // size + 1):
        if mm.upper_populated(table * size):
            return max_page(range.start, table * size)
    return range.end
