"""madvise(MADV_PAGEOUT): madvise_cold_or_pageout_pte_range() and shrink_folio_list(), mm/vmscan.c,
on a machine without swap.

Of private anonymous memory only what MADV_FREE gave up can go. Pages of files in memory are
unmapped, and then stay in the cache if they were ever written (shmem_writeout() has nowhere to
write them to).
"""

from __future__ import annotations

from shootdown.lang.declare import EMPTY, PageRange
from shootdown.linux.i_mmap import BEFORE_ALL, next_vma
from shootdown.linux.lazyfree import LAZYFREE, LAZYFREE_WRITTEN
from shootdown.linux.memory import ZERO_FRAME
from shootdown.linux.notifiers.range import Event, MmuNotifierRange
from shootdown.linux.rmap import try_to_unmap_one
from shootdown.linux.syscalls.anon_rmap import try_others_first
from shootdown.linux.syscalls.process import Process


def pageout(process: Process, part: PageRange) -> None:
    """Page table by page table: first large folios that are covered in part are split, then all is
    reclaimed."""
    entries = process.mm.entries
    page = part.start
    while page < part.end:
        end = page - page % entries + entries
        if end > part.end:
            end = part.end
        inside = PageRange(page, end)
        process.splitter.split_partly_covered(inside)
        process.splitter.reclaim(inside)
        _pageout_small(process, inside)
        page = end


def _pageout_small(process: Process, part: PageRange) -> None:
    """Page by page; what is mapped elsewhere as well is left alone (folio_mapcount())."""
    mm, shmem = process.mm, process.shmem
    for page in part:
        pte = mm.pte[page]
        if pte.present and pte.frame != ZERO_FRAME:
            references = mm.memory.refcount[pte.frame]
            if references == 2 and shmem.is_file[pte.frame]:
                _shrink_file_page(process, page, pte.frame)
            elif references == 1 and not process.folios.is_large(pte.frame):
                _try_to_unmap(process, page, pte.frame)


def _shrink_file_page(process: Process, page: int, frame: int) -> None:
    """try_to_unmap() tries the mappings in order until the page is unmapped (folio_not_mapped());
    each that it tries is announced. A page that is clean then leaves the cache."""
    vmas = process.vmas
    file, index = vmas.file[page], vmas.offset[page]
    this = PageRange(index, index + 1)
    offset, order = BEFORE_ALL, BEFORE_ALL
    while process.mm.pte[page].frame == frame:
        first = next_vma(vmas, file, this, offset, order)
        try_to_unmap_one(process.task, first + (index - vmas.offset[first]), frame)
        offset, order = vmas.offset[first], vmas.order[first]
    process.task.tlb_ubc.try_to_unmap_flush()
    if not process.shmem.dirty[frame]:
        process.files.delete_folio(file, index)


def _try_to_unmap(process: Process, page: int, frame: int) -> None:
    """try_to_unmap_one(), mm/rmap.c: what was written since MADV_FREE stays."""
    mm, lazyfree = process.mm, process.lazyfree
    lazy = lazyfree.lazy[frame]
    if lazy not in (LAZYFREE, LAZYFREE_WRITTEN):
        return
    try_others_first(process, page, "try_to_unmap_one")
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
