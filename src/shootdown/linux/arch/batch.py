"""Unmapping many pages with one flush of the CPUs: struct tlbflush_unmap_batch, mm/rmap.c.

Reclaim and batched migration clear entries under the page-table lock, put the flush off, and flush
once before the pages are freed or written out:

    [P-, set_tlb_ubc_flush_pending] … [P-, set_tlb_ubc_flush_pending] … try_to_unmap_flush, R

Until then a CPU may go on using what it has cached. The page is kept alive, so that is safe for
reclaim itself; whoever else works on the same entries must call flush_tlb_batched_pending() first,
because an empty entry no longer means that nobody has it cached.

A task flushes its own batch, an address space waits for those of all tasks: the flag that says
there is one is the address space's (`Architecture.tlb_flush_batched`, under the page-table lock).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from shootdown.lang.declare import Flag, PageRange, PerPage
from shootdown.lang.part import Part

if TYPE_CHECKING:
    from shootdown.linux.mm import Mm


class UnmapBatch(Part):
    """current->tlb_ubc"""

    def __init__(self, mm: Mm) -> None:
        self.mm = mm
        self.flush_required = Flag()
        self.writable = Flag()
        """an entry was dirty: a stale one may still be written through, so flush before I/O"""
        self.pending = PerPage(Flag)
        """invalidated without a wait for completion, where hardware does that (arm64)"""

    def set_tlb_ubc_flush_pending(self, range: PageRange, dirty: bool) -> None:
        """set_tlb_ubc_flush_pending(): these entries were just cleared. Caller holds the
        page-table lock."""
        self.mm.arch.arch_tlbbatch_add_pending(self, range)
        self.flush_required = True
        self.mm.arch.tlb_flush_batched = True
        if dirty:
            self.writable = True

    def try_to_unmap_flush(self) -> None:
        """try_to_unmap_flush(): flush what this task put off."""
        if self.flush_required:
            self.mm.arch.arch_tlbbatch_flush(self)
            self.flush_required = False
            self.writable = False

    def try_to_unmap_flush_dirty(self) -> None:
        """try_to_unmap_flush_dirty(): before I/O on a page that was mapped writable and dirty."""
        if self.writable:
            self.try_to_unmap_flush()
