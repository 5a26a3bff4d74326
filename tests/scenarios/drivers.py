"""A driver with lines that no run reaches."""

from __future__ import annotations

from shootdown.devices.iommu import INVALID
from shootdown.drivers.hardware_tlb import Sva
from shootdown.lang.declare import Flag, PageRange
from shootdown.linux.mm import Mm


class Sulks(Sva):
    """Has a mode that nothing switches on."""

    def __init__(self, mm: Mm) -> None:
        super().__init__(mm)
        self.sulking = Flag()

    def arch_invalidate_secondary_tlbs(self, range: PageRange) -> None:
        """Two more lines than Sva has."""
        if self.sulking:
            self.device.flush_all()
        self.device.flush(range)

    def device_fault(self, page: int, write: bool) -> int:
        """The same here."""
        if self.sulking:
            return INVALID
        return super().device_fault(page, write)
