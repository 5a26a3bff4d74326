"""NUMA balancing: change_prot_numa(), mm/mempolicy.c, called by task_numa_work().

Entries lose all rights, so that the next access of each page faults and says which node used it:
change_protection() with MM_CP_PROT_NUMA, S, [P~], E, then C, X (row 5), under mmap_lock held for
reading. The fault gives the rights back and tells nobody (do_numa_page(), row 6). Pages that are
shared between processes are left out (prot_numa_skip()).

As from 3.15 on, when the announcement moved to populated tables (a5338093bfb4); what kernels from
3.8 to 3.14 did has not been looked up.
"""

from __future__ import annotations

from shootdown.lang.declare import PageRange
from shootdown.linux.memory import ZERO_FRAME
from shootdown.linux.mm import Mm
from shootdown.linux.notifiers.range import Event, MmuNotifierRange
from shootdown.linux.operations.mprotect import first_populated
from shootdown.linux.task import Task
from shootdown.program.kind import PROT_NONE


def numa_balancing(mm: Mm) -> None:
    """For scenarios in which it is on: faults then look for such entries."""
    mm.numa_balancing = True


def change_prot_numa(task: Task, range: PageRange) -> None:
    """Take all rights from the pages of the range, to see who faults."""
    mm = task.mm
    mm.begin(range)
    with mm.mmap_lock.read():
        start = first_populated(mm, range)
        if start < range.end:
            announced = MmuNotifierRange(
                start, range.end, Event.PROTECTION_VMA, "change_protection"
            )
            _change_protection(mm, announced)
    mm.end(range)


def _change_protection(mm: Mm, range: MmuNotifierRange) -> None:
    mm.notifiers.invalidate_range_start(range)
    flush = False
    with mm.page_table_lock:
        for page in range:
            if prot_numa(mm, page):
                flush = True
    mm.notifiers.invalidate_range_end(range)
    if flush:
        mm.arch.flush_tlb_range(range)
        if mm.mprotect_gathers:
            mm.notifiers.gather_flushed(range)


def prot_numa(mm: Mm, page: int) -> bool:
    """One entry; whether to flush. Caller holds the page-table lock."""
    pte = mm.pte[page]
    if not pte.readable or pte.frame == ZERO_FRAME or mm.memory.refcount[pte.frame] != 1:
        return False
    hinting = pte.with_rights(PROT_NONE)
    mm.pte[page] = hinting
    return mm.arch.pte_needs_flush(pte, hinting)
