"""The base class of all drivers.

A driver is a subclass that names its hardware and implements callbacks. Which callbacks it has
decides which generations of the API it can run on; nothing else is declared.

| callback | called |
|---|---|
| `invalidate_range_start(self, range)` | before entries of the range change; may sleep |
| `invalidate_range_end(self, range)` | after they have changed; may sleep |
| `invalidate_range(self, range)` | 3.19 to 6.5: after the CPU flush, before pages are freed |
| `arch_invalidate_secondary_tlbs(self, range)` | 6.6 on: with every CPU flush |
| `device_fault(self, page, write)` | a device could not translate an access; always needed |
"""

from __future__ import annotations

from typing import Any, ClassVar

from shootdown.devices.device import Device
from shootdown.devices.group import Devices
from shootdown.devices.shadow import ShadowMmu
from shootdown.lang.declare import Array, Pte
from shootdown.lang.part import Part
from shootdown.linux.mm import Mm
from shootdown.linux.version import Version

NOTIFIER_CALLBACKS = (
    "invalidate_range_start",
    "invalidate_range_end",
    "invalidate_range",
    "arch_invalidate_secondary_tlbs",
)
CALLBACKS: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(NOTIFIER_CALLBACKS, ("self", "range")),
    "device_fault": ("self", "page", "write"),
}
"""the parameters of each callback; the names are yours, their number is not"""


class Driver(Part):
    """A driver of one address space. `self.mm` is Linux, `self.device` the hardware."""

    hardware: ClassVar[type[Device]] = ShadowMmu
    last_kernel: ClassVar[Version | None] = None
    """the newest kernel that had such a driver: the one it is checked on unless told otherwise"""
    table: Array[Pte]
    """page tables of the device, for a `ShadowMmu`: declare `self.table = PerPage(Pte)`"""

    def __init__(self, mm: Mm) -> None:
        self.mm = mm
        self.label = "driver"
        self.device = Devices(type(self).hardware, mm, self)

    def device_fault(self, page: int, write: bool) -> Any:
        """Every driver resolves faults in its own way."""
        raise NotImplementedError
