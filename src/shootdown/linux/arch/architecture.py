"""What every architecture has: the flush functions that operations call, under the kernel's names.

A flush returns when no CPU uses the old translations any more. From 6.6 on it is also where
secondary TLBs are told (6bbd42e2df8f), so its order against the CPU's flush and the range it passes
on are part of what an architecture is (section 5 of the facts).

Methods that look at or change entries are called under the page-table lock, flushes with or
without it. What differs by kernel version is decided when the object is made, and costs a run
nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from shootdown.lang.declare import (
    EMPTY,
    Array,
    Flag,
    PageRange,
    Pte,
    test_and_clear_bit,
    unreachable,
)
from shootdown.lang.part import Part
from shootdown.linux.version import Version

if TYPE_CHECKING:
    from shootdown.linux.arch.batch import UnmapBatch
    from shootdown.linux.mm import Mm

FLUSHES_BATCHED_PENDING: Version = (4, 13, 0)
"""flush_tlb_batched_pending() (commit 3ea277194daa)"""


class Architecture(Part):
    """One address space as its processors see it."""

    title: str = ""
    """as `--arch` takes it"""
    summary: str = ""
    """what it is, for `--help` and messages"""
    caches_denials: bool = False
    """TLBs keep an entry that forbids an access, and go on refusing it until they are told"""
    flushes_by_ipi: bool = False
    """a CPU flushes its own TLB, in an interrupt"""
    reaches_devices: bool = False
    """the broadcast that flushes CPUs reaches hardware that walks the CPU's page table"""
    flushes_upgrades_locally: bool = False
    """rights that are given are flushed on one CPU; others fault, and then flush their own TLB"""
    looks_at_rights: bool = False
    """pte_needs_flush() says no where hardware could not have used the entry"""
    arch_tlbbatch_should_defer: bool = False
    """whether reclaim and migration may put the CPU flush off, in should_defer_flush(); False
    without CONFIG_ARCH_WANT_BATCHED_UNMAP_TLB_FLUSH"""

    def __init__(self, mm: Mm, kernel: Version) -> None:
        self.mm = mm
        self.label = "mm"
        self.kernel = kernel
        self.waits_for_batched_unmap = kernel >= FLUSHES_BATCHED_PENDING
        self.tlb_flush_batched = Flag()
        """mm->tlb_flush_batched: entries were cleared whose CPU flush is still to come"""

    # --- flushes ------------------------------------------------------------------------------

    def flush_tlb_range(self, range: PageRange) -> None:
        """flush_tlb_range(): when it returns, every CPU has dropped its entries of the range."""
        raise NotImplementedError

    def flush_tlb_mm(self) -> None:
        """flush_tlb_mm(): the whole address space."""
        raise NotImplementedError

    def flush_tlb_page(self, page: int) -> None:
        """flush_tlb_page()"""
        self.flush_tlb_range(PageRange(page, page + 1))

    def flush_pmd_tlb_range(self, range: PageRange) -> None:
        """flush_pmd_tlb_range(): the range is mapped by a huge entry (include/linux/pgtable.h)."""
        self.flush_tlb_range(range)

    def flush_hugetlb_tlb_range(self, range: PageRange) -> None:
        """flush_hugetlb_tlb_range(): as many pages as the huge page has."""
        self.flush_tlb_range(range)

    def for_cpus(self, range: PageRange) -> PageRange:
        """What CPUs drop for a range: beyond the ceiling all. Secondary TLBs hear of the range."""
        if range.is_everything or not self.mm.geometry.flush_ceiling:
            return range
        start, end = range.start, range.end
        if end - start > self.mm.geometry.flush_ceiling:
            start, end = 0, self.mm.pages
        return PageRange(start, end)

    def tlb_flush(self, range: PageRange, freed_tables: bool) -> None:
        """tlb_flush(): what an mmu_gather collected, with the page tables it is about to free."""
        self.flush_tlb_range(range)

    def tlb_remove_table_sync(self) -> None:
        """Before a page table goes back to the allocator: nobody walks it without a lock any more.

        By the IPI of the flush itself, by tlb_remove_table_sync_one(), or by RCU, which frees later
        what nobody waits for here (MMU_GATHER_RCU_TABLE_FREE, mm/mmu_gather.c).
        """
        for walker in self.mm.lockless:
            walker.synchronize()

    # --- entries that change and are flushed --------------------------------------------------

    def ptep_clear_flush(self, page: int) -> None:
        """ptep_clear_flush(): clear one entry and flush it everywhere (mm/pgtable-generic.c)."""
        self.mm.pte[page] = EMPTY
        self.flush_tlb_page(page)

    def huge_ptep_clear_flush(self, entries: Array[Pte], index: int, range: PageRange) -> None:
        """huge_ptep_clear_flush(): the same for an entry of hugetlb that maps these pages."""
        entries[index] = EMPTY
        self.flush_hugetlb_tlb_range(range)

    def ptep_set_access_flags(self, page: int, pte: Pte) -> None:
        """ptep_set_access_flags(): the entry gets more rights, or becomes dirty or young."""
        self.mm.pte[page] = pte

    def pmd_upgraded(self, range: PageRange) -> None:
        """pmdp_set_access_flags() has given rights to the PMD that maps these pages."""

    def ptep_clear_flush_young(self, young: Array[bool], page: int) -> bool:
        """ptep_clear_flush_young(): was the page accessed since it was last asked? Without a flush
        a TLB entry keeps the page looking old, which only makes reclaim choose worse."""
        return test_and_clear_bit(0, young[page])

    # --- whether mprotect flushes -------------------------------------------------------------

    def pte_needs_flush(self, old: Pte, new: Pte) -> bool:
        """pte_needs_flush(): whether change_protection() must flush after this change.

        include/asm-generic/tlb.h: always, unless the architecture knows better. x86 and arm64 do
        from some kernel on: not for what hardware could not use before (PROT_NONE), else for every
        change of page or rights.
        """
        if self.looks_at_rights:
            return old.readable and old != new
        return True

    # --- unmapping many pages with one flush (mm/rmap.c) ---------------------------------------

    def arch_tlbbatch_add_pending(self, batch: UnmapBatch, range: PageRange) -> None:
        """arch_tlbbatch_add_pending(): entries were cleared, their flush is put off."""
        unreachable()

    def arch_tlbbatch_flush(self, batch: UnmapBatch) -> None:
        """arch_tlbbatch_flush(): the flush that was put off, on every CPU."""
        unreachable()

    def arch_flush_tlb_batched_pending(self) -> None:
        """arch_flush_tlb_batched_pending(): what somebody else put off, for this address space."""
        self.flush_tlb_mm()

    def flush_tlb_batched_pending(self) -> None:
        """flush_tlb_batched_pending(): before 4.13 nothing.

        Called under the page-table lock by whoever might find an entry that reclaim has cleared and
        not flushed yet, and would conclude that there is nothing to flush: zap_pte_range(),
        change_pte_range(), move_ptes(), madvise (commit 3ea277194daa; B27).
        """
        if self.waits_for_batched_unmap:
            if self.tlb_flush_batched:
                self.arch_flush_tlb_batched_pending()
                self.tlb_flush_batched = False
