"""A PCIe device with a TLB of its own (ATC) behind the IOTLB of the IOMMU: address translation
services, PCIe 6.0, chapter 10.

The device asks the IOMMU for a translation and keeps it; the IOMMU answers from its IOTLB or by a
walk. So there are two invalidations, and their order matters: IOTLB first, or the ATC fills up
again from what the IOTLB still has (Intel VT-d 4.1, 6.5.2.5; IHI 0070, 3.9.1). Broadcast TLB
maintenance of CPUs reaches the IOTLB only.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from shootdown.devices.iommu import Iommu
from shootdown.lang.declare import EMPTY, PageRange, PerPage, Pte, count, indivisible, wait_until

if TYPE_CHECKING:
    from shootdown.devices.driver_interface import DriverInterface
    from shootdown.linux.mm import Mm


class AtsDevice(Iommu):
    """`tlb` is the ATC, `iotlb` what the IOMMU keeps of its walks for this device."""

    def __init__(self, mm: Mm, driver: DriverInterface, number: int) -> None:
        super().__init__(mm, driver, number)
        self.iotlb = PerPage(Pte)

    def translate(self, page: int, write: bool) -> Pte:
        """ATC; a translation request; IOTLB; walk."""
        pte = self.tlb[page]
        if self.must_walk(pte, write):
            pte = self.request_translation(page, write)
            if pte.readable:
                self.fill(page, pte)
                count("TLB entries filled by the device")
        if pte.allows(write):
            self.in_flight = True
        return pte

    def request_translation(self, page: int, write: bool) -> Pte:
        """The answer of the IOMMU."""
        pte = self.iotlb[page]
        if self.must_walk(pte, write):
            count("walks by the device")
            pte = self.noted(page, self.walk(page), write)
            if pte.readable:
                self.iotlb[page] = pte
        return pte

    # --- invalidation -------------------------------------------------------------------------

    def invalidate(self, range: PageRange) -> None:
        """Both, in the order that is right."""
        self.invalidate_iotlb(range)
        self.invalidate_atc(range)

    @indivisible
    def invalidate_iotlb(self, range: PageRange) -> None:
        """IOTLB and walk cache."""
        count("invalidation commands")
        self.forget_iotlb(range)

    def invalidate_atc(self, range: PageRange) -> None:
        """The device answers when requests that use the translation have landed."""
        self.atc_command(range)
        wait_until(not self.draining)

    @indivisible
    def atc_command(self, range: PageRange) -> None:
        """ATC invalidate request."""
        count("invalidation commands")
        self.forget(range)
        self.dropped(range)

    def forget(self, range: PageRange) -> None:
        """The ATC."""
        for page in range:
            self.tlb[page] = EMPTY
        if self.in_flight:
            self.draining = True

    def forget_iotlb(self, range: PageRange) -> None:
        """What the IOMMU keeps."""
        for page in range:
            self.iotlb[page] = EMPTY
        self.forget_walks(range)

    @indivisible
    def drop(self, range: PageRange) -> None:
        """A CPU's broadcast ends at the IOMMU."""
        count("broadcasts heard")
        self.forget_iotlb(range)
