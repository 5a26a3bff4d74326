"""Hardware that lacks one thing, and correct drivers on it."""

from __future__ import annotations

from shootdown.devices.driver_interface import DriverInterface
from shootdown.devices.iommu import Iommu
from shootdown.devices.shadow import ShadowMmu
from shootdown.drivers.hardware_tlb import Sva
from shootdown.drivers.kvm import Kvm
from shootdown.lang.declare import EMPTY, PageRange, Pte
from shootdown.linux.mm import Mm
from shootdown.linux.operations.catalogue import Operation
from shootdown.linux.operations.mprotect import mprotect
from shootdown.linux.task import Task
from shootdown.program.kind import READ_ONLY, READ_WRITE


def protect_twice(task: Task, range: PageRange) -> None:
    """mprotect(PROT_READ), then mprotect(PROT_READ | PROT_WRITE): entries stay read-only."""
    mprotect(task, range, READ_ONLY)
    mprotect(task, range, READ_WRITE)


PROTECT_TWICE = Operation("protect_twice", protect_twice)


class HastyIommu(Iommu):
    """Invalidations complete at once, whatever is in flight."""

    def invalidate(self, range: PageRange) -> None:
        self.invalidate_command(range)


class HastyShadowMmu(ShadowMmu):
    """The same for a device with page tables of its own."""

    def invalidate(self, range: PageRange) -> None:
        self.invalidate_command(range)


class RememberingIommu(Iommu):
    """A ranged invalidation leaves the pointers to page tables."""

    def forget_walks(self, range: PageRange) -> None:
        pass


class StubbornIommu(Iommu):
    """Believes a cached entry that forbids the access, as SMMUs may (B10)."""

    def translate(self, page: int, write: bool) -> Pte:
        pte = self.tlb[page]
        if not pte.present:
            pte = self.walk(page)
            if pte.readable:
                self.tlb[page] = pte
        if pte.allows(write):
            self.in_flight = True
        return pte


class ImpatientIommu(Iommu):
    """Gives up when the first repetition faults again."""

    def __init__(self, mm: Mm, driver: DriverInterface, number: int) -> None:
        super().__init__(mm, driver, number)
        self.retries = 1


class HastySva(Sva):
    hardware = HastyIommu


class HastyKvm(Kvm):
    hardware = HastyShadowMmu


class RememberingSva(Sva):
    hardware = RememberingIommu


class StubbornSva(Sva):
    hardware = StubbornIommu


class ImpatientSva(Sva):
    hardware = ImpatientIommu


class FlushesFirstDevice(Sva):
    """Forgets that a process can have a second device."""

    def arch_invalidate_secondary_tlbs(self, range: PageRange) -> None:
        self.device.units[0].invalidate(range)


class FlushesOnePage(Sva):
    """Takes the start of a range for all of it (B7, B12)."""

    def arch_invalidate_secondary_tlbs(self, range: PageRange) -> None:
        self.device.flush(PageRange(range.start, range.start + 1))


class FlushesEverything(Sva):
    """Broader than it need be."""

    def arch_invalidate_secondary_tlbs(self, range: PageRange) -> None:
        self.device.flush_all()


class KvmWithoutFlush(Kvm):
    """Clears its table and forgets the TLB that caches it."""

    def invalidate_range_start(self, range: PageRange) -> None:
        with self.mmu_lock:
            self.mmu_invalidate_in_progress += 1
            for page in range:
                self.table[page] = EMPTY
