"""3.19: invalidate_range, for hardware that walks the CPU's page table.

Between start and end such hardware cannot be kept from walking again, so start is too early to
flush it and end too late: pages are freed before. invalidate_range may not sleep and is called
after the CPU flush and before anything is freed or replaced; and once more by every end, so that a
driver of this kind needs no start and end of its own. Reclaim and write-back do not call it: they
have invalidate_page. Source: commits 1897bdc4d331, 34ee645e83b6 and 0f0a327fa12c;
include/linux/mmu_notifier.h of 3.19.
"""

from __future__ import annotations

from shootdown.lang.declare import PageRange, atomic_context, count
from shootdown.linux.notifiers import v3_17
from shootdown.linux.notifiers.range import MmuNotifierRange
from shootdown.linux.notifiers.subscriber import Subscriber, flushed_by
from shootdown.linux.notifiers.subscription import Subscription


class Notifiers(v3_17.Notifiers):
    """Adds the callback of flush points, and the places that call it."""

    since = (3, 19, 0)
    callbacks = (*v3_17.Notifiers.callbacks, "invalidate_range")

    def prepare(self) -> None:
        """Who has invalidate_range."""
        super().prepare()
        self.flushes = self.having("invalidate_range")
        self.flushed_at_end = self.flushes + self.ends

    def invalidate_range(self, range: PageRange) -> None:
        """mmu_notifier_invalidate_range()"""
        if self.walks(self.flushes):
            with self.readers.read():
                for each in self.flushes:
                    if each.hashed:
                        self.call_flush(each, range)

    def call_flush(self, each: Subscription, range: PageRange) -> None:
        """One call."""
        count("calls of invalidate_range")
        self.tell_flush(each.alive(), range)
        each.judge_alive()

    def send_whole_end(self, range: MmuNotifierRange) -> None:
        """The end of any operation is also a flush point."""
        self.send_end_and_flush(range)

    def send_end_and_flush(self, range: MmuNotifierRange) -> None:
        """For each in turn: invalidate_range, then its own end."""
        if self.walks(self.flushed_at_end):
            with self.readers.read():
                for each in self.subscriptions:
                    if each in self.flushes and each.hashed:
                        self.call_flush(each, range)
                    if each in self.ends and each.hashed:
                        self.call_end(each, range)

    def pte_cleared_and_flushed(self, range: PageRange) -> None:
        """ptep_clear_flush_notify() tells at once: a new page may be mapped next."""
        self.invalidate_range(range)

    def pte_downgraded_and_flushed(self, range: PageRange) -> None:
        """KSM uses ptep_clear_flush_notify() too."""
        self.invalidate_range(range)

    def hugetlb_changed(self, range: PageRange) -> None:
        """hugetlb_cow(), copy_hugetlb_page_range(), hugetlb_change_protection()."""
        self.invalidate_range(range)

    def gather_flushed(self, range: PageRange) -> None:
        """tlb_flush_mmu_tlbonly(), mm/memory.c of 3.19."""
        self.invalidate_range(range)

    @atomic_context
    def tell_flush(self, subscriber: Subscriber, range: PageRange) -> None:
        """May not sleep: often under the page-table lock."""
        for unit in flushed_by(subscriber):
            unit.flush_asked(range)
        subscriber.invalidate_range(range)
        for unit in flushed_by(subscriber):
            unit.flush_returned(range)
