"""ioctl PAGEMAP_SCAN with PM_SCAN_WP_MATCHING: do_pagemap_scan(), fs/proc/task_mmu.c; since 6.7.

S (the whole request), for each page table [P~ written pages are protected again; C, X], E (row 42):
the flush is under the page-table lock. It collects which pages were written since the last time:
those whose write-protect bit a fault has cleared.
"""

from __future__ import annotations

from shootdown.lang.declare import PageRange
from shootdown.linux.gather import max_page, min_page
from shootdown.linux.mm import Mm
from shootdown.linux.notifiers.range import Event, MmuNotifierRange
from shootdown.linux.task import Task


def do_pagemap_scan(task: Task, range: PageRange) -> None:
    """Say which pages of the range were written, and find out from now on."""
    mm = task.mm
    mm.begin(range)
    with mm.mmap_lock.read():
        announced = MmuNotifierRange(
            range.start, range.end, Event.PROTECTION_VMA, "do_pagemap_scan"
        )
        mm.notifiers.invalidate_range_start(announced)
        entries = mm.entries
        for table in PageRange(range.start // entries, (range.end - 1) // entries + 1):
            start = max_page(range.start, table * entries)
            pagemap_scan_pmd_entry(
                mm, PageRange(start, min_page(range.end, table * entries + entries))
            )
        mm.notifiers.invalidate_range_end(announced)
    mm.end(range)


def pagemap_scan_pmd_entry(mm: Mm, range: PageRange) -> None:
    """The entries of one page table: make_uffd_wp_pte(), and one flush."""
    assert mm.userfaultfd is not None
    with mm.page_table_lock:
        changed = False
        for page in range:
            before = mm.userfaultfd.wp[page]
            mm.userfaultfd.write_protect(page)
            if mm.userfaultfd.wp[page] != before:
                changed = True
        if changed:
            mm.arch.flush_tlb_range(range)
