"""All devices of one driver, behind the commands a driver can give."""

from __future__ import annotations

from shootdown.devices.ats import AtsDevice
from shootdown.devices.device import Device
from shootdown.devices.driver_interface import DriverInterface
from shootdown.devices.iommu import Iommu
from shootdown.lang.declare import PageRange
from shootdown.linux.addresses import PAGE_SHIFT
from shootdown.linux.mm import Mm


class Devices:
    """`driver.device`: one command for however many devices are bound."""

    def __init__(self, make: type[Device], mm: Mm, driver: DriverInterface) -> None:
        self.mm = mm
        self.units = [make(mm, driver, number) for number in range(mm.geometry.devices)]
        self.iommus = [unit for unit in self.units if isinstance(unit, Iommu)]
        self.ats = [unit for unit in self.units if isinstance(unit, AtsDevice)]

    def flush(self, range: PageRange) -> None:
        """Invalidate the range in every device; returns when all have completed."""
        for unit in self.units:
            unit.invalidate(range)

    def flush_all(self) -> None:
        """Invalidate everything in every device."""
        self.flush(self.mm.whole)

    # --- with address and size, as hardware takes them ------------------------------------------

    def flush_block(self, address: int, order: int) -> None:
        """2**order pages that begin at a multiple of their number: hardware ignores the low bits of
        the address. PASID-selective invalidation of VT-d (4.1, 6.5.2.3, address mask), AMD IOMMU's
        INVALIDATE_IOTLB_PAGES (2.4.4, the S bit), an ATC invalidate request (PCIe 6.0, 10.3.1)."""
        first = (address >> PAGE_SHIFT) >> order << order
        self.flush(self.within(first, first + (1 << order)))

    def flush_pages(self, address: int, pages: int) -> None:
        """So many pages from there on: one or more commands of an SMMU (IHI 0070, 4.4.2)."""
        first = address >> PAGE_SHIFT
        self.flush(self.within(first, first + pages))

    def within(self, start: int, end: int) -> PageRange:
        """What of it the address space has."""
        if end > self.mm.pages:
            return PageRange(start, self.mm.pages)
        return PageRange(start, end)

    # --- in two parts, for devices with a TLB of their own --------------------------------------

    def flush_iotlb(self, range: PageRange) -> None:
        """What the IOMMU keeps."""
        for unit in self.ats:
            unit.invalidate_iotlb(range)

    def flush_atc(self, range: PageRange) -> None:
        """What the devices keep."""
        for unit in self.ats:
            unit.invalidate_atc(range)

    def set_empty_root(self, empty: bool) -> None:
        """Switch every device between the process's page table and an empty one."""
        for unit in self.iommus:
            unit.set_empty_root(empty)
