"""UFFDIO_WRITEPROTECT: userfaultfd_writeprotect(), fs/userfaultfd.c; mwriteprotect_range() and
uffd_wp_range(), mm/userfaultfd.c; since 5.7.

change_protection() with MM_CP_UFFD_WP or MM_CP_UFFD_WP_RESOLVE: S, [P~], E, then C, X (row 43), as
by mprotect and under mmap_lock held for reading. Taking the protection away announces and flushes
just the same.
"""

from __future__ import annotations

from shootdown.lang.declare import PageRange
from shootdown.linux.mm import Mm
from shootdown.linux.notifiers.range import Event, MmuNotifierRange
from shootdown.linux.operations.mprotect import first_populated
from shootdown.linux.task import Task


def userfaultfd_writeprotect(task: Task, range: PageRange) -> None:
    """A monitor withholds the right to write the range, and gives it back."""
    mwriteprotect_range(task, range, True)
    mwriteprotect_range(task, range, False)


def mwriteprotect_range(task: Task, range: PageRange, enable_wp: bool) -> None:
    """One call."""
    mm = task.mm
    mm.begin(range)
    with mm.mmap_lock.read():
        start = first_populated(mm, range)
        if start < range.end:
            _change_protection(mm, PageRange(start, range.end), enable_wp)
    mm.end(range)


def _change_protection(mm: Mm, range: PageRange, enable_wp: bool) -> None:
    assert mm.userfaultfd is not None
    announced = MmuNotifierRange(range.start, range.end, Event.PROTECTION_VMA, "change_protection")
    mm.notifiers.invalidate_range_start(announced)
    flush = False
    with mm.page_table_lock:
        for page in range:
            if enable_wp:
                if mm.userfaultfd.write_protect(page):
                    flush = True
            elif mm.userfaultfd.resolve(page):
                flush = True
    mm.notifiers.invalidate_range_end(announced)
    if flush:
        mm.arch.flush_tlb_range(range)
        if mm.mprotect_gathers:
            mm.notifiers.gather_flushed(range)
