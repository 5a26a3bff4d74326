"""What every device has: a TLB, one access in flight, and invalidation that completes.

Life of an access. The device chooses a page and a direction, looks into its TLB, walks on a miss:
from then on the access is *in flight*, its physical address is fixed. Some time later it *lands* in
memory, and that is when rules judge it. What cannot be translated goes to the subclass as a fault.
An access that lands is progress; so is one that is refused, or given up for another.

An invalidation removes TLB entries at once, but it *completes* only when every access translated
before it has landed; drivers wait for that. Sources: PCIe 6.0, 10.3.5 (an ATS function answers an
invalidation after its outstanding requests that use the translation); Intel VT-d 4.1, 6.5.2.4
(drain); Arm SMMUv3 (IHI 0070) 4.7 (CMD_SYNC). A fault that software handles is not in flight.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from shootdown.devices.obligation import Obligation
from shootdown.lang.declare import (
    EMPTY,
    Flag,
    PageRange,
    PerPage,
    PerTable,
    Pte,
    choose,
    count,
    ghost,
    indivisible,
    progress,
    rest,
    wait_until,
)
from shootdown.lang.part import Part
from shootdown.rules.access import DEVICE_RULES, PINNED_RULES

if TYPE_CHECKING:
    from shootdown.devices.driver_interface import DriverInterface
    from shootdown.linux.mm import Mm


class Device(Part):
    """One device (or vCPU) bound to one address space."""

    def __init__(self, mm: Mm, driver: DriverInterface, number: int) -> None:
        self.mm = mm
        self.driver = driver
        self.number = number
        self.mirrors = False
        """has a table of its own, which its driver keeps in step by start and end"""
        self.rules = PINNED_RULES if getattr(driver, "pins", False) else DEVICE_RULES
        self.label = f"device{number}"
        self.tlb = PerPage(Pte)
        """IOTLB and device TLB together: commands invalidate both"""
        self.in_flight = Flag()
        """an access is translated and has not landed"""
        self.draining = Flag()
        """that access was translated before an invalidation that waits for it"""
        self.persists = False
        """repeats an access when its fault was handled, instead of any time later: for replay,
        where nothing else would make it come back"""
        self.large_tlb = PerTable(Flag) if mm.huge is not None else None
        """the TLB entries under this table are one entry for a huge page"""
        self.endless = False
        """repeats an access as often as it takes, and counts nothing: for liveness, which asks
        whether that is for ever"""
        self.obligation = Obligation(self)
        self.caches_denials = False
        """keeps an entry that forbids an access, and refuses by it until it is invalidated"""

    # --- what subclasses decide ---------------------------------------------------------------

    def walk(self, page: int) -> Pte:
        """The entry a hardware walk finds, EMPTY if none."""
        raise NotImplementedError

    def noted(self, page: int, pte: Pte, write: bool) -> Pte:
        """What of it may be cached, once the walk has set the bits that hardware sets."""
        return pte

    def forget_walks(self, range: PageRange) -> None:
        """Drop what walks of the range remembered besides TLB entries."""

    def fault(self, page: int, write: bool) -> None:
        """The access cannot be translated: get it resolved, repeat it or give it up."""
        raise NotImplementedError

    # --- accesses -----------------------------------------------------------------------------

    def run(self) -> None:
        """Reads and writes wherever it likes, for ever."""
        while True:
            page, write, pte = self.issue()
            if pte.allows(write):
                self.land(page, pte, write)
            else:
                self.fault(page, write)
            if self.mm.lifetime is not None:
                self.mm.lifetime.active[self.number] = False

    @indivisible
    def issue(self) -> tuple[int, bool, Pte]:
        """A new access: page, direction, and its translation."""
        rest()
        if self.mm.lifetime is not None:
            wait_until(self.mm.lifetime.bound > 0, idle=True)
            self.mm.lifetime.active[self.number] = True
        page = choose(PageRange(0, self.mm.pages))
        write = choose(False, True)
        return page, write, self.translate(page, write)

    @indivisible
    def repeat(self, page: int, write: bool) -> Pte:
        """The same access again, after a fault."""
        return self.translate(page, write)

    def translate(self, page: int, write: bool) -> Pte:
        """TLB, then walk. What is found stays cached."""
        pte = self.tlb[page]
        if self.must_walk(pte, write):
            count("walks by the device")
            pte = self.noted(page, self.walk(page), write)
            if pte.readable:
                self.fill(page, pte)
                count("TLB entries filled by the device")
        if pte.allows(write):
            self.in_flight = True
        return pte

    def must_walk(self, pte: Pte, write: bool) -> bool:
        """An entry that forbids the access is walked again, as IOMMUs do for requests that may
        fault (Intel VT-d 4.1, 7.1), if hardware is not allowed to keep it."""
        if self.caches_denials and self.mm.keeps_denials:
            return not pte.readable
        return not pte.allows(write)

    def fill(self, page: int, pte: Pte) -> None:
        """Cache what a walk found. Of a huge page hardware may keep all, or the part it needs, as
        with nested translation or an IOTLB of small entries."""
        self.tlb[page] = pte
        if self.large_tlb is not None:
            self.fill_large(page)

    def fill_large(self, page: int) -> None:
        """Keep the whole huge page in one entry."""
        huge = self.mm.huge
        if self.large_tlb is not None and huge is not None and self.finds_huge(page):
            if choose(False, True):
                for each in huge.block(page):
                    self.tlb[each] = self.walk(each)
                self.large_tlb[huge.table_of(page)] = True

    def finds_huge(self, page: int) -> bool:
        """The walk ends at a huge entry."""
        return False

    @indivisible
    def land(self, page: int, pte: Pte, write: bool) -> None:
        """The access reaches memory."""
        self.in_flight = False
        self.draining = False
        progress()
        count("accesses by the device")
        if self.mm.lifetime is not None:
            self.mm.lifetime.judge_access()
        if self.mirrors and self.mm.notifiers.audit is not None:
            self.mm.notifiers.audit.judge_use(page)
        for rule in self.rules:
            rule.judge(self.mm, page, pte, write)

    # --- invalidation -------------------------------------------------------------------------

    def invalidate(self, range: PageRange) -> None:
        """The command, and the wait for its completion."""
        self.invalidate_command(range)
        wait_until(not self.draining)

    @indivisible
    def invalidate_command(self, range: PageRange) -> None:
        """Takes effect at once for lookups; the access in flight has to be waited for."""
        count("invalidation commands")
        if len(range) == self.mm.pages:
            count("full invalidations")
        else:
            count("pages invalidated", len(range))
        self.forget(range)
        self.dropped(range)

    def forget(self, range: PageRange) -> None:
        """What an invalidation does, inside one step."""
        for page in range:
            self.tlb[page] = EMPTY
        if self.large_tlb is not None:
            self.drop_large(range)
        self.forget_walks(range)
        if self.in_flight:
            self.draining = True

    def dropped(self, range: PageRange) -> None:
        """By a command of the CPU that runs this."""
        self.obligation.strike(range)

    # --- what a flush callback owes -------------------------------------------------------------

    @ghost
    def flush_asked(self, range: PageRange) -> None:
        """A callback is told to drop the range."""
        self.obligation.ask(range)

    @ghost
    def flush_returned(self, range: PageRange) -> None:
        """It says that it has."""
        self.obligation.judge(range)

    def drop_large(self, range: PageRange) -> None:
        """A flush of a part drops the larger entry that contains it: required of an ATC (PCIe 6.0,
        10.3.2) and of IOTLBs (Intel VT-d 4.1, 6.5.2.3), and what 3.19 to 6.5 rely on, which split
        huge pages of anonymous memory without a flush of secondary TLBs."""
        huge = self.mm.huge
        if self.large_tlb is None or huge is None:
            return
        for table in PageRange(huge.table_of(range.start), huge.table_of(range.end - 1) + 1):
            if self.large_tlb[table]:
                self.large_tlb[table] = False
                for page in huge.block(table * self.mm.entries):
                    self.tlb[page] = EMPTY
