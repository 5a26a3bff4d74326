"""SGI's GRU: no sequence, but faults wait until nothing is under way, and hardware helps.

drivers/misc/sgi-gru/grutlbpurge.c, gru_invalidate_range_start() and _end(); grufault.c,
gru_try_dropin() (section 6.2 of the facts). The TLB is filled by dropping an entry into it. The
handler reads the fault first, then the count of ranges under way, then the page table. A start that
came and went in between has invalidated the TLB after the fault was read, and for that the hardware
ignores the drop-in: here the flag `invalidated` of the fault. Without that rule the protocol is
wrong (`sgi-gru-no-hardware`).
"""

from __future__ import annotations

from shootdown.drivers.driver import Driver
from shootdown.lang.declare import (
    EMPTY,
    Atomic,
    Counter,
    Flag,
    PageRange,
    PerPage,
    Pte,
    indivisible,
)
from shootdown.linux.mm import Mm


class SgiGru(Driver):
    """ms_range_active, and a TLB that is all the table there is."""

    ignores_late_dropins = True
    """the hardware's part"""

    def __init__(self, mm: Mm) -> None:
        super().__init__(mm)
        self.range_active = Atomic(Counter())
        self.table = Atomic(PerPage(Pte))
        """what was dropped in"""
        self.invalidated = Atomic(Flag())
        """the fault that is being handled is older than an invalidation"""

    def invalidate_range_start(self, range: PageRange) -> None:
        """Count, then flush the TLBs of all GRUs."""
        self.begin_range()
        self.purge(range)
        self.device.flush(range)

    @indivisible
    def begin_range(self) -> None:
        """atomic_inc(&gms->ms_range_active)"""
        self.range_active += 1

    @indivisible
    def purge(self, range: PageRange) -> None:
        """The invalidate instruction of the hardware."""
        self.invalidated = True
        for page in range:
            self.table[page] = EMPTY

    @indivisible
    def invalidate_range_end(self, range: PageRange) -> None:
        """atomic_dec_and_test(), and whoever waits is woken: here the device faults again."""
        self.range_active -= 1

    def release(self) -> None:
        """No context of the process is loaded any more."""
        self.purge(self.mm.whole)
        self.device.flush_all()

    def device_fault(self, page: int, write: bool) -> None:
        """gru_try_dropin(): fault, count, page table, drop-in."""
        self.read_fault()
        if self.range_active > 0:
            return
        pte = self.mm.fault_in(page, write)
        self.drop_in(page, pte)

    @indivisible
    def read_fault(self) -> None:
        """The fault handle (TFH) is read: the hardware watches from here on."""
        self.invalidated = False

    @indivisible
    def drop_in(self, page: int, pte: Pte) -> None:
        """tfh_write_restart(): unless an invalidation came after the fault was read."""
        if self.ignores_late_dropins and self.invalidated:
            return
        self.table[page] = pte


class SgiGruWithoutHardware(SgiGru):
    """Mistake: hardware that takes any drop-in: a start and end in between go unnoticed."""

    ignores_late_dropins = False
