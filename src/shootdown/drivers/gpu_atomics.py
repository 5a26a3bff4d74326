"""A GPU whose atomic operations need pages of its own: drivers/gpu/drm/nouveau/nouveau_svm.c,
nouveau_atomic_range_fault().

Every fault makes the page exclusive first, with the driver as owner; what that announces to itself
it ignores, as the page is about to be mapped. As soon as somebody else wants the page, start takes
the mapping away.

A page can be exclusive already and not be mapped, when a range that covers it was announced for
another reason. Making it exclusive again first ends that, which is announced like any other end
(CLEAR, without an owner). So the page is faulted in before the sequence is read. Where the sequence
is read first, as in nouveau, every round announces something and has to be repeated, until the
timeout (derived from reading, not from a report).
"""

from __future__ import annotations

from typing import Any

from shootdown.devices.atomic import AtomicMmu
from shootdown.drivers.kvm import Kvm
from shootdown.lang.declare import Pte, wait_until
from shootdown.linux.notifiers.range import Event
from shootdown.linux.operations.device_exclusive import make_device_exclusive


class GpuAtomics(Kvm):
    """Sequence count and retry, around make_device_exclusive()."""

    hardware = AtomicMmu

    def invalidate_range_start(self, range: Any) -> None:
        """Count every range but its own; unmap, and flush before the lock is given back."""
        if range.event is Event.EXCLUSIVE and range.owner is self:
            return
        super().invalidate_range_start(range)

    def invalidate_range_end(self, range: Any) -> None:
        """The end of what was counted."""
        if range.event is Event.EXCLUSIVE and range.owner is self:
            return
        super().invalidate_range_end(range)

    def exclusive(self, page: int, write: bool) -> Pte:
        """The page for itself; as for any device where there are no exclusive entries at all."""
        if self.mm.swap_entries is None:
            return self.mm.fault_in(page, write)
        return make_device_exclusive(self.mm, page, self)

    def device_fault(self, page: int, write: bool) -> None:
        """Make it exclusive; map it if nobody has announced anything since. While a range is under
        way nothing could be mapped, so wait, as mmu_interval_read_begin() does."""
        wait_until(self.mmu_invalidate_in_progress == 0)
        self.mm.fault_in(page, True)
        seen = self.mmu_invalidate_seq
        pte = self.exclusive(page, write)
        with self.mmu_lock:
            if self.must_retry(seen):
                return
            self.table[page] = pte


class GpuAtomicsWithoutRetry(GpuAtomics):
    """Mistake: maps what may not be its own any more."""

    def must_retry(self, seen: int) -> bool:
        """Never."""
        return False


class GpuAtomicsShared(GpuAtomics):
    """Mistake: does not ask for the page to be its own."""

    def exclusive(self, page: int, write: bool) -> Pte:
        """get_user_pages() and no more."""
        return self.mm.fault_in(page, write)
