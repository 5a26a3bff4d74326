"""3.19: invalidate_range, for hardware that walks the CPU's page table.

Between start and end such hardware cannot be kept from walking again, so start is too early to
flush it and end too late: pages are freed before. invalidate_range may not sleep and is called
after the CPU flush and before anything is freed or replaced; and once more by every end, so that a
driver of this kind needs no start and end of its own. Source: commits 1897bdc4d331, 34ee645e83b6
and 0f0a327fa12c; include/linux/mmu_notifier.h of 3.19.
"""

from __future__ import annotations

from collections.abc import Sequence

from shootdown.lang.declare import PageRange, count
from shootdown.linux.notifiers import v3_15
from shootdown.linux.notifiers.range import MmuNotifierRange
from shootdown.linux.notifiers.v3_7 import Subscriber


class Notifiers(v3_15.Notifiers):
    """Adds the third callback and the places that call it."""

    since = (3, 19, 0)
    callbacks = (*v3_15.Notifiers.callbacks, "invalidate_range")

    def __init__(self, subscribers: Sequence[Subscriber]) -> None:
        super().__init__(subscribers)
        self.flushes = [s for s in subscribers if hasattr(s, "invalidate_range")]

    def invalidate_range(self, range: PageRange) -> None:
        """mmu_notifier_invalidate_range()"""
        for subscriber in self.flushes:
            count("calls of invalidate_range")
            subscriber.invalidate_range(range)

    def invalidate_range_end(self, range: MmuNotifierRange) -> None:
        """Calls invalidate_range first: the end of any operation is also a flush point."""
        self.invalidate_range(range)
        super().invalidate_range_end(range)

    def pte_cleared_and_flushed(self, range: PageRange) -> None:
        """ptep_clear_flush_notify() tells at once: a new page may be mapped next."""
        self.invalidate_range(range)

    def gather_flushed(self, range: PageRange) -> None:
        """tlb_flush_mmu_tlbonly(), mm/memory.c of 3.19."""
        self.invalidate_range(range)
