"""AMD IOMMUv2 as it was before 3.19: an empty page table between start and end.

drivers/iommu/amd_iommu_v2.c of 3.16, mn_invalidate_range_start() and _end(): as nothing can flush
the device at the right moment, it is cut off from the page table for the whole time. That is safe.
But every access of the process's device faults meanwhile, related or not, and the fault handler,
seeing an invalidation in progress, answers SUCCESS without doing anything: the device faults again
at once. One that bounds its retries gives up (B3).
"""

from __future__ import annotations

from shootdown.devices.iommu import INVALID, SUCCESS, Iommu
from shootdown.drivers.driver import Driver
from shootdown.lang.declare import Counter, PageRange, Spinlock
from shootdown.linux.mm import Mm


class AmdIommuV2(Driver):
    """mmu_notifier_count counts ranges under way; the root is empty while it is not zero."""

    hardware = Iommu
    last_kernel = (3, 18, 0)

    def __init__(self, mm: Mm) -> None:
        super().__init__(mm)
        self.lock = Spinlock()
        self.notifier_count = Counter()

    def invalidate_range_start(self, range: PageRange) -> None:
        """The first range under way switches to the empty table and flushes everything."""
        with self.lock:
            if self.notifier_count == 0:
                self.device.set_empty_root(True)
                self.device.flush_all()
            self.notifier_count += 1

    def invalidate_range_end(self, range: PageRange) -> None:
        """The last one switches back."""
        with self.lock:
            self.notifier_count -= 1
            if self.notifier_count == 0:
                self.device.set_empty_root(False)

    def device_fault(self, page: int, write: bool) -> int:
        """do_fault(): nothing is done while a range is under way, and the answer is SUCCESS."""
        if self.notifier_count > 0:
            return SUCCESS
        if self.mm.page_fault(page, write):
            return SUCCESS
        return INVALID
