"""On-demand paging of InfiniBand memory regions, as it was before interval notifiers.

drivers/infiniband/core/umem_odp.c and umem_rbtree.c of 3.19: a count of ranges under way, a
sequence, and a completion that faults wait on. invalidate_page counts as start and end at once. The
umem_mutex sleeps, which invalidate_page allows from 3.7 to 4.10 only: the accident of 4.11 hit this
driver (B6). From 5.5 on it is one interval notifier (`hmm-mirror` is the same protocol).
"""

from __future__ import annotations

from typing import ClassVar

from shootdown.drivers.driver import Driver
from shootdown.lang.declare import EMPTY, Atomic, Counter, Mutex, PageRange, PerPage, Pte
from shootdown.linux.mm import Mm
from shootdown.linux.version import Version


class UmemOdp(Driver):
    """notifiers_count and notifiers_seq of a umem, both under umem_mutex."""

    first_kernel: ClassVar[Version | None] = (3, 19, 0)
    last_kernel = (4, 10, 0)

    def __init__(self, mm: Mm) -> None:
        super().__init__(mm)
        self.umem_mutex = Mutex()
        self.notifiers_seq = Counter()
        self.notifiers_count = Counter()
        self.table = Atomic(PerPage(Pte))
        """the device's MTT"""

    def invalidate_range_start(self, range: PageRange) -> None:
        """ib_umem_notifier_start_account(), and the mappings are dropped."""
        with self.umem_mutex:
            self.notifiers_count += 1
            self.unmap(range)

    def invalidate_range_end(self, range: PageRange) -> None:
        """ib_umem_notifier_end_account(): the sequence, then the count."""
        with self.umem_mutex:
            self.notifiers_seq += 1
            self.notifiers_count -= 1

    def invalidate_page(self, page: int) -> None:
        """invalidate_page_trampoline(): start, unmap and end in one."""
        with self.umem_mutex:
            self.unmap(PageRange(page, page + 1))
            self.notifiers_seq += 1

    def unmap(self, range: PageRange) -> None:
        """ib_umem_odp_unmap_dma_pages(), and the device's table entries with it."""
        for page in range:
            self.table[page] = EMPTY
        self.device.flush(range)

    def release(self) -> None:
        """ib_umem_notifier_release(): everything, as if a range had begun that never ends."""
        with self.umem_mutex:
            self.notifiers_count += 1
            self.unmap(self.mm.whole)

    def device_fault(self, page: int, write: bool) -> None:
        """pagefault_single_data_segment(): -EAGAIN lets the NIC fault again."""
        seq = self.notifiers_seq
        pte = self.mm.fault_in(page, write)
        with self.umem_mutex:
            if self.notifiers_count == 0 and self.notifiers_seq == seq:
                self.table[page] = pte


class UmemOdpCountsLate(UmemOdp):
    """Mistake: start drops the mappings before it counts: between the two a fault maps again."""

    def invalidate_range_start(self, range: PageRange) -> None:
        """Two sections instead of one."""
        with self.umem_mutex:
            self.unmap(range)
        with self.umem_mutex:
            self.notifiers_count += 1
