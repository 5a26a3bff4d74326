"""Arm SMMUv3: invalidation by address and number of pages, or of a whole ASID.

drivers/iommu/arm/arm-smmu-v3/arm-smmu-v3-sva.c. A flush callback gets a range in bytes. Too many
pages for single commands, or everything, is written as size 0, which stands for the whole ASID:
CMDQ_MAX_TLBI_OPS, as many as a page table has entries (d5afb4b47e13: without it one munmap kept a
CPU busy for 26 seconds, B31). An empty range has size 0 too, and so arm64's mistake of 6.6 to 6.13
(B30) does no harm here, only work.
"""

from __future__ import annotations

from shootdown.devices.ats import AtsDevice
from shootdown.drivers.hardware_tlb import SharedTable
from shootdown.lang.declare import PageRange
from shootdown.linux.addresses import (
    PAGE_SHIFT,
    PAGE_SIZE,
    ULONG_MAX,
    end_address,
    start_address,
)

WHOLE_ASID = 0
"""size of a request for everything"""


class SmmuV3Sva(SharedTable):
    """6.6 on: arm_smmu_mm_arch_invalidate_secondary_tlbs(), without range commands."""

    first_kernel = (6, 6, 0)
    archs = ("arm64", "arm64-btm")

    def arch_invalidate_secondary_tlbs(self, range: PageRange) -> None:
        """Size from start and end, exclusive (95d4782c34a6)."""
        size = end_address(range) - start_address(range)
        if size == ULONG_MAX or size >= self.mm.entries * PAGE_SIZE:
            size = WHOLE_ASID
        if size == WHOLE_ASID:
            self.device.flush_all()
        else:
            self.device.flush_pages(start_address(range), size >> PAGE_SHIFT)


class SmmuV3SvaInclusive(SharedTable):
    """Up to 5.17, with range commands: the end is taken for the last byte, and the size is one too
    many (B20, repaired by 95d4782c34a6). The loop over commands goes on while its address is below
    the end, but from the last page on there is no page left to move it by: under a spinlock, for
    ever."""

    first_kernel = (4, 13, 0)
    last_kernel = (5, 17, 0)

    def invalidate_range(self, range: PageRange) -> None:
        """arm_smmu_mm_invalidate_range(), __arm_smmu_tlb_inv_range()"""
        size = end_address(range) - start_address(range) + 1
        pages = size >> PAGE_SHIFT
        done = 0
        while done << PAGE_SHIFT < size:
            self.device.flush_pages(start_address(range) + (done << PAGE_SHIFT), pages - done)
            done = pages


class SvaAts(SharedTable):
    """A PCIe device with a TLB of its own: IOTLB first, then ATC."""

    hardware = AtsDevice

    def arch_invalidate_secondary_tlbs(self, range: PageRange) -> None:
        """arm_smmu_tlb_inv_range_asid(), then arm_smmu_atc_inv_domain()"""
        self.device.flush_iotlb(range)
        self.device.flush_atc(range)


class SvaAtsReversed(SharedTable):
    """Mistake: the ATC first. Before the IOTLB is invalidated the device asks again, and gets the
    old translation."""

    hardware = AtsDevice

    def arch_invalidate_secondary_tlbs(self, range: PageRange) -> None:
        """The wrong way round."""
        self.device.flush_atc(range)
        self.device.flush_iotlb(range)


class SvaAtsOnly(SharedTable):
    """Leaves the IOTLB to the broadcast of the CPUs, as arm-smmu-v3-sva.c did where the SMMU takes
    part in it (up to 6.10, d38c28dbefee). Elsewhere that is a mistake; and there too, as the
    callback of a page stands before the DSB that waits for the broadcast (derived)."""

    hardware = AtsDevice

    def arch_invalidate_secondary_tlbs(self, range: PageRange) -> None:
        """arm_smmu_atc_inv_domain() alone"""
        self.device.flush_atc(range)
