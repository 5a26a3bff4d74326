"""All devices of one driver, behind the commands a driver can give."""

from __future__ import annotations

from shootdown.devices.device import Device
from shootdown.devices.driver_interface import DriverInterface
from shootdown.devices.iommu import Iommu
from shootdown.lang.declare import PageRange
from shootdown.linux.mm import Mm


class Devices:
    """`driver.device`: one command for however many devices are bound."""

    def __init__(self, make: type[Device], mm: Mm, driver: DriverInterface) -> None:
        self.mm = mm
        self.units = [make(mm, driver, number) for number in range(mm.geometry.devices)]
        self.iommus = [unit for unit in self.units if isinstance(unit, Iommu)]

    def flush(self, range: PageRange) -> None:
        """Invalidate the range in every device; returns when all have completed."""
        for unit in self.units:
            unit.invalidate(range)

    def flush_all(self) -> None:
        """Invalidate everything in every device."""
        self.flush(self.mm.whole)

    def set_empty_root(self, empty: bool) -> None:
        """Switch every device between the process's page table and an empty one."""
        for unit in self.iommus:
            unit.set_empty_root(empty)
