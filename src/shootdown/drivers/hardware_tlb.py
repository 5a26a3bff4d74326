"""Drivers of hardware that walks the CPU's page table: three answers to one question, when to
flush.

The device keeps copies of entries that it fills by itself at any moment, so nothing but the order
of entry change, flush and free can make it safe.
"""

from __future__ import annotations

from typing import ClassVar

from shootdown.devices.iommu import INVALID, SUCCESS, Iommu
from shootdown.drivers.driver import Driver
from shootdown.lang.declare import PageRange
from shootdown.linux.version import Version


class SharedTable(Driver):
    """What they have in common: page requests go to the kernel's fault handler.

    Models iommu_sva_handle_mm() and its predecessors (section 3.13 of the facts): no look at
    start and end, no flush; SUCCESS means "try again".
    """

    hardware = Iommu

    def release(self) -> None:
        """The PASID points to an empty table from now on, and caches are flushed: flush points do
        not come any more when the address space is torn down (arm_smmu_mm_release(),
        intel_mm_release())."""
        self.device.set_empty_root(True)
        self.device.flush_all()

    def device_fault(self, page: int, write: bool) -> int:
        """Answer a page request."""
        if self.mm.page_fault(page, write, allow_retry=False):
            return SUCCESS
        return INVALID


class NaiveTlb(SharedTable):
    """Flushes at start and at end. Wrong: in between the device walks again and caches what is
    about to be freed, and a full mmu_gather frees before end (B1 and B2; lkml 2014, 3.19)."""

    last_kernel = (3, 18, 0)

    def invalidate_range_start(self, range: PageRange) -> None:
        """Too early: the entries still stand."""
        self.device.flush(range)

    def invalidate_range_end(self, range: PageRange) -> None:
        """Too late: pages may be freed already."""
        self.device.flush(range)


class InvalidateRange(SharedTable):
    """4.13 to 6.5: AMD IOMMUv2, Intel SVM and SMMUv3 SVA (drivers/iommu/amd_iommu_v2.c of 4.20)."""

    first_kernel: ClassVar[Version | None] = (4, 13, 0)

    def invalidate_range(self, range: PageRange) -> None:
        """After the CPU flush, before the page is freed or replaced."""
        self.device.flush(range)


class InvalidateRangeAndPage(InvalidateRange):
    """3.19 to 4.12: reclaim and write-back call invalidate_page instead, so that is a flush too
    (mn_invalidate_page() of drivers/iommu/amd_iommu_v2.c of 3.19)."""

    first_kernel = (3, 19, 0)
    last_kernel = (4, 12, 0)

    def invalidate_page(self, page: int) -> None:
        """Before the page can be freed."""
        self.device.flush(PageRange(page, page + 1))


class Sva(SharedTable):
    """6.6 on: the same with the flush points where the architecture flushes
    (drivers/iommu/intel/svm.c, arm-smmu-v3-sva.c, amd/pasid.c). It takes a range at its word, which
    was wrong on arm64 from 6.6 to 6.13 (B30): there it is `smmu-v3-sva`."""

    archs = ("x86", "arm64-btm", "powerpc")

    def arch_invalidate_secondary_tlbs(self, range: PageRange) -> None:
        """With every flush of CPU TLBs."""
        self.device.flush(range)
