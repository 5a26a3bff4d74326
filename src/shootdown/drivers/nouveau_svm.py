"""nouveau: a start on the list that unmaps, and an interval only while a fault is handled.

drivers/gpu/drm/nouveau/nouveau_svm.c, nouveau_svmm_invalidate_range_start(),
nouveau_range_fault() (section 6.2 of the facts). Both take the same mutex, and the kernel tells
intervals before the list, so a fault that has not installed when start comes finds its interval
hit. A start that may not block is refused with -EAGAIN, at once. Together with an interval in the
same address space that leaves the count of ranges under way too high for ever (B23 b): after one
visit of the OOM reaper every fault waits without end (a deadlock under `oom_reap_task_mm`, 5.5 to
6.19).
"""

from __future__ import annotations

from typing import ClassVar

from shootdown.drivers.driver import Driver
from shootdown.lang.declare import EMPTY, Atomic, Mutex, PerPage, Pte
from shootdown.linux.mm import Mm
from shootdown.linux.notifiers.interval import MmuIntervalNotifier
from shootdown.linux.notifiers.range import MmuNotifierRange
from shootdown.linux.notifiers.v4_19 import EAGAIN
from shootdown.linux.version import Version


class NouveauSvm(Driver):
    """The interval is in the tree all the time here; in Linux it is inserted for each fault."""

    first_kernel: ClassVar[Version | None] = (5, 5, 0)

    def __init__(self, mm: Mm) -> None:
        super().__init__(mm)
        self.mutex = Mutex()
        self.table = Atomic(PerPage(Pte))
        self.notifier = MmuIntervalNotifier(self)

    def invalidate_range_start(self, range: MmuNotifierRange) -> int:
        """The GPU's entries go away."""
        if not range.blockable:
            return EAGAIN
        with self.mutex:
            for page in range:
                self.table[page] = EMPTY
            self.device.flush(range)
        return 0

    def invalidate(
        self, interval: MmuIntervalNotifier, range: MmuNotifierRange, cur_seq: int
    ) -> bool:
        """nouveau_svm_range_invalidate(): only the sequence; trylock if it may not block."""
        if range.blockable:
            with self.mutex:
                interval.set_seq(cur_seq)
        else:
            interval.set_seq(cur_seq)
        return True

    def release(self) -> None:
        """Unmapped when the client is closed; the RELEASE of the interval is not enough here."""
        with self.mutex:
            for page in range(self.mm.pages):
                self.table[page] = EMPTY
            self.device.flush_all()

    def device_fault(self, page: int, write: bool) -> None:
        """nouveau_range_fault()"""
        seq = self.notifier.read_begin()
        pte = self.mm.fault_in(page, write)
        with self.mutex:
            if not self.notifier.read_retry(seq):
                self.table[page] = pte


class NouveauWithoutInterval(NouveauSvm):
    """Mistake: the fault does not ask whether its interval was hit: START-ONLY (B8)."""

    def device_fault(self, page: int, write: bool) -> None:
        """Maps what it read."""
        pte = self.mm.fault_in(page, write)
        with self.mutex:
            self.table[page] = pte
