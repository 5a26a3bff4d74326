"""The base class of all drivers.

A driver is a subclass that names its hardware and implements callbacks. Which callbacks it has
decides which generations of the API it can run on; nothing else is declared.

| callback | called |
|---|---|
| `invalidate_range_start(self, range)` | before entries change; may sleep from 3.7 on, from |
|  | 4.19 on only if `range.blockable`; returns EAGAIN if it would have to and must not |
| `invalidate_range_end(self, range)` | after they have changed; may sleep likewise |
| `invalidate_page(self, page)` | until 4.12: one entry has changed; may sleep from 3.7 to 4.10 |
| `invalidate_range(self, range)` | 3.19 to 6.5: after the CPU flush, before pages are freed |
| `arch_invalidate_secondary_tlbs(self, range)` | 6.6 on: with every CPU flush |
| `change_pte(self, page, pte)` | 2.6.32 to 6.9: one entry is replaced by `pte`; may not sleep |
| `clear_flush_young(self, range)` | was it used? may not sleep, like the next two |
| `clear_young(self, range)` | 4.3 on: the same, TLBs may keep their entries |
| `test_young(self, page)` | 2.6.38 on: the same, nothing is cleared |
| `invalidate(self, interval, range, cur_seq)` | 5.5 on: a range hits one of the driver's |
|  | `MmuIntervalNotifier`s; may sleep if `range.blockable`, else may return False |
| `release(self)` | the address space ends, or the driver unregisters; may sleep from 3.7 on |
| `free_notifier(self)` | 5.4 on: the subscription is freed; may not sleep |
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

_NOTIFIER_PARAMETERS: dict[str, tuple[str, ...]] = {
    "invalidate_range_start": ("self", "range"),
    "invalidate_range_end": ("self", "range"),
    "invalidate_range": ("self", "range"),
    "arch_invalidate_secondary_tlbs": ("self", "range"),
    "invalidate_page": ("self", "page"),
    "change_pte": ("self", "page", "pte"),
    "clear_flush_young": ("self", "range"),
    "clear_young": ("self", "range"),
    "test_young": ("self", "page"),
    "invalidate": ("self", "interval", "range", "cur_seq"),
    "release": ("self",),
    "free_notifier": ("self",),
}
NOTIFIER_CALLBACKS = tuple(_NOTIFIER_PARAMETERS)
USUAL_CALLBACKS = NOTIFIER_CALLBACKS[:4]
"""those that keep translations in step, on one kernel or another"""
CALLBACKS: dict[str, tuple[str, ...]] = {
    **_NOTIFIER_PARAMETERS,
    "device_fault": ("self", "page", "write"),
}
"""the parameters of each callback; the names are yours, their number is not"""


class Driver(Part):
    """A driver of one address space. `self.mm` is Linux, `self.device` the hardware."""

    hardware: ClassVar[type[Device]] = ShadowMmu
    first_kernel: ClassVar[Version | None] = None
    """the oldest kernel that had such a driver"""
    archs: ClassVar[tuple[str, ...]] = ()
    """architectures on which it is right, if not on all: where `matrix` looks at it"""
    last_kernel: ClassVar[Version | None] = None
    """the newest kernel that had such a driver: the one it is checked on unless told otherwise"""
    pins: ClassVar[bool] = False
    """holds references of the pages it maps: they may be older than the page table says (D3)"""
    table: Array[Pte]
    """page tables of the device, for a `ShadowMmu`: declare `self.table = PerPage(Pte)`"""
    accessed: Array[bool]
    """and their accessed bits, which hardware then sets: `self.accessed = Atomic(PerPage(Flag))`"""

    def __init__(self, mm: Mm) -> None:
        self.mm = mm
        self.label = "driver"
        self.companions: list[Any] = []
        """other subscribers of the same address space"""
        self.device = Devices(type(self).hardware, mm, self)

    def device_fault(self, page: int, write: bool) -> Any:
        """Every driver resolves faults in its own way."""
        raise NotImplementedError
