"""Drivers under which a device gets nowhere, though none lets it touch freed memory."""

from __future__ import annotations

from shootdown import EMPTY, SUCCESS, Driver, Flag, Iommu, test_and_set_bit
from shootdown.drivers.amd_iommu_v2 import AmdIommuV2
from shootdown.drivers.hardware_tlb import Sva
from shootdown.drivers.kvm import Kvm


class ForgetsTheEnd(AmdIommuV2):
    """Counts a range of the whole address space when it begins and not when it ends: from then on
    every page request is answered SUCCESS and nothing is done."""

    def invalidate_range_end(self, range):
        if len(range) == self.mm.pages:
            return
        super().invalidate_range_end(range)


class AlwaysSuccess(Sva):
    """Answers before it has done anything, and never does."""

    def device_fault(self, page, write):
        return SUCCESS


class OneSlot(Kvm):
    """Has room for one mapping: whoever faults takes it from the other."""

    def device_fault(self, page, write):
        seen = self.mmu_invalidate_seq
        pte = self.mm.fault_in(page, write)
        with self.mmu_lock:
            if self.must_retry(seen):
                return
            for other in self.mm.whole:
                if other != page:
                    self.table[other] = EMPTY
            self.device.flush_all()
            self.table[page] = pte


class KeepsTheBit(Kvm):
    """A lock made of a bit, which a fault that has to be repeated does not give back: the next one
    spins for ever, which is no deadlock, since it never stops."""

    def __init__(self, mm):
        super().__init__(mm)
        self.faulting = Flag()

    def device_fault(self, page, write):
        while test_and_set_bit(0, self.faulting):
            pass
        seen = self.mmu_invalidate_seq
        pte = self.mm.fault_in(page, write)
        with self.mmu_lock:
            if self.must_retry(seen):
                return
            self.table[page] = pte
        self.faulting = False


class FaultsInVain(Driver):
    """Installs a mapping that does not allow what was asked for."""

    hardware = Iommu

    def invalidate_range_start(self, range):
        self.device.flush(range)

    def device_fault(self, page, write):
        self.mm.page_fault(page, False)
        return SUCCESS
