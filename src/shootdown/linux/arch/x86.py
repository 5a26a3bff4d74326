"""x86-64: CPUs are flushed by IPI, then secondary TLBs are told (arch/x86/mm/tlb.c).

An access that its TLB entry does not allow walks again before it faults (Intel SDM vol. 3A,
4.10.2.3 and 4.10.4.3), so giving rights back needs no flush: ptep_set_access_flags() only writes
the entry (arch/x86/mm/pgtable.c), and clearing the young bit does not flush either.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from shootdown.lang.declare import PageRange
from shootdown.linux.arch.architecture import Architecture
from shootdown.linux.version import Version

if TYPE_CHECKING:
    from shootdown.linux.arch.batch import UnmapBatch
    from shootdown.linux.mm import Mm

BATCHES: Version = (4, 3, 0)
"""one IPI for everything reclaim unmapped (commit 72b252aed506)"""
SPARES_LAZY: Version = (4, 20, 0)
"""no IPI for CPUs in lazy TLB mode (commit 145f573b89a6)"""
LOOKS_AT_RIGHTS: Version = (5, 19, 0)
"""pte_needs_flush() (commit c9fe66560bf2)"""


class X86(Architecture):
    """Flush the CPUs, then the others."""

    title = "x86"
    summary = "IPIs, then secondary TLBs; upgrades of rights are not flushed"
    flushes_by_ipi = True

    def __init__(self, mm: Mm, kernel: Version) -> None:
        super().__init__(mm, kernel)
        self.looks_at_rights = kernel >= LOOKS_AT_RIGHTS
        self.arch_tlbbatch_should_defer = kernel >= BATCHES
        self.spares_lazy = kernel >= SPARES_LAZY

    # --- flushes ------------------------------------------------------------------------------

    def flush_tlb_range(self, range: PageRange) -> None:
        """flush_tlb_mm_range(); the call of secondary TLBs stands at its end (6.6 on), and passes
        on the range it was given even where the CPUs drop everything."""
        self.flush_cpus(range, False)
        self.mm.notifiers.cpu_tlb_flushed(range)

    def tlb_flush(self, range: PageRange, freed_tables: bool) -> None:
        """tlb_flush(): flush_tlb_mm_range() with freed_tables, where lazy CPUs are not spared."""
        self.flush_cpus(range, freed_tables)
        self.mm.notifiers.cpu_tlb_flushed(range)

    def flush_cpus(self, range: PageRange, freed_tables: bool) -> None:
        """inc_mm_tlb_gen(), then flush_tlb_multi(): all CPUs, or those that are not lazy (4.20 on;
        before, lazy CPUs were interrupted too)."""
        for cpu in self.mm.cpus:
            cpu.generation_raised()
        dropped = self.for_cpus(range)
        if not self.spares or freed_tables:
            for cpu in self.mm.cpus:
                cpu.flush(dropped)
        else:
            for cpu in self.mm.cpus:
                cpu.flush_unless_lazy(dropped)

    @property
    def spares(self) -> bool:
        """Whether a flush may leave CPUs out. Known before the machine starts."""
        return self.spares_lazy and any(cpu.goes_lazy for cpu in self.mm.cpus)

    def flush_tlb_mm(self) -> None:
        """flush_tlb_mm(): (0, TLB_FLUSH_ALL)"""
        self.flush_tlb_range(self.mm.everything)

    # --- unmapping many pages with one flush ----------------------------------------------------

    def arch_tlbbatch_add_pending(self, batch: UnmapBatch, range: PageRange) -> None:
        """Notes which CPUs to interrupt. Secondary TLBs are told at once, and to drop everything,
        with every call (6.6 on: (0, -1UL), B29)."""
        for cpu in self.mm.cpus:
            cpu.generation_raised()
        self.mm.notifiers.cpu_tlb_flushed(self.mm.everything)

    def arch_tlbbatch_flush(self, batch: UnmapBatch) -> None:
        """One IPI to every CPU that may have an entry; each drops everything."""
        for cpu in self.mm.cpus:
            cpu.flush(self.mm.everything)
