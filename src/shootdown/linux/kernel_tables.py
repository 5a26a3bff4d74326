"""Page tables of the kernel's own addresses, which every address space shares.

On x86 the table that a PASID points to is that of the process, kernel half included. A device may
not use those entries, but an IOMMU caches pointers to the tables on its way, and nothing that a
notifier hears of covers addresses of the kernel (B41, CVE-2025-71089). On arm64 the kernel has a
table of its own (TTBR1), which no device walks.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from shootdown.lang.declare import Flag, Int, PerDevice, count, indivisible, require
from shootdown.lang.part import Part
from shootdown.rules.access import FREED_TABLE

if TYPE_CHECKING:
    from shootdown.linux.mm import Mm


UNKNOWN, CACHED, DANGLING = 0, 1, 2


class KernelTables(Part):
    """One page table of vmalloc space, and what devices remember of it."""

    def __init__(self, mm: Mm) -> None:
        self.label = "kernel_tables"
        self.present = Flag(True)
        """the entry above points to it"""
        self.cached = PerDevice(Int(UNKNOWN, DANGLING))
        """pointers in the walk caches of devices; DANGLING to a table that was freed"""
        self.devices = mm.geometry.devices
        self.shared = mm.arch.title == "x86"
        """devices that walk the process's table come across it"""
        mm.kernel_tables = self

    def walk(self, device: int) -> None:
        """A device looks up an address of the kernel; it may not use what it finds."""
        if self.shared:
            if self.cached[device] == UNKNOWN and self.present:
                self.cached[device] = CACHED
            require(self.cached[device] != DANGLING, FREED_TABLE)

    def forget(self, device: int) -> None:
        """An invalidation of everything that belongs to the PASID."""
        self.cached[device] = UNKNOWN

    @indivisible
    def free(self) -> None:
        """The table goes back to the allocator; hardware that still knows it has a problem."""
        count("page tables freed")
        for device in range(self.devices):
            if self.cached[device] == CACHED:
                self.cached[device] = DANGLING
