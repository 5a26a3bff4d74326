"""The KVM pattern: sequence count, count of invalidations in progress, retry.

virt/kvm/kvm_main.c, kvm_mmu_notifier_invalidate_range_start() and _end(), and the fault path of
every architecture (section 3.8 of the facts). The mapping is built from an entry that was read
without any lock that start takes, so before it is installed two questions are asked under
`mmu_lock`: is an invalidation in progress (its entries may be about to change), and has one come
and gone since the entry was read (it may have changed). The two classic mistakes each leave out one
of them.
"""

from __future__ import annotations

from typing import ClassVar

from shootdown.drivers.driver import Driver
from shootdown.lang.declare import EMPTY, Atomic, Counter, PageRange, PerPage, Pte, Spinlock
from shootdown.linux.mm import Mm
from shootdown.linux.version import Version
from shootdown.program.kind import READ_ONLY


class Kvm(Driver):
    """A guest whose second-level page table mirrors the process, as from 4.13 on."""

    first_kernel: ClassVar[Version | None] = (4, 13, 0)

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

    def release(self) -> None:
        """kvm_flush_shadow_all(): nothing is mapped any more."""
        with self.mmu_lock:
            for page in range(self.mm.pages):
                self.table[page] = EMPTY
            self.device.flush_all()

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


class KvmPages(Kvm):
    """KVM up to 4.12, which hears of single pages: invalidate_page is start and end at once.

    virt/kvm/kvm_main.c of 2.6.28 to 4.12, kvm_mmu_notifier_invalidate_page(). (2.6.28 flushed the
    guest's TLB after it had dropped mmu_lock, B34: `kvm-late-flush`.)
    """

    first_kernel = (2, 6, 27)
    last_kernel = (4, 12, 0)

    def invalidate_page(self, page: int) -> None:
        """The sequence tells faults that are under way; the page cannot change again meanwhile."""
        with self.mmu_lock:
            self.mmu_invalidate_seq += 1
            self.table[page] = EMPTY
            self.device.flush(PageRange(page, page + 1))


class KvmChangePte(KvmPages):
    """KVM with change_pte: an entry that is replaced is replaced here too, not dropped.

    kvm_mmu_notifier_change_pte() and kvm_set_pte_rmapp(), arch/x86/kvm/mmu.c of 3.6. From 3.7 on
    start has dropped the entry before, and the lines that replace it are never reached (B18). From
    2.6.32 to 3.5 CPUs saw the new page first (`linux/notifiers/v3_6.py`).
    """

    first_kernel = (2, 6, 32)

    def change_pte(self, page: int, pte: Pte) -> None:
        """Read-only: who writes faults once more."""
        with self.mmu_lock:
            self.mmu_invalidate_seq += 1
            if self.table[page].present:
                self.table[page] = pte.with_rights(READ_ONLY)
                self.device.flush(PageRange(page, page + 1))


class KvmLateFlush(KvmPages):
    """Mistake of 2.6.28 (B34): the guest's TLB is flushed after mmu_lock was dropped. Whoever takes
    it then finds nothing to unmap, and returns while the old entry is still in use."""

    last_kernel = (2, 6, 28)

    def invalidate_range_start(self, range: PageRange) -> None:
        """Only who has unmapped something flushes."""
        unmapped = False
        with self.mmu_lock:
            self.mmu_invalidate_in_progress += 1
            for page in range:
                if self.table[page].present:
                    self.table[page] = EMPTY
                    unmapped = True
        if unmapped:
            self.device.flush(range)


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
