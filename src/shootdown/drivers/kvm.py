"""The KVM pattern: sequence count, count of invalidations in progress, retry.

virt/kvm/kvm_main.c, kvm_mmu_notifier_invalidate_range_start() and _end(), and the fault path of
every architecture (section 3.8 of the facts). The mapping is built from an entry that was read
without any lock that start takes, so before it is installed two questions are asked under
`mmu_lock`: is an invalidation in progress (its entries may be about to change), and has one come
and gone since the entry was read (it may have changed). The two classic mistakes each leave out one
of them.
"""

from __future__ import annotations

from shootdown.drivers.driver import Driver
from shootdown.lang.declare import EMPTY, Atomic, Counter, PageRange, PerPage, Pte, Spinlock
from shootdown.linux.mm import Mm


class Kvm(Driver):
    """A guest whose second-level page table mirrors the process."""

    def __init__(self, mm: Mm) -> None:
        super().__init__(mm)
        self.mmu_lock = Spinlock()
        """an rwlock on some architectures, never one that sleeps: start may be non-blockable"""
        self.mmu_invalidate_seq = Counter()
        self.mmu_invalidate_in_progress = Counter()
        self.table = Atomic(PerPage(Pte))
        """entries are written whole, with WRITE_ONCE (arch/x86/kvm/mmu/tdp_iter.h)"""

    def invalidate_range_start(self, range: PageRange) -> None:
        """Unmap, and flush before mmu_lock is dropped (B34)."""
        with self.mmu_lock:
            self.mmu_invalidate_in_progress += 1
            for page in range:
                self.table[page] = EMPTY
            self.device.flush(range)

    def invalidate_range_end(self, range: PageRange) -> None:
        """The sequence first, then the count: who sees no invalidation must see the new
        sequence."""
        with self.mmu_lock:
            self.mmu_invalidate_seq += 1
            self.mmu_invalidate_in_progress -= 1

    def device_fault(self, page: int, write: bool) -> None:
        """kvm_faultin_pfn() and the install under mmu_lock; the guest simply faults again."""
        seen = self.mmu_invalidate_seq
        pte = self.mm.fault_in(page, write)
        with self.mmu_lock:
            if self.must_retry(seen):
                return
            self.table[page] = pte

    def must_retry(self, seen: int) -> bool:
        """mmu_invalidate_retry()"""
        if self.mmu_invalidate_in_progress > 0:
            return True
        return self.mmu_invalidate_seq != seen


class KvmWithoutInProgress(Kvm):
    """Mistake: between start and end a mapping is installed that start can no longer remove."""

    def must_retry(self, seen: int) -> bool:
        """Only asks whether an invalidation has ended."""
        return self.mmu_invalidate_seq != seen


class KvmWithoutSequence(Kvm):
    """Mistake: an invalidation that came and went after the entry was read goes unnoticed."""

    def must_retry(self, seen: int) -> bool:
        """Only asks whether an invalidation is in progress."""
        return self.mmu_invalidate_in_progress > 0
