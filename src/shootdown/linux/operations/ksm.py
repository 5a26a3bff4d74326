"""KSM: ksmd merges pages, and MADV_UNMERGEABLE takes them apart; mm/ksm.c (rows 23 and 24).

Merging: for each of both pages S, [P-, C, X, P~ read-only], E; then, for the one that goes, S, [P-,
C, X, P+], E, and the last reference of the old page after that. Taking apart is a write fault of
each page, which copies it (break_ksm(); row 11). Both hold mmap_lock for reading.
"""

from __future__ import annotations

from shootdown.lang.declare import PageRange, choose
from shootdown.linux.faults import handle_mm_fault
from shootdown.linux.memory import ZERO_FRAME
from shootdown.linux.task import Task


def ksm_merge(task: Task, range: PageRange) -> None:
    """Merge two pages of the range that have the same contents."""
    mm = task.mm
    if mm.ksm is not None and len(range) > 1:
        page = choose(PageRange(range.start + 1, range.end))
        mm.begin(PageRange(range.start, page + 1))
        with mm.mmap_lock.read():
            mm.ksm.merge(page, range.start)
        mm.end(PageRange(range.start, page + 1))


def ksm_unmerge(task: Task, range: PageRange) -> None:
    """madvise(MADV_UNMERGEABLE): give every page of the range a copy of its own again."""
    mm = task.mm
    with mm.mmap_lock.read():
        for page in range:
            with mm.page_table_lock:
                pte = mm.pte[page]
            merged = pte.present and not pte.writable and pte.frame != ZERO_FRAME
            if merged and mm.permits(page, True):
                handle_mm_fault(mm, page, True)
