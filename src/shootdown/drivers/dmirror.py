"""A device with memory of its own: lib/test_hmm.c (dmirror), drivers/gpu/drm/nouveau/nouveau_dmem.c
and nouveau_svm.c.

The device reaches ordinary memory through page tables that mirror the process, and its own memory
directly. Pages move between the two. What its own migrations announce it ignores
(MMU_NOTIFY_MIGRATE with its `owner`): entries for pages that stay where they are live on, and for
those that move the driver has two hooks, before and after copying. But the sequence counts every
range, its own too: a fault that read an entry before a page moved must not install it afterwards.
"""

from __future__ import annotations

from typing import Any

from shootdown.drivers.kvm import Kvm
from shootdown.lang.declare import EMPTY, PageRange, Pte
from shootdown.linux import gup
from shootdown.linux.mm import Mm
from shootdown.linux.notifiers.range import Event, MmuNotifierRange


class Dmirror(Kvm):
    """Ignores its own migrations, and moves what moves by itself."""

    def __init__(self, mm: Mm) -> None:
        super().__init__(mm)
        if mm.device_memory is not None:
            mm.device_memory.pgmap = self

    def is_mine(self, range: MmuNotifierRange) -> bool:
        """The range is announced for a migration of this driver's own."""
        return range.event is Event.MIGRATE and range.owner is self

    def invalidate_range_start(self, range: Any) -> None:
        """Count every range; unmap unless it is a migration of its own."""
        with self.mmu_lock:
            self.mmu_invalidate_in_progress += 1
            if not self.is_mine(range):
                self.unmap(range)

    def unmap(self, range: PageRange) -> None:
        """Drop entries, and flush before the lock is given back. Caller holds the lock."""
        for page in range:
            self.table[page] = EMPTY
        self.device.flush(range)

    def stop_using(self, page: int) -> None:
        """Before a page is copied: nouveau_svmm_invalidate(), xa_erase() in dmirror."""
        with self.mmu_lock:
            self.unmap(PageRange(page, page + 1))

    def use(self, page: int, frame: int) -> None:
        """After it was. What the device may have mapped meanwhile (the zero page, where nothing
        was) goes; the page in its new place is found by the next fault, like any other."""
        self.stop_using(page)

    def fault_in(self, page: int, write: bool) -> Pte:
        """hmm_range_fault() instead of get_user_pages(), if there is memory of its own."""
        if self.mm.device_memory is not None:
            return gup.hmm_range_fault(self.mm, page, write, self)
        return self.mm.fault_in(page, write)

    def device_fault(self, page: int, write: bool) -> None:
        """Read the entry, and install it if nothing was announced since."""
        seen = self.mmu_invalidate_seq
        pte = self.fault_in(page, write)
        with self.mmu_lock:
            if self.must_retry(seen):
                return
            self.table[page] = pte


class DmirrorIgnoresEverybody(Dmirror):
    """Mistake: ignores the migrations of all others too, without looking at the owner."""

    def __init__(self, mm: Mm) -> None:
        Kvm.__init__(self, mm)

    def is_mine(self, range: MmuNotifierRange) -> bool:
        """Any migration."""
        return range.event is Event.MIGRATE


class DmirrorGoesOn(Dmirror):
    """Mistake: its device goes on using a page while that is copied and dropped."""

    def stop_using(self, page: int) -> None:
        """Nothing."""


class DmirrorMapsAtOnce(Dmirror):
    """Mistake: what has been moved is mapped at once, without a look at what others announced
    meanwhile (as nouveau_pfns_map() and dmirror_migrate_finalize_and_map() do). If they dropped the
    page in the middle of its migration, the device has the new one for ever."""

    def use(self, page: int, frame: int) -> None:
        """Found by reading, not by a report; needs a second operation on the page."""
        assert self.mm.swap_entries is not None
        rights = self.mm.swap_entries.entry[page].rights
        with self.mmu_lock:
            self.unmap(PageRange(page, page + 1))
            self.table[page] = Pte(frame, rights)


class DmirrorKeepsNoCount(Dmirror):
    """Mistake: own migrations are ignored altogether, so a fault under way does not notice them."""

    def invalidate_range_start(self, range: Any) -> None:
        """Nothing for its own."""
        if not self.is_mine(range):
            super().invalidate_range_start(range)

    def invalidate_range_end(self, range: Any) -> None:
        """Nothing for its own."""
        if not self.is_mine(range):
            super().invalidate_range_end(range)
