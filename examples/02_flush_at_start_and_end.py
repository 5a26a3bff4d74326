"""Hardware that walks the CPU's page table, flushed at start and end. Expected: violated."""

from shootdown import INVALID, SUCCESS, Driver, Iommu


class Flusher(Driver):
    """Nothing keeps the device from walking again in between."""

    hardware = Iommu

    def invalidate_range_start(self, range):
        self.device.flush(range)

    def invalidate_range_end(self, range):
        self.device.flush(range)

    def device_fault(self, page, write):
        return SUCCESS if self.mm.page_fault(page, write) else INVALID
