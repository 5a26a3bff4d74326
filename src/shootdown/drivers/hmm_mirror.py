"""A mirror with interval notifiers and hmm_range_fault(): the pattern of amdgpu, nouveau, xe, mlx5.

Documentation/mm/hmm.rst, "Address space mirroring implementation and API"; lib/test_hmm.c,
dmirror_fault() and dmirror_interval_invalidate() (section 3.10 of the facts). hmm_range_fault()
takes no page reference, so between reading an entry and installing it only the sequence protects.
Each mistake leaves out one thing that Linux asks for.
"""

from __future__ import annotations

from shootdown.drivers.driver import Driver
from shootdown.lang.declare import EMPTY, Atomic, Mutex, PageRange, PerPage, Pte
from shootdown.linux.mm import Mm
from shootdown.linux.notifiers.interval import MmuIntervalNotifier
from shootdown.linux.notifiers.range import MmuNotifierRange


class HmmMirror(Driver):
    """test_hmm's dmirror: a software device, the reference of a mirror (5.5 on)."""

    def __init__(self, mm: Mm) -> None:
        super().__init__(mm)
        self.mutex = Mutex()
        self.table = Atomic(PerPage(Pte))
        self.notifier = MmuIntervalNotifier(self)

    def invalidate(
        self, interval: MmuIntervalNotifier, range: MmuNotifierRange, cur_seq: int
    ) -> bool:
        """dmirror_interval_invalidate(): who may not block would have to wait for the mutex."""
        if not range.blockable:
            return False
        with self.mutex:
            interval.set_seq(cur_seq)
            self.unmap(range)
        return True

    def unmap(self, range: PageRange) -> None:
        """Caller holds the mutex."""
        for page in range:
            self.table[page] = EMPTY
        self.device.flush(range)

    def device_fault(self, page: int, write: bool) -> None:
        """dmirror_fault(); the device simply faults again."""
        seq = self.notifier.read_begin()
        pte = self.mm.fault_in(page, write)
        with self.mutex:
            if self.notifier.read_retry(seq):
                return
            self.table[page] = pte


class HmmWithoutRetry(HmmMirror):
    """Mistake: what was read is installed whatever happened meanwhile."""

    def device_fault(self, page: int, write: bool) -> None:
        """Waits for a phase under way, and then looks no more."""
        self.notifier.read_begin()
        pte = self.mm.fault_in(page, write)
        with self.mutex:
            self.table[page] = pte


class HmmWithoutSetSeq(HmmMirror):
    """Mistake: `invalidate` forgets mmu_interval_set_seq(), so readers never learn of a hit."""

    def invalidate(
        self, interval: MmuIntervalNotifier, range: MmuNotifierRange, cur_seq: int
    ) -> bool:
        """Unmaps, and says nothing."""
        if not range.blockable:
            return False
        with self.mutex:
            self.unmap(range)
        return True


class HmmReadsFirst(HmmMirror):
    """Mistake: the entry is read before the sequence."""

    def device_fault(self, page: int, write: bool) -> None:
        """What came between the two goes unnoticed."""
        pte = self.mm.fault_in(page, write)
        seq = self.notifier.read_begin()
        with self.mutex:
            if not self.notifier.read_retry(seq):
                self.table[page] = pte


class HmmSleeps(HmmMirror):
    """Mistake: takes its mutex whether or not it may block (found by reading in hfi1)."""

    def invalidate(
        self, interval: MmuIntervalNotifier, range: MmuNotifierRange, cur_seq: int
    ) -> bool:
        """The OOM reaper must not sleep here."""
        with self.mutex:
            interval.set_seq(cur_seq)
            self.unmap(range)
        return True


class HmmRefuses(HmmMirror):
    """Mistake: refuses a start that may block: the caller goes on all the same."""

    def invalidate(
        self, interval: MmuIntervalNotifier, range: MmuNotifierRange, cur_seq: int
    ) -> bool:
        """Always False, and nothing is unmapped."""
        return False
