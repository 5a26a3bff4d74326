"""3.7: callbacks run under SRCU and may sleep; pages are announced by start and end alone.

Source: mm/mmu_notifier.c and include/linux/mmu_notifier.h of 3.10 and 3.16; commits 21a92735f660
(SRCU) and 6bdb913f0a70 (COW is wrapped in start and end). `invalidate_page`, which reclaim and
write-back used until 4.13, belongs to operations that are not modelled yet.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from shootdown.lang.declare import PageRange, count
from shootdown.lang.part import Part
from shootdown.linux.notifiers.range import MmuNotifierRange
from shootdown.linux.version import Version


class Subscriber(Protocol):
    """A driver that registered a notifier. Which callbacks it has is found by name."""

    def invalidate_range_start(self, range: PageRange) -> None: ...
    def invalidate_range_end(self, range: PageRange) -> None: ...
    def invalidate_range(self, range: PageRange) -> None: ...
    def arch_invalidate_secondary_tlbs(self, range: PageRange) -> None: ...


class Notifiers(Part):
    """The hooks that operations call, and what this generation makes of them.

    Hooks named after kernel functions stand where the kernel calls them. The three in the past
    tense are places: a generation may or may not tell anybody there.
    """

    since: Version = (3, 7, 0)
    callbacks: tuple[str, ...] = ("invalidate_range_start", "invalidate_range_end")
    """what a driver of this generation can implement"""
    flushes_in_mprotect: bool = True
    """mprotect flushes CPU TLBs before it calls end (mm/mprotect.c up to 3.14)"""
    mprotect_skips_unpopulated: bool = False
    """mprotect announces only from the first populated page table on"""

    def __init__(self, subscribers: Sequence[Subscriber]) -> None:
        self.starts = [s for s in subscribers if hasattr(s, "invalidate_range_start")]
        self.ends = [s for s in subscribers if hasattr(s, "invalidate_range_end")]
        self.flushes: list[Subscriber] = []
        """drivers to call at flush points"""

    def invalidate_range_start(self, range: MmuNotifierRange) -> None:
        """mmu_notifier_invalidate_range_start(): before any entry of the range changes."""
        for subscriber in self.starts:
            count("calls of invalidate_range_start")
            subscriber.invalidate_range_start(range)

    def invalidate_range_end(self, range: MmuNotifierRange) -> None:
        """mmu_notifier_invalidate_range_end(): all entries have changed. It promises nothing about
        CPU TLB flushes, freed pages or freed tables (section 4 of the call-site table)."""
        for subscriber in self.ends:
            count("calls of invalidate_range_end")
            subscriber.invalidate_range_end(range)

    def invalidate_range_only_end(self, range: MmuNotifierRange) -> None:
        """The end of an operation that already reached the flush points by itself."""
        self.invalidate_range_end(range)

    def pte_cleared_and_flushed(self, range: PageRange) -> None:
        """ptep_clear_flush_notify(): entry cleared, CPUs flushed, page-table lock still held."""

    def gather_flushed(self, range: PageRange) -> None:
        """An mmu_gather has flushed CPU TLBs and is about to free what it gathered."""

    def cpu_tlb_flushed(self, range: PageRange) -> None:
        """The architecture has flushed a range from CPU TLBs, for whatever reason."""
