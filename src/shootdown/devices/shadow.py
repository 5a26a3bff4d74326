"""A device with page tables of its own: a KVM guest, a GPU, an RDMA NIC with on-demand paging.

It walks the table that its driver fills (`driver.table`) and caches what it finds. A miss is a
fault that runs the driver's code, in the context of the faulting device (a vCPU exit), and the
device then simply tries again some time: there is no limit and no failure state.

An `endless` device says what it does then: it repeats that access, or turns to another. Turning
away is progress, so that only one that never stops trying can be in vain; and so is trying what the
process itself may not do, which no driver can grant.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from shootdown.devices.device import Device
from shootdown.lang.declare import Pte, choose, count, ghost, progress

if TYPE_CHECKING:
    from shootdown.devices.driver_interface import DriverInterface
    from shootdown.linux.mm import Mm


class ShadowMmu(Device):
    """Second-level page tables under the driver's control."""

    def __init__(self, mm: Mm, driver: DriverInterface, number: int) -> None:
        super().__init__(mm, driver, number)
        self.mirrors = not getattr(driver, "pins", False)

    def walk(self, page: int) -> Pte:
        """One read of the driver's table. Hardware with accessed bits sets that of the entry (Intel
        SDM vol. 3C, 30.3.5, EPT), if the driver keeps them: an array `accessed`."""
        pte = self.driver.table[page]
        if self.mm.young is not None and hasattr(self.driver, "accessed"):
            if pte.readable:
                self.driver.accessed[page] = True
                self.mm.young.translated(page)
        return pte

    def fault(self, page: int, write: bool) -> None:
        """The driver's fault handler; nobody waits for it to end."""
        if self.endless:
            self.insist(page, write)
            return
        count("device faults")
        self.handle_fault(page, write)
        if self.persists:
            pte = self.repeat(page, write)
            if pte.allows(write):
                self.land(page, pte, write)

    def insist(self, page: int, write: bool) -> None:
        """Fault on the access until it lands or something else matters more."""
        while True:
            self.handle_fault(page, write)
            self.judge_refusal(page, write)
            pte = self.repeat(page, write)
            if pte.allows(write):
                self.land(page, pte, write)
                return
            if choose(False, True):
                progress()
                return

    def handle_fault(self, page: int, write: bool) -> None:
        """Whoever handles it is a user of the address space meanwhile."""
        if self.mm.lifetime is None:
            self.driver.device_fault(page, write)
        elif self.mm.lifetime.mmget_not_zero():
            self.driver.device_fault(page, write)
            self.mm.lifetime.mmput()

    @ghost
    def judge_refusal(self, page: int, write: bool) -> None:
        """The process may not do this either."""
        if not self.mm.permits(page, write):
            progress()
