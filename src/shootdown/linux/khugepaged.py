"""khugepaged and MADV_COLLAPSE: small pages become one huge page, mm/khugepaged.c.

Anonymous memory: collapse_huge_page() takes mmap_lock for writing, so no fault can fill the hole.
Files: the page cache gets a huge page first; then every mm that maps the range loses its page
table. Source: mm/khugepaged.c of 3.19, 4.12, 5.15, 6.1, 6.6 and 6.18; commit f268f6cf875f (6.1),
which made the two file functions announce what they do (B24).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from shootdown.lang.declare import EMPTY, PageRange, count, indivisible
from shootdown.lang.part import Part
from shootdown.linux.notifiers.range import Event, MmuNotifierRange
from shootdown.linux.vma import NO_VMA

if TYPE_CHECKING:
    from shootdown.linux.huge_memory import HugeMemory
    from shootdown.linux.mm import Mm


class Khugepaged(Part):
    """What it does to one address space."""

    def __init__(self, mm: Mm, huge: HugeMemory) -> None:
        self.mm = mm
        self.huge = huge
        self.retracts_unlocked = mm.arch.kernel >= (6, 5, 0)
        """retract_page_tables() no longer tries to take mmap_lock (1d65b771bc08)"""
        self.waits_for_lockless = mm.arch.kernel >= (6, 1, 0)

    def collapse_huge_page(self, block: PageRange) -> None:
        """S, [table unlinked, C, X], E, [P- R for each page], [P+] (row 28). Caller holds mmap_lock
        for writing."""
        table = self.huge.table_of(block.start)
        announced = MmuNotifierRange(block.start, block.end, Event.CLEAR, "collapse_huge_page")
        self.mm.notifiers.invalidate_range_start(announced)
        self.pmdp_collapse_flush(block)
        self.mm.notifiers.invalidate_range_end(announced)
        self._copy(block)
        with self.mm.page_table_lock:
            if not self.mm.table[table]:
                self.huge.install(block, self.mm.vma[block.start])
        count("huge pages collapsed")

    def pmdp_collapse_flush(self, block: PageRange) -> None:
        """The pointer to the table is cleared and the range flushed; the table keeps its entries,
        and is kept itself: it becomes the deposited one."""
        with self.mm.page_table_lock:
            self.mm.table[self.huge.table_of(block.start)] = False
            self.mm.arch.flush_pmd_tlb_range(block)

    def _copy(self, block: PageRange) -> None:
        """__collapse_huge_page_copy(): pages are copied, entries cleared, references dropped."""
        for page in block:
            with self.mm.page_table_lock:
                old = self.mm.pte[page]
                if old.present:
                    self.mm.pte[page] = EMPTY
                    self.mm.lets_go(page, old.frame)
                    self.mm.memory.put_page(old.frame)

    def collapse_pte_mapped_thp(self, block: PageRange) -> None:
        """The table maps the pages of one huge page of a file: (S), [P-], [unlinked, C, X], (E), T
        (row 29). The pages stay in the page cache; a page that is being moved keeps its table."""
        announced = MmuNotifierRange(block.start, block.end, Event.CLEAR, "collapse_pte_mapped_thp")
        if self.mm.notifiers.file_collapse_is_announced:
            self.mm.notifiers.invalidate_range_start(announced)
        for page in block:
            with self.mm.page_table_lock:
                old = self.mm.pte[page]
                if old.present:
                    self.mm.pte[page] = EMPTY
                    self.mm.memory.put_page(old.frame)
        with self.mm.page_table_lock:
            unlinked = self._is_empty(block)
            if unlinked:
                self.unlink(self.huge.table_of(block.start))
            self.mm.arch.flush_pmd_tlb_range(block)
        if self.mm.notifiers.file_collapse_is_announced:
            self.mm.notifiers.invalidate_range_end(announced)
        if unlinked:
            self.synchronize()
            self.free(block)

    def retract_page_table(self, block: PageRange) -> None:
        """retract_page_tables() in one mm: (S), [unlinked, C, X], (E), T (row 30). Whoever has
        pages of its own there keeps its table."""
        announced = MmuNotifierRange(block.start, block.end, Event.CLEAR, "retract_page_tables")
        table = self.huge.table_of(block.start)
        unlinked = False
        if self.mm.notifiers.file_collapse_is_announced:
            self.mm.notifiers.invalidate_range_start(announced)
        with self.mm.page_table_lock:
            if self.mm.table[table] and self._is_empty(block):
                self.unlink(table)
                self.mm.arch.flush_pmd_tlb_range(block)
                unlinked = True
        if self.mm.notifiers.file_collapse_is_announced:
            self.mm.notifiers.invalidate_range_end(announced)
        if unlinked:
            self.synchronize()
            self.free(block)

    def _is_empty(self, block: PageRange) -> bool:
        for page in block:
            if self.mm.pte[page].present or self.mm.is_swap_pte(page):
                return False
        return True

    def is_collapsible(self, block: PageRange) -> bool:
        """hugepage_vma_revalidate() and find_pmd_or_thp_or_none(): a table, inside one VMA. Caller
        holds mmap_lock."""
        if not self.mm.table[self.huge.table_of(block.start)]:
            return False
        for page in block:
            if self.mm.vma[page] == NO_VMA or self.mm.vma[page] != self.mm.vma[block.start]:
                return False
        return True

    @indivisible
    def free(self, block: PageRange) -> None:
        """pte_free_defer() after a grace period, pte_free() at once before 6.5: the table goes back
        to the allocator. Another one may have taken its place."""
        count("page tables freed")
        table = self.huge.table_of(block.start)
        for cache in self.mm.walk_caches:
            if hasattr(cache, "unlinked_table_freed"):
                cache.unlinked_table_freed(table)
            elif not self.mm.table[table]:
                cache.table_freed(table)
        for walker in self.mm.lockless:
            if not self.mm.table[table]:
                walker.table_freed(table)

    @indivisible
    def unlink(self, table: int) -> None:
        """pmd_clear() of an entry that leads to a table which is freed later."""
        self.mm.table[table] = False
        for cache in self.mm.walk_caches:
            if hasattr(cache, "table_unlinked"):
                cache.table_unlinked(table)

    def synchronize(self) -> None:
        """tlb_remove_table_sync_one(), or a grace period: nobody walks the table without a lock any
        more. Forgotten until 6.0, where only the IPI of x86's flush kept get_user_pages_fast() away
        (commit 2ba99c5e0881)."""
        if self.waits_for_lockless:
            self.mm.arch.tlb_remove_table_sync()
