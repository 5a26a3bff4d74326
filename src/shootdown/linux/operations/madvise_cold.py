"""madvise(MADV_COLD): madvise_cold_or_pageout_pte_range(), mm/madvise.c, without reclaim; row 47.

[P-, P+ the same entry, old] for each entry that is young, then C, X by the mmu_gather; mmap_lock is
held for reading (a VMA lock from 6.17 on). No start and no end, since 5.4: the same page is mapped
with the same rights, and what devices with page tables of their own used is not asked (no young
callback). Pages that others map as well are left alone.

The entry is cleared and written again, not only looked at: hardware may set its dirty bit at any
time, and would set it in vain between a read of the entry and a write of it
(ptep_get_and_clear_full(); clear_young_dirty_ptes() from 6.10 on clears the one bit).
"""

from __future__ import annotations

from shootdown.lang.declare import EMPTY, PageRange, test_and_clear_bit
from shootdown.linux.memory import ZERO_FRAME
from shootdown.linux.task import Task
from shootdown.linux.young import Young


def madvise_cold(task: Task, range: PageRange) -> None:
    """Make the pages of the range look unused, so that reclaim takes them before others."""
    mm = task.mm
    assert mm.young is not None
    mm.begin(range)
    with mm.mmap_lock.read():
        for page in range:
            with mm.page_table_lock:
                mm.arch.flush_tlb_batched_pending()
                _make_old(task, mm.young, page)
        task.gather.flush()
    mm.end(range)


def _make_old(task: Task, young: Young, page: int) -> None:
    mm = task.mm
    pte = mm.pte[page]
    if not pte.present or pte.frame == ZERO_FRAME or mm.memory.refcount[pte.frame] != 1:
        return
    if test_and_clear_bit(0, young.accessed[page]):
        mm.pte[page] = EMPTY
        mm.pte[page] = pte
        task.gather.tlb_remove_tlb_entry(page)
