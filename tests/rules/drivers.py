"""Drivers that are wrong in one way each, so that exactly one rule can tell."""

from __future__ import annotations

from shootdown.devices.iommu import INVALID, SUCCESS
from shootdown.drivers.driver import Driver
from shootdown.drivers.hardware_tlb import SharedTable
from shootdown.drivers.kvm import Kvm
from shootdown.lang.declare import (
    EMPTY,
    Counter,
    Flag,
    Mutex,
    PageRange,
    PerPage,
    Pte,
    wait_until,
)
from shootdown.linux.mm import Mm


class FlushesAtEnd(SharedTable):
    """B2: end alone. Safe for pages that outlive end, too late for those freed before."""

    def invalidate_range_end(self, range: PageRange) -> None:
        self.device.flush(range)


class NeverFlushes(SharedTable):
    """B1 in full: old translations stay for ever."""

    def invalidate_range_start(self, range: PageRange) -> None:
        pass


class AnswersBlindly(SharedTable):
    """Answers SUCCESS to everything and resolves nothing."""

    def arch_invalidate_secondary_tlbs(self, range: PageRange) -> None:
        self.device.flush(range)

    def device_fault(self, page: int, write: bool) -> int:
        return SUCCESS


class RefusesAll(SharedTable):
    """Refuses every request: the device only reaches what the CPU has mapped already."""

    def arch_invalidate_secondary_tlbs(self, range: PageRange) -> None:
        self.device.flush(range)

    def device_fault(self, page: int, write: bool) -> int:
        return INVALID


class NeverMaps(Driver):
    """Vacuous in software: the device's own table stays empty."""

    def __init__(self, mm: Mm) -> None:
        super().__init__(mm)
        self.table = PerPage(Pte)

    def invalidate_range_start(self, range: PageRange) -> None:
        for page in range:
            self.table[page] = EMPTY

    def device_fault(self, page: int, write: bool) -> None:
        self.mm.fault_in(page, write)


class OppositeLocks(Kvm):
    """Two locks, taken in one order by start and in the other by the fault path."""

    def __init__(self, mm: Mm) -> None:
        super().__init__(mm)
        self.mmu_lock = Mutex()
        self.outer = Mutex()

    def invalidate_range_start(self, range: PageRange) -> None:
        with self.outer, self.mmu_lock:
            self.mmu_invalidate_in_progress += 1
            for page in range:
                self.table[page] = EMPTY
            self.device.flush(range)

    def device_fault(self, page: int, write: bool) -> None:
        seen = self.mmu_invalidate_seq
        pte = self.mm.fault_in(page, write)
        with self.mmu_lock, self.outer:
            if self.must_retry(seen):
                return
            self.table[page] = pte


class WaitsForFaults(Kvm):
    """Start waits until no fault is being handled; the fault path waits for mmap_lock, which the
    caller of start may hold."""

    def __init__(self, mm: Mm) -> None:
        super().__init__(mm)
        self.faulting = Flag()

    def invalidate_range_start(self, range: PageRange) -> None:
        wait_until(not self.faulting)
        with self.mmu_lock:
            self.mmu_invalidate_in_progress += 1
            for page in range:
                self.table[page] = EMPTY
            self.device.flush(range)

    def device_fault(self, page: int, write: bool) -> None:
        self.faulting = True
        seen = self.mmu_invalidate_seq
        pte = self.mm.fault_in(page, write)
        with self.mmu_lock:
            if not self.must_retry(seen):
                self.table[page] = pte
        self.faulting = False


class EndsWithoutStart(Driver):
    """Counts down in end what start never counted up."""

    def __init__(self, mm: Mm) -> None:
        super().__init__(mm)
        self.active = Counter()
        self.table = PerPage(Pte)

    def invalidate_range_end(self, range: PageRange) -> None:
        self.active -= 1

    def device_fault(self, page: int, write: bool) -> None:
        self.mm.fault_in(page, write)


class CountsInFives(Kvm):
    """Correct, and counts what has ended five at a time: three bits cannot hold two of them."""

    def __init__(self, mm: Mm) -> None:
        super().__init__(mm)
        self.ended = Counter()

    def invalidate_range_end(self, range: PageRange) -> None:
        with self.mmu_lock:
            self.mmu_invalidate_seq += 1
            self.mmu_invalidate_in_progress -= 1
            self.ended += 5


class CountsForEver(Kvm):
    """Correct, and counts faults, of which there is no end."""

    def __init__(self, mm: Mm) -> None:
        super().__init__(mm)
        self.faults = Counter()

    def device_fault(self, page: int, write: bool) -> None:
        seen = self.mmu_invalidate_seq
        pte = self.mm.fault_in(page, write)
        with self.mmu_lock:
            self.faults += 1
            if self.must_retry(seen):
                return
            self.table[page] = pte
