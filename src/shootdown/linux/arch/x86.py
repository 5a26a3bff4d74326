"""x86-64: CPUs are flushed by IPI, then secondary TLBs are told (arch/x86/mm/tlb.c).

An access that its TLB entry does not allow walks again before it faults (Intel SDM vol. 3A,
4.10.2.3 and 4.10.4.3), so giving rights back needs no flush: ptep_set_access_flags() only writes
the entry (arch/x86/mm/pgtable.c).
"""

from __future__ import annotations

from shootdown.lang.declare import PageRange
from shootdown.linux.arch.architecture import Architecture


class X86(Architecture):
    """Flush the CPUs, then the others."""

    title = "x86"

    def flush_tlb_range(self, range: PageRange) -> None:
        """flush_tlb_mm_range(); the call of secondary TLBs stands at its end (6.6 on)."""
        for cpu in self.mm.cpus:
            cpu.flush(range)
        self.mm.notifiers.cpu_tlb_flushed(range)

    def flush_tlb_mm(self) -> None:
        """flush_tlb_mm(): (0, TLB_FLUSH_ALL)"""
        self.flush_tlb_range(self.mm.whole)
