"""KVM with the young callbacks: which pages the guest used.

virt/kvm/kvm_main.c, kvm_mmu_notifier_clear_flush_young(), _clear_young() and _test_young(); with
accessed bits in second-level entries (EPT A/D, arch/x86/kvm/mmu/tdp_mmu.c). An entry that goes away
hands its bit to the page (kvm_set_pfn_accessed()).
"""

from __future__ import annotations

from shootdown.drivers.kvm import Kvm
from shootdown.lang.declare import (
    EMPTY,
    Atomic,
    Flag,
    PageRange,
    PerPage,
    test_and_clear_bit,
)
from shootdown.linux.mm import Mm


class KvmAging(Kvm):
    """Tells what the guest used."""

    def __init__(self, mm: Mm) -> None:
        super().__init__(mm)
        self.accessed = Atomic(PerPage(Flag))
        """set by the hardware's walks"""

    def invalidate_range_start(self, range: PageRange) -> None:
        """Unmap; what was used is not forgotten with the entry."""
        with self.mmu_lock:
            self.mmu_invalidate_in_progress += 1
            for page in range:
                self.table[page] = EMPTY
                if test_and_clear_bit(0, self.accessed[page]):
                    self.mm.folio_mark_accessed(page)
            self.device.flush(range)

    def clear_flush_young(self, range: PageRange) -> bool:
        """kvm_age_gfn(), and a flush of what was young."""
        young = self.clear_young(range)
        if young:
            self.device.flush(range)
        return young

    def clear_young(self, range: PageRange) -> bool:
        """kvm_age_gfn(): no flush."""
        young = False
        for page in range:
            if test_and_clear_bit(0, self.accessed[page]):
                young = True
        return young

    def test_young(self, page: int) -> bool:
        """kvm_test_age_gfn()"""
        return self.accessed[page]


class KvmForgetsYoung(KvmAging):
    """Mistake: the entry's bit is lost when the entry goes away or is asked for."""

    def clear_young(self, range: PageRange) -> bool:
        """Clears the bits and answers from an entry that is present, not from its bit."""
        for page in range:
            self.accessed[page] = False
        return False
