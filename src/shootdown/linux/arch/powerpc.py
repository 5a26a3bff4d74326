"""powerpc with the radix MMU: tlbie reaches all CPUs, then secondary TLBs are told.

arch/powerpc/mm/book3s64/radix_tlb.c: every function that flushes an address space, a range or a
page tells them at its end (6.6 on), a flush of the address space (0, -1UL), a range as it is, even
where the CPUs drop everything (tlb_single_page_flush_ceiling).

An access that is denied is looked up again (Power ISA 3.1B, 6.10.1.2, "Setting a Reference or
Change Bit or Upgrading Access Authority"), so giving rights back needs no flush; except for the
nest MMU, which coprocessors translate through: POWER9's cannot relax the rights of an entry it
has. With a coprocessor (mm->context.copros) the entry is made invalid, flushed, and only then set
(radix__ptep_set_access_flags(), pgtable.c there, commit bd5050e38aec, 4.18).
"""

from __future__ import annotations

from shootdown.lang.declare import EMPTY, PageRange, Pte
from shootdown.linux.arch.architecture import Architecture
from shootdown.linux.version import Version

FLUSHES_FOR_NEST_MMU: Version = (4, 18, 0)
"""commit bd5050e38aec"""


class Powerpc(Architecture):
    """radix; without batched unmap flush and without a pte_needs_flush() that says no."""

    title = "powerpc"
    summary = "radix: tlbie, then secondary TLBs; upgrades are flushed for coprocessors"

    @property
    def copros(self) -> bool:
        """mm->context.copros > 0: hardware that walks this page table is attached."""
        return bool(self.mm.walk_caches)

    def flush_tlb_range(self, range: PageRange) -> None:
        """radix__flush_tlb_range()"""
        dropped = self.for_cpus(range)
        for cpu in self.mm.cpus:
            cpu.flush(dropped)
        self.mm.notifiers.cpu_tlb_flushed(range)

    def flush_tlb_mm(self) -> None:
        """radix__flush_tlb_mm()"""
        self.flush_tlb_range(self.mm.everything)

    def ptep_set_access_flags(self, page: int, pte: Pte) -> None:
        """radix__ptep_set_access_flags()"""
        if self.copros and self.kernel >= FLUSHES_FOR_NEST_MMU:
            if self.mm.pte[page].rights != pte.rights:
                self.mm.pte[page] = EMPTY
                self.flush_tlb_page(page)
        self.mm.pte[page] = pte
