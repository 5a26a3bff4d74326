"""khugepaged and MADV_COLLAPSE, mm/khugepaged.c: rows 28, 29 and 30.

S, [pmdp_collapse_flush: table unlinked, C, X], E, then for anonymous memory the pages are copied
and the huge entry installed, for files the table is freed: T. Files were collapsed without S and E
up to 6.0 (B24).
"""

from __future__ import annotations

from shootdown.lang.declare import PageRange
from shootdown.linux.khugepaged import Khugepaged
from shootdown.linux.mm import Mm
from shootdown.linux.task import Task


def khugepaged(mm: Mm) -> Khugepaged:
    """The one of this address space."""
    assert mm.huge is not None
    return mm.huge.khugepaged


def collapse_huge_page(task: Task, range: PageRange) -> None:
    """Replace the small pages of the first block of the range by one huge page."""
    _collapse(task, range, of_file=False)


def collapse_pte_mapped_thp(task: Task, range: PageRange) -> None:
    """Drop the page table of a file's huge page that is mapped page by page."""
    _collapse(task, range, of_file=True)


def _collapse(task: Task, range: PageRange, of_file: bool) -> None:
    mm = task.mm
    daemon = khugepaged(mm)
    block = daemon.huge.block(range.start)
    mm.begin(block)
    with mm.mmap_lock.write():
        if daemon.is_collapsible(block):
            if of_file:
                daemon.collapse_pte_mapped_thp(block)
            else:
                daemon.collapse_huge_page(block)
    mm.end(block)


def retract_page_tables(task: Task, range: PageRange) -> None:
    """Drop the page table of a range whose file was collapsed, in any mm that maps it."""
    mm = task.mm
    daemon = khugepaged(mm)
    block = daemon.huge.block(range.start)
    mm.begin(block)
    if daemon.retracts_unlocked:
        daemon.retract_page_table(block)
    else:
        with mm.mmap_lock.write():
            daemon.retract_page_table(block)
    mm.end(block)
