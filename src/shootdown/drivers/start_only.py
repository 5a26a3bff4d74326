"""Drivers that only have a start: right if pages are pinned, wrong if they map again by themselves.

Between start and the change of entries the old entry can be read again, and nobody tells this
driver of what follows (B8). The right forms hold references of the pages they have mapped and drop
them when start comes: what the device reaches is old, but it is nobody else's (D3).
"""

from __future__ import annotations

from shootdown.drivers.driver import Driver
from shootdown.lang.declare import EMPTY, Atomic, Mutex, PageRange, PerPage, Pte
from shootdown.linux.mm import Mm


class StartOnly(Driver):
    """Mistake: drops its mappings at start, maps again at the next fault, and holds no page. As
    i915's userptr was before it pinned, and others of the time of B8."""

    last_kernel = (4, 12, 0)

    def __init__(self, mm: Mm) -> None:
        super().__init__(mm)
        self.mutex = Mutex()
        self.table = Atomic(PerPage(Pte))

    def invalidate_range_start(self, range: PageRange) -> None:
        """Unmap; whoever faults next maps what is there."""
        with self.mutex:
            for page in range:
                self.table[page] = EMPTY
            self.device.flush(range)

    def device_fault(self, page: int, write: bool) -> None:
        """get_user_pages() without asking whether anything is going on."""
        pte = self.mm.fault_in(page, write)
        with self.mutex:
            self.table[page] = pte


class Hfi1Sdma(Driver):
    """hfi1's cache of pinned buffers: start takes out of it what is in the range, and unpins.

    drivers/infiniband/hw/hfi1/mmu_rb.c, mmu_notifier_range_start(); pin_user_pages() in
    user_sdma.c. The mapping may be older than the page table says, never somebody else's memory.
    A page that is pinned keeps its frame, so the fault path needs no retry.
    """

    pins = True

    def __init__(self, mm: Mm) -> None:
        super().__init__(mm)
        self.mutex = Mutex()
        self.table = Atomic(PerPage(Pte))

    def invalidate_range_start(self, range: PageRange) -> None:
        """Flush, and only then unpin. Must not wait if it may not block, and cannot fail: what is
        pinned stays, which is safe."""
        if range.blockable:  # type: ignore[attr-defined]
            with self.mutex:
                for page in range:
                    self.drop(page)

    def drop(self, page: int) -> None:
        """One page out of the cache. Caller holds the mutex."""
        pte = self.table[page]
        self.table[page] = EMPTY
        self.device.flush(PageRange(page, page + 1))
        if pte.present:
            self.mm.unpin_user_page(pte.frame)

    def release(self) -> None:
        """Everything out."""
        with self.mutex:
            for page in range(self.mm.pages):
                self.drop(page)

    def device_fault(self, page: int, write: bool) -> None:
        """Pin, then map; what was mapped before is unpinned."""
        pte = self.mm.pin_user_page(page, write)
        if pte.present:
            with self.mutex:
                self.drop(page)
                self.table[page] = pte


class Hfi1UnpinsFirst(Hfi1Sdma):
    """Mistake: the page is given back before the device has forgotten it (B37's order). Only where
    the pin was the last reference does it matter: `--pairs`."""

    def drop(self, page: int) -> None:
        """Unpin, then flush."""
        pte = self.table[page]
        self.table[page] = EMPTY
        if pte.present:
            self.mm.unpin_user_page(pte.frame)
        self.device.flush(PageRange(page, page + 1))


class Hfi1PinsUnderMutex(Hfi1Sdma):
    """Mistake: pins with the mutex held that start takes. Pinning takes mmap_lock, which whoever
    calls start may hold (D10)."""

    def device_fault(self, page: int, write: bool) -> None:
        """mutex, then mmap_lock; start comes with mmap_lock and wants the mutex."""
        with self.mutex:
            pte = self.mm.pin_user_page(page, write)
            if pte.present:
                self.drop(page)
                self.table[page] = pte
