"""Transparent huge pages: an entry above page tables that maps a whole table's worth of pages.

The entry above a table is nothing, a pointer to a table (`Mm.table`), or a huge entry (`leaf`).
What a huge entry translates to is written where every walk looks, in `Mm.pte`: one entry for each
page, all with the same rights, and all changed in one step, because in Linux they are one word.
So a walk that ends at a huge entry and one that ends in a table read the same place, and only what
is cached differs: hardware may keep one translation for all pages of a huge entry.

`PROT_NONE` in all entries of a leaf is pmd_mkinvalid(): present for the kernel, not for hardware.
A huge page is as many frames as a table has entries, with a count of references each; Linux has one
count for all of them.

State exists in scenarios that use it (`Mm.huge`). Source: mm/huge_memory.c of 3.19, 4.15, 5.15, 6.6
and 6.18; mm/pgtable-generic.c; arch/x86/mm/pgtable.c.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from shootdown.lang.declare import (
    EMPTY,
    Atomic,
    Flag,
    PageRange,
    PerTable,
    Pte,
    count,
    indivisible,
)
from shootdown.lang.part import Part
from shootdown.linux.khugepaged import Khugepaged
from shootdown.linux.memory import ZERO_FRAME
from shootdown.linux.moved_entries import move_entry_bits
from shootdown.linux.notifiers.range import Event, MmuNotifierRange
from shootdown.linux.vma import HUGEPAGE, Vmas
from shootdown.linux.vma_merge import anon_vma_prepare
from shootdown.program.kind import PROT_NONE, READ_ONLY, READ_WRITE

if TYPE_CHECKING:
    from shootdown.linux.mm import Mm


class HugeMemory(Part):
    """The huge entries of one address space; its memory is MADV_HUGEPAGE."""

    def __init__(self, mm: Mm) -> None:
        kernel = mm.arch.kernel
        self.label = "huge"
        self.mm = mm
        mm.huge = self
        self.leaf = Atomic(PerTable(Flag))
        """the entry above is huge"""
        self.copies_whole = kernel < (5, 8, 0)
        """do_huge_pmd_wp_page() copies a shared huge page as a huge page; from 5.8 on it splits
        (commit 3917c80280c9)"""
        self.zero_is_replaced = kernel < (5, 8, 0) or kernel >= (6, 13, 0)
        """a write to the huge zero page gives a huge page (do_huge_zero_wp_pmd() since 6.13);
        in between it splits"""
        self.khugepaged = Khugepaged(mm, self)

    # --- looking ------------------------------------------------------------------------------

    def table_of(self, page: int) -> int:
        """The number of the entry above that covers a page."""
        return page // self.mm.entries

    def block(self, page: int) -> PageRange:
        """The pages under the same entry above: [haddr, haddr + HPAGE_PMD_SIZE)."""
        first = page - page % self.mm.entries
        return PageRange(first, _lower(first + self.mm.entries, self.mm.pages))

    def walk(self, page: int) -> Pte:
        """What a walk from the top finds: a CPU's, which remembers no table."""
        table = self.table_of(page)
        if self.leaf[table] or self.mm.table[table]:
            return self.mm.pte[page]
        return EMPTY

    def is_covered(self, block: PageRange, range: PageRange) -> bool:
        """The range contains all of the block."""
        return range.start <= block.start and block.end <= range.end

    def is_shared(self, block: PageRange) -> bool:
        """Somebody else refers to one of its pages. Caller holds the page-table lock."""
        for page in block:
            if self.mm.memory.refcount[self.mm.pte[page].frame] != 1:
                return True
        return False

    # --- one entry, written in one step -------------------------------------------------------

    @indivisible
    def set_rights(self, block: PageRange, rights: int) -> None:
        """pmdp_set_wrprotect(), pmdp_set_access_flags(), pmdp_invalidate() (PROT_NONE)."""
        for page in block:
            self.mm.pte[page] = self.mm.pte[page].with_rights(rights)

    @indivisible
    def clear(self, block: PageRange) -> None:
        """pmd_clear(): the entry above is none."""
        self.leaf[self.table_of(block.start)] = False
        for page in block:
            self.mm.pte[page] = EMPTY

    @indivisible
    def zap(self, block: PageRange) -> None:
        """zap_huge_pmd(): cleared, and the deposited table goes back to the allocator at once."""
        self.clear(block)
        for cache in self.mm.walk_caches:
            cache.table_freed(self.table_of(block.start))

    @indivisible
    def install(self, block: PageRange, rights: int) -> None:
        """set_pmd_at() of a new huge page."""
        self.mm.populate_upper(block.start)
        self.leaf[self.table_of(block.start)] = True
        head = ZERO_FRAME
        for page in block:
            frame = self.mm.memory.alloc_page()
            if page == block.start:
                head = frame
            self._join(frame, head, page - block.start)
            self.mm.pte[page] = Pte(frame, rights)
        self._place(head, block.start)

    def _join(self, frame: int, head: int, number: int) -> None:
        if self.mm.memory.folios is not None:
            self.mm.memory.folios.join(frame, head, number)

    def _place(self, head: int, page: int) -> None:
        """folio_add_new_anon_rmap(): where the folio belongs."""
        folios, vmas = self.mm.memory.folios, self.mm.vmas
        if folios is not None and vmas is not None:
            folios.index[head] = vmas.offset[page]
            folios.anon_vma[head] = vmas.anon_vma[page]

    @indivisible
    def install_zero(self, block: PageRange) -> None:
        """set_huge_zero_folio()"""
        self.mm.populate_upper(block.start)
        self.leaf[self.table_of(block.start)] = True
        for page in block:
            self.mm.pte[page] = Pte(ZERO_FRAME, READ_ONLY)

    @indivisible
    def populate(self, block: PageRange, rights: int) -> None:
        """pmd_populate(): the deposited table, filled with what the huge entry mapped."""
        table = self.table_of(block.start)
        self.leaf[table] = False
        self.mm.table[table] = True
        for page in block:
            self.mm.pte[page] = self.mm.pte[page].with_rights(rights)

    def clear_flush(self, block: PageRange) -> None:
        """pmdp_huge_clear_flush(), under the page-table lock."""
        self.clear(block)
        self.mm.arch.flush_pmd_tlb_range(block)

    def clear_flush_notify(self, block: PageRange) -> None:
        """pmdp_huge_clear_flush_notify(); without `_notify` from 6.6 on."""
        self.clear_flush(block)
        self.mm.notifiers.pte_cleared_and_flushed(block)

    # --- splitting ----------------------------------------------------------------------------

    def split(self, block: PageRange) -> None:
        """__split_huge_pmd(): S, [present-invalid, C, X, table filled and linked], E (row 25).

        Start and end are sent before anybody looks whether the entry is huge. Nobody sees it as
        none meanwhile. Up to 4.4, __split_huge_page_map() changed entries after an empty pair.
        """
        announced = MmuNotifierRange(block.start, block.end, Event.CLEAR, "__split_huge_pmd")
        self.mm.notifiers.invalidate_range_start(announced)
        if not self.mm.notifiers.split_is_announced:
            self.mm.notifiers.invalidate_range_end(announced)
        with self.mm.page_table_lock:
            if self.leaf[self.table_of(block.start)]:
                self._split_locked(block)
        if self.mm.notifiers.split_is_announced:
            self.mm.notifiers.invalidate_range_only_end(announced)

    def _split_locked(self, block: PageRange) -> None:
        rights = self.mm.pte[block.start].rights
        self.set_rights(block, PROT_NONE)
        self.mm.arch.flush_pmd_tlb_range(block)
        self.populate(block, rights)
        count("huge pages split")

    def split_file(self, block: PageRange) -> None:
        """The same for a file's: S, [P-, C, X; references dropped], E. The entry stays none, a
        fault brings the pages back (4.8 on)."""
        announced = MmuNotifierRange(block.start, block.end, Event.CLEAR, "__split_huge_pmd")
        self.mm.notifiers.invalidate_range_start(announced)
        with self.mm.page_table_lock:
            if self.leaf[self.table_of(block.start)]:
                frames = self._frames(block)
                self.clear_flush_notify(block)
                for frame in frames:
                    self.mm.memory.put_page(frame)
        self.mm.notifiers.invalidate_range_only_end(announced)

    def split_uncovered(self, range: PageRange) -> None:
        """Split the huge entries that a range covers in part only: zap_pmd_range(),
        change_pmd_range(), move_page_tables()."""
        for page in (range.start, range.end - 1):
            block = self.block(page)
            if self.leaf[self.table_of(page)] and not self.is_covered(block, range):
                self.split(block)

    def _frames(self, block: PageRange) -> list[int]:
        """What the block maps; the zero page where the address space ends before it."""
        return [self._frame(block, offset) for offset in range(self.mm.entries)]

    def _frame(self, block: PageRange, offset: int) -> int:
        if block.start + offset < block.end:
            return self.mm.pte[block.start + offset].frame
        return ZERO_FRAME

    # --- moving -------------------------------------------------------------------------------

    def move(self, old: PageRange, new: PageRange) -> None:
        """move_normal_pmd() and move_huge_pmd(): [old cleared, new set, C, X] (row 8); up to 4.18
        the flush of the old place comes after the lock (CVE-2018-18281). Caller has sent start."""
        with self.mm.page_table_lock:
            self._move(old, new)
            if self.mm.notifiers.mremap_flushes_under_lock:
                self.mm.arch.flush_pmd_tlb_range(old)
        if not self.mm.notifiers.mremap_flushes_under_lock:
            self.mm.arch.flush_pmd_tlb_range(old)

    @indivisible
    def _move(self, old: PageRange, new: PageRange) -> None:
        """pmd_clear() and pmd_populate() or set_pmd_at(): what the entry above leads to changes
        its place."""
        source, target = self.table_of(old.start), self.table_of(new.start)
        self.leaf[target] = self.leaf[source]
        self.mm.table[target] = self.mm.table[source]
        self.leaf[source] = False
        self.mm.table[source] = False
        for page in old:
            self.mm.pte[page - old.start + new.start] = self.mm.pte[page]
            self.mm.pte[page] = EMPTY
            move_entry_bits(self.mm, page, page - old.start + new.start)

    # --- faults -------------------------------------------------------------------------------

    def fault(self, page: int, write: bool) -> bool:
        """__handle_mm_fault() above page tables; False: go on at the entry of the page.

        Nothing there: a huge page, or the huge zero page, if one VMA covers the block. A write that
        is not allowed: the right if nobody else has the page (row 12), else row 26.
        """
        block = self.block(page)
        with self.mm.page_table_lock:
            if not self.leaf[self.table_of(page)]:
                return self._anonymous(block, page, write)
            old = self.mm.pte[page]
            if not write or old.writable:
                return True
            if old.frame != ZERO_FRAME and not self.is_shared(block):
                self.set_rights(block, READ_WRITE)
                self.mm.arch.pmd_upgraded(block)
                count("write faults, huge page reused")
                return True
        return self._write_protected(block, page, old)

    def _anonymous(self, block: PageRange, page: int, write: bool) -> bool:
        """do_huge_pmd_anonymous_page(). That no huge page is to be had is not modelled."""
        if self.mm.table[self.table_of(page)] or not self.is_suitable(block, page):
            return False
        if self.mm.vmas is not None:
            anon_vma_prepare(self.mm.vmas, page)
        if write:
            self.install(block, READ_WRITE)
        else:
            self.install_zero(block)
        return True

    def is_suitable(self, block: PageRange, page: int) -> bool:
        """thp_vma_allowable_order(): one VMA covers the block, and it is MADV_HUGEPAGE."""
        if len(block) < self.mm.entries:
            return False
        if self.mm.vmas is not None:
            return self._is_advised(self.mm.vmas, block, page)
        for each in block:
            if self.mm.vma[each] != self.mm.vma[page]:
                return False
        return True

    def _is_advised(self, vmas: Vmas, block: PageRange, page: int) -> bool:
        if not vmas.has(page, HUGEPAGE) or not vmas.is_anonymous(page):
            return False
        return self.is_covered(block, vmas.find(page))

    def _write_protected(self, block: PageRange, page: int, old: Pte) -> bool:
        """do_huge_pmd_wp_page() where more than a right is needed."""
        self.mm.begin(block)
        whole = self.zero_is_replaced if old.frame == ZERO_FRAME else self.copies_whole
        if whole:
            self._copy(block, page, old)
        else:
            self.split(block)
        self.mm.end(block)
        return whole

    def _copy(self, block: PageRange, page: int, old: Pte) -> None:
        """do_huge_zero_wp_pmd(), or before 5.8 any huge page: S, [P-, C, X, P+], E (row 26)."""
        announced = MmuNotifierRange(block.start, block.end, Event.CLEAR, "do_huge_pmd_wp_page")
        self.mm.notifiers.invalidate_range_start(announced)
        with self.mm.page_table_lock:
            if self.leaf[self.table_of(page)] and self.mm.pte[page] == old:
                self._replace(block)
        self.mm.notifiers.invalidate_range_only_end(announced)
        count("write faults, huge page copied")

    def _replace(self, block: PageRange) -> None:
        """Where only the huge zero page is replaced there are no references to drop."""
        if not self.copies_whole:
            self.clear_flush_notify(block)
            self.install(block, READ_WRITE)
            return
        frames = self._frames(block)
        self.clear_flush_notify(block)
        self.install(block, READ_WRITE)
        for frame in frames:
            self.mm.memory.put_page(frame)


def _lower(a: int, b: int) -> int:
    if a < b:
        return a
    return b
