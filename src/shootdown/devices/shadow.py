"""A device with page tables of its own: a KVM guest, a GPU, an RDMA NIC with on-demand paging.

It walks the table that its driver fills (`driver.table`) and caches what it finds. A miss is a
fault that runs the driver's code, in the context of the faulting device (a vCPU exit), and the
device then simply tries again some time: there is no limit and no failure state.
"""

from __future__ import annotations

from shootdown.devices.device import Device
from shootdown.lang.declare import Pte, count


class ShadowMmu(Device):
    """Second-level page tables under the driver's control."""

    def walk(self, page: int) -> Pte:
        """One read of the driver's table."""
        return self.driver.table[page]

    def fault(self, page: int, write: bool) -> None:
        """The driver's fault handler; nobody waits for it to end."""
        count("device faults")
        self.driver.device_fault(page, write)
        if self.persists:
            pte = self.repeat(page, write)
            if pte.allows(write):
                self.land(page, pte, write)
