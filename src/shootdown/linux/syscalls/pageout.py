"""madvise(MADV_PAGEOUT): madvise_cold_or_pageout_pte_range() and shrink_folio_list(), for private
anonymous memory on a machine without swap: only what MADV_FREE gave up can go."""

from __future__ import annotations

from shootdown.lang.declare import EMPTY, PageRange
from shootdown.linux.lazyfree import LAZYFREE, LAZYFREE_WRITTEN
from shootdown.linux.memory import ZERO_FRAME
from shootdown.linux.notifiers.range import Event, MmuNotifierRange
from shootdown.linux.syscalls.process import Process


def pageout(process: Process, part: PageRange) -> None:
    """Page by page; what somebody else maps as well is left alone."""
    mm = process.mm
    for page in part:
        pte = mm.pte[page]
        if pte.present and pte.frame != ZERO_FRAME and mm.memory.refcount[pte.frame] == 1:
            _try_to_unmap(process, page, pte.frame)


def _try_to_unmap(process: Process, page: int, frame: int) -> None:
    """try_to_unmap_one(), mm/rmap.c: what was written since MADV_FREE stays."""
    mm, lazyfree = process.mm, process.lazyfree
    lazy = lazyfree.lazy[frame]
    if lazy not in (LAZYFREE, LAZYFREE_WRITTEN):
        return
    announced = MmuNotifierRange(page, page + 1, Event.CLEAR, "try_to_unmap_one")
    mm.notifiers.invalidate_range_start(announced)
    if lazy == LAZYFREE:
        with mm.page_table_lock:
            mm.pte[page] = EMPTY
            mm.arch.flush_tlb_page(page)
    else:
        lazyfree.keep(frame)
    mm.notifiers.invalidate_range_end(announced)
    if lazy == LAZYFREE:
        mm.memory.put_page(frame)
