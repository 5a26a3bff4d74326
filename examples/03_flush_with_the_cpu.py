"""The same hardware, flushed whenever the CPUs are (6.6 and later). Expected verdict: holds."""

from shootdown import INVALID, SUCCESS, Driver, Iommu


class Flusher(Driver):
    """The flush comes after the entry changed and before the page is freed."""

    hardware = Iommu

    def arch_invalidate_secondary_tlbs(self, range):
        self.device.flush(range)

    def device_fault(self, page, write):
        return SUCCESS if self.mm.page_fault(page, write) else INVALID
