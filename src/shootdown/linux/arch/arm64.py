"""arm64: one broadcast instruction (TLBI) reaches every CPU, and DSB waits for it; no IPI.

arch/arm64/include/asm/tlbflush.h. A TLBI takes effect some time before a DSB of the same CPU
completes (Arm ARM, D8.17 "TLB maintenance instructions and their completion"), so the model lets
it take effect at that DSB, the latest moment there is. What that leaves out, an entry that goes
earlier, is as if the CPU had never cached it.

Secondary TLBs are told from 6.6 on (6bbd42e2df8f), before the DSB where a `_nosync` function does
it: flush_tlb_page() always, flush_tlb_range() from 6.12 on. Too many pages for single instructions
become a flush of the whole address space, and then secondary TLBs are told (0, -1UL).

TLBs of CPUs and of an SMMU keep entries that forbid an access until they are invalidated: rights
that are given back have to be flushed (Arm ARM, D8.14, TLB entries of permission faults; SMMUv3,
IHI 0070, 3.21).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from shootdown.lang.declare import Array, PageRange, Pte
from shootdown.linux.arch.architecture import Architecture
from shootdown.linux.version import Version

if TYPE_CHECKING:
    from shootdown.linux.arch.batch import UnmapBatch
    from shootdown.linux.mm import Mm

BATCHES: Version = (6, 6, 0)
"""batched unmap flush (commit 43b3dfdd0455)"""
WAITS_FOR_OTHERS: Version = (6, 16, 0)
"""arch_flush_tlb_batched_pending() flushes itself (commit 4b634918384c; B28)"""
TELLS_BEFORE_DSB: Version = (6, 12, 0)
"""__flush_tlb_range_nosync() (seen from 6.12; 6.6 and 6.8 tell after the DSB)"""
KEEPS_START: Version = (6, 14, 0)
"""the macro for range instructions no longer changes `start` (commit f7edb07ad7c6; B30)"""
LOOKS_AT_RIGHTS: Version = (6, 19, 0)
"""pte_needs_flush() (commit c320dbb7c80d)"""
UPGRADES_LOCALLY: Version = (6, 19, 0)
"""an upgrade is flushed on the CPU that makes it only (commit cb1fa2e99955)"""


class Arm64(Architecture):
    """An SMMU does not hear what CPUs broadcast."""

    title = "arm64"
    summary = "broadcast TLBI; the SMMU keeps denials and does not hear it"
    caches_denials = True

    def __init__(self, mm: Mm, kernel: Version) -> None:
        super().__init__(mm, kernel)
        self.max_dvm_ops = mm.entries
        """MAX_DVM_OPS = PTRS_PER_PTE: from so many pages on everything is flushed"""
        self.tells_before_dsb = kernel >= TELLS_BEFORE_DSB
        self.keeps_start = kernel < BATCHES or kernel >= KEEPS_START
        self.looks_at_rights = kernel >= LOOKS_AT_RIGHTS
        self.arch_tlbbatch_should_defer = kernel >= BATCHES
        self.waits_for_others = kernel >= WAITS_FOR_OTHERS
        self.flushes_upgrades_locally = kernel >= UPGRADES_LOCALLY

    # --- flushes ------------------------------------------------------------------------------

    def flush_tlb_range(self, range: PageRange) -> None:
        """__flush_tlb_range()"""
        if len(range) >= self.max_dvm_ops:
            self.flush_tlb_mm()
            return
        if self.tells_before_dsb:
            self.tell(range)
            self.dsb(range)
        else:
            self.dsb(range)
            self.tell(range)

    def tell(self, range: PageRange) -> None:
        """The range that secondary TLBs are given: from 6.6 to 6.13 an empty one, as the macro that
        issued the instructions had moved `start` to the end (B30)."""
        if self.keeps_start:
            self.mm.notifiers.cpu_tlb_flushed(range)
        else:
            self.mm.notifiers.cpu_tlb_flushed(PageRange(range.end, range.end))

    def flush_tlb_mm(self) -> None:
        """flush_tlb_mm(): by ASID, wait, tell everybody else."""
        self.dsb(self.mm.everything)
        self.mm.notifiers.cpu_tlb_flushed(self.mm.everything)

    def flush_tlb_page(self, page: int) -> None:
        """flush_tlb_page(): flush_tlb_page_nosync(), then DSB."""
        range = PageRange(page, page + 1)
        self.mm.notifiers.cpu_tlb_flushed(range)
        self.dsb(range)

    def dsb(self, range: PageRange) -> None:
        """DSB ISH: what this CPU has invalidated is gone from all of them."""
        for cpu in self.mm.cpus:
            cpu.flush(range)

    # --- entries that change ------------------------------------------------------------------

    def ptep_set_access_flags(self, page: int, pte: Pte) -> None:
        """__ptep_set_access_flags(): a right that was given is flushed, a bit that says accessed
        is not. From 6.19 on other CPUs find out by themselves, secondary TLBs are told as before.
        """
        old = self.mm.pte[page]
        self.mm.pte[page] = pte
        if old.rights != pte.rights:
            if self.flushes_upgrades_locally:
                self.mm.notifiers.cpu_tlb_flushed(PageRange(page, page + 1))
            else:
                self.flush_tlb_page(page)

    def pmd_upgraded(self, range: PageRange) -> None:
        """pmdp_set_access_flags() is __ptep_set_access_flags() (arch/arm64/include/asm/pgtable.h):
        flushed like a page."""
        if self.flushes_upgrades_locally:
            self.mm.notifiers.cpu_tlb_flushed(range)
        else:
            self.flush_pmd_tlb_range(range)

    def ptep_clear_flush_young(self, young: Array[bool], page: int) -> bool:
        """ptep_clear_flush_young(): TLBI without DSB, and from 6.6 on secondary TLBs are told."""
        was = young[page]
        if was:
            young[page] = False
            self.mm.notifiers.cpu_tlb_flushed(PageRange(page, page + 1))
        return was

    # --- unmapping many pages with one wait -----------------------------------------------------

    def arch_tlbbatch_add_pending(self, batch: UnmapBatch, range: PageRange) -> None:
        """TLBI without DSB; secondary TLBs are told at once."""
        for page in range:
            batch.pending[page] = True
        self.mm.notifiers.cpu_tlb_flushed(range)

    def arch_tlbbatch_flush(self, batch: UnmapBatch) -> None:
        """DSB: for what this CPU has invalidated."""
        for page in self.mm.whole:
            if batch.pending[page]:
                batch.pending[page] = False
                self.dsb(PageRange(page, page + 1))

    def arch_flush_tlb_batched_pending(self) -> None:
        """Up to 6.15 only a DSB, which waits for this CPU's own instructions and not for those of
        whoever put the flush off (B28)."""
        if self.waits_for_others:
            self.flush_tlb_mm()


class Arm64Btm(Arm64):
    """Broadcast TLB maintenance (SMMU_CR2.PTM = 0, IHI 0070, 3.17): the SMMU listens.

    It shares the ASID with the CPUs and drops IOTLB entries with them; device TLBs (ATC) are behind
    a bus that the broadcast does not cross. Linux never enabled it for shared page tables, and took
    the remains out in 6.11 (d38c28dbefee).
    """

    title = "arm64-btm"
    summary = "broadcast TLBI, which the SMMU hears (its ATC does not)"
    reaches_devices = True

    def dsb(self, range: PageRange) -> None:
        """DSB waits for the SMMU as it does for the CPUs."""
        super().dsb(range)
        for unit in self.mm.listeners:
            unit.hear_tlbi(range)
