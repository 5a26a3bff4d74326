"""madvise(MADV_FREE): madvise_free_single_vma(), mm/madvise.c.

S, [P~ the dirty and young bits go], E, then C, X (row 46; since 4.5). Pages stay until reclaim
wants them, and stay for good if they are written before: which somebody whose entry was made while
the page was dirty would do unseen, so start and flush matter though nothing is unmapped.
"""

from __future__ import annotations

from shootdown.lang.declare import PageRange, ghost
from shootdown.linux.dirty_bits import DirtyBits
from shootdown.linux.folio import Folios
from shootdown.linux.lazyfree import LazyFree
from shootdown.linux.memory import ZERO_FRAME
from shootdown.linux.mm import Mm
from shootdown.linux.notifiers.range import Event, MmuNotifierRange
from shootdown.linux.task import Task


def madvise_free(task: Task, range: PageRange) -> None:
    """Give up what is in the pages of the range, unless somebody writes to them from now on."""
    mm = task.mm
    assert mm.folios is not None
    assert mm.dirty_bits is not None
    mm.begin(range)
    with mm.mmap_lock.read():
        announced = MmuNotifierRange(range.start, range.end, Event.CLEAR, "madvise_free_single_vma")
        mm.notifiers.invalidate_range_start(announced)
        with mm.page_table_lock:
            mm.arch.flush_tlb_batched_pending()
            for page in range:
                if _free_pte(mm, mm.folios, mm.dirty_bits, page):
                    task.gather.tlb_remove_tlb_entry(page)
        mm.notifiers.invalidate_range_end(announced)
        task.gather.flush()
    _note_done(mm, mm.folios, range)
    mm.end(range)


@ghost
def _note_done(mm: Mm, folios: Folios, range: PageRange) -> None:
    for page in range:
        pte = mm.pte[page]
        if pte.present and folios.unwanted[pte.frame]:
            folios.note_unwanted(pte.frame, False)


def _free_pte(mm: Mm, folios: Folios, bits: DirtyBits, page: int) -> bool:
    """madvise_free_pte_range(): a page that is dirty itself only if nobody else maps it. Whether
    the entry has changed: that of a page that is left alone has not."""
    pte = mm.pte[page]
    if not pte.present or pte.frame == ZERO_FRAME or mm.is_file(page):
        return False
    if folios.dirty[pte.frame]:
        if mm.memory.refcount[pte.frame] != 1:
            return False
        folios.dirty[pte.frame] = False
    bits.dirty[page] = False
    folios.lazyfree[pte.frame] = True
    folios.note_unwanted(pte.frame)
    return True


def madvise_free_single_vma(task: Task, lazyfree: LazyFree, range: PageRange) -> None:
    """A part of one VMA. Caller holds mmap_lock."""
    mm = task.mm
    announced = MmuNotifierRange(range.start, range.end, Event.CLEAR, "madvise_free_single_vma")
    mm.notifiers.invalidate_range_start(announced)
    cleaned = False
    if mm.splitter is not None:
        mm.splitter.split_partly_covered(range)
    with mm.page_table_lock:
        for page in range:
            pte = mm.pte[page]
            if pte.present and pte.frame != ZERO_FRAME:
                _free_lazily(mm, lazyfree, pte.frame)
                cleaned = True
    mm.notifiers.invalidate_range_end(announced)
    if cleaned:
        mm.arch.flush_tlb_range(range)


def _free_lazily(mm: Mm, lazyfree: LazyFree, frame: int) -> None:
    """madvise_free_huge_pmd(), or the part of madvise_free_pte_range() for one page. A large folio
    is one thing, and left alone if anybody else has it."""
    alone = mm.memory.refcount[frame] == 1
    folios = mm.memory.folios
    if folios is None or not folios.is_large(frame):
        lazyfree.free_lazily(frame, alone)
    elif alone:
        lazyfree.free_lazily(folios.folio(frame), True)
