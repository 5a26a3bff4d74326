"""mmu_gather: collect what was unmapped, flush, and only then free.

mm/mmu_gather.c. Pages are collected until the batch is full or the operation ends; a flush covers
the hull of everything gathered since the last one (CPU TLBs, then, from 3.19 on, secondary TLBs);
pages and page tables are freed after it. That order is rule M4.
"""

from __future__ import annotations

from shootdown.lang.declare import (
    EMPTY,
    Array,
    Flag,
    FrameNumber,
    Int,
    PageNumber,
    PageRange,
    PerGather,
    PerTable,
    count,
    indivisible,
)
from shootdown.lang.part import Part
from shootdown.linux.huge_memory import HugeMemory
from shootdown.linux.mm import Mm
from shootdown.linux.version import Version
from shootdown.linux.vma import NO_VMA

FLUSHES_DIRTY_PAGES: Version = (3, 15, 0)
"""commit 1cf35d47712d"""


class MmuGather(Part):
    """struct mmu_gather of one task. Between operations it is empty."""

    def __init__(self, mm: Mm) -> None:
        self.mm = mm
        self.capacity = mm.geometry.gather
        self.flushes_dirty_pages = mm.kernel >= FLUSHES_DIRTY_PAGES
        self.frames = PerGather(FrameNumber())
        self.count = Int(0, mm.geometry.gather)
        self.start = PageNumber()
        self.end = PageNumber()
        self.tables = PerTable(Flag)
        """tables unlinked, to be freed after the next flush"""
        self.unlinked = Flag()
        """there is such a table"""

    def zap_page_range(self, range: PageRange, even_cows: bool = True) -> None:
        """zap_pte_range() over a range: clear entries under the lock; when the batch is full, drop
        the lock, flush and free, and go on."""
        if self.mm.huge is not None:
            self.mm.huge.split_uncovered(range)
        for page in range:
            if self.mm.huge is not None:
                self._zap_huge(self.mm.huge, page)
            with self.mm.page_table_lock:
                self.mm.arch.flush_tlb_batched_pending()
                if even_cows or not self.mm.is_private_copy(page):
                    self._zap(page)
            if self.count == self.capacity:
                self.flush()

    def _zap_huge(self, huge: HugeMemory, page: int) -> None:
        """zap_huge_pmd(): the whole entry at once (row 31). Its pages fill the batch."""
        block = huge.block(page)
        if page != block.start or not huge.leaf[huge.table_of(page)]:
            return
        if self.count + len(block) > self.capacity:
            self.flush()
        with self.mm.page_table_lock:
            if huge.leaf[huge.table_of(page)]:
                for each in block:
                    self.frames[self.count] = self.mm.pte[each].frame
                    self.count += 1
                huge.zap(block)
                self._extend(block.start, block.end)
        if self.count == self.capacity:
            self.flush()

    def _zap(self, page: int) -> None:
        if self.mm.huge is not None and self.mm.huge.leaf[page // self.mm.entries]:
            return
        pte = self.mm.pte[page]
        if pte.present:
            self.mm.pte[page] = EMPTY
            self._extend(page, page + 1)
            self.frames[self.count] = pte.frame
            self.count += 1
            dirty = self.mm.cleared_dirty(page, pte.frame)
            self.mm.lets_go(page, pte.frame)
            if dirty and self.flushes_dirty_pages and self.mm.is_file_page(page, pte.frame):
                self._flush_tlbs()
        elif self.mm.is_swap_pte(page):
            self.mm.zap_swap_entry(page)

    def tlb_remove_tlb_entry(self, page: int) -> None:
        """tlb_remove_tlb_entry(): an entry has changed, and is flushed with the others."""
        self._extend(page, page + 1)

    def _extend(self, start: int, end: int) -> None:
        """__tlb_adjust_range()"""
        if self.start == self.end:
            self.start = start
            self.end = end
            return
        if start < self.start:
            self.start = start
        if end > self.end:
            self.end = end

    def free_pgtables(self, range: PageRange) -> None:
        """free_pgtables(): unlink the tables that no VMA needs any more. No S/E event (row 32)."""
        entries = self.mm.entries
        for table in PageRange(range.start // entries, (range.end - 1) // entries + 1):
            first = table * entries
            with self.mm.page_table_lock:
                if self.mm.table[table] and self._is_free(first, entries):
                    self.mm.table[table] = False
                    self.tables[table] = True
                    self.unlinked = True
                    self._extend(first, min_page(first + entries, self.mm.pages))
        if self.mm.upper is not None:
            self._free_upper(self.mm.upper, range)

    def _free_upper(self, upper: Array[bool], range: PageRange) -> None:
        """free_pmd_range(): the same for tables of tables."""
        size = self.mm.upper_size
        for table in PageRange(range.start // size, (range.end - 1) // size + 1):
            if upper[table] and self._is_free(table * size, size):
                upper[table] = False

    def _is_free(self, first: int, size: int) -> bool:
        for page in PageRange(first, min_page(first + size, self.mm.pages)):
            if self.mm.vma[page] != NO_VMA:
                return False
        return True

    def flush(self) -> None:
        """tlb_flush_mmu(): C, X, R, T. Nothing gathered: nothing flushed."""
        range = PageRange(self.start, self.end)
        self._flush_tlbs()
        while self.count > 0:
            self.count -= 1
            self.mm.memory.put_page(self.frames[self.count])
            self.frames[self.count] = 0
        if self.unlinked:
            self.mm.arch.tlb_remove_table_sync()
            self._free_tables(range)

    def _flush_tlbs(self) -> None:
        """tlb_flush_mmu_tlbonly(): what was cleared since the last time. Also called under the
        page-table lock for a dirty page of a file (force_flush in zap_pte_range()): write-back,
        which finds no entry of it any more, must not find that somebody still writes it."""
        if self.start == self.end:
            return
        range = PageRange(self.start, self.end)
        self.mm.arch.tlb_flush(range, self.unlinked)
        self.mm.notifiers.gather_flushed(range)
        self.start = 0
        self.end = 0

    @indivisible
    def _free_tables(self, range: PageRange) -> None:
        """The tables go back to the allocator; hardware that still knows one has a problem."""
        self.unlinked = False
        entries = self.mm.entries
        for table in PageRange(range.start // entries, (range.end - 1) // entries + 1):
            if self.tables[table]:
                self.tables[table] = False
                count("page tables freed")
                for cache in self.mm.walk_caches:
                    cache.table_freed(table)
                for walker in self.mm.lockless:
                    walker.table_freed(table)


def max_page(a: int, b: int) -> int:
    """The larger of two page numbers."""
    if a > b:
        return a
    return b


def min_page(a: int, b: int) -> int:
    """The smaller of two page numbers."""
    if a < b:
        return a
    return b
