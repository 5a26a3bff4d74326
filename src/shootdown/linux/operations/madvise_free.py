"""madvise(MADV_FREE): madvise_free_single_vma(), mm/madvise.c.

S, [P~ the dirty and young bits go], E, then C (row 5). Pages stay until reclaim wants them, and
stay for good if they are written before.
"""

from __future__ import annotations

from shootdown.lang.declare import PageRange
from shootdown.linux.lazyfree import LazyFree
from shootdown.linux.memory import ZERO_FRAME
from shootdown.linux.mm import Mm
from shootdown.linux.notifiers.range import Event, MmuNotifierRange
from shootdown.linux.task import Task


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
