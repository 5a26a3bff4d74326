"""6.6: arch_invalidate_secondary_tlbs, called where the architecture flushes CPU TLBs.

A flush of CPU TLBs and a flush of secondary TLBs become one thing with one range; end says nothing
to such drivers any more, and the `_notify` and `only_end` variants go away. Registration refuses a
driver that has both families of callbacks. Source: commits 1af5a8109904, 6bbd42e2df8f,
ec8832d007cb.
"""

from __future__ import annotations

from shootdown.lang.declare import PageRange, atomic_context, count
from shootdown.linux.notifiers import v6_4
from shootdown.linux.notifiers.range import MmuNotifierRange
from shootdown.linux.notifiers.subscriber import Subscriber, flushed_by


class Notifiers(v6_4.Notifiers):
    """The flush points move into the architecture's flush functions."""

    since = (6, 6, 0)
    callbacks = tuple(
        "arch_invalidate_secondary_tlbs" if c == "invalidate_range" else c
        for c in v6_4.Notifiers.callbacks
    )

    def prepare(self) -> None:
        """Who has the callback of flush points by its new name."""
        super().prepare()
        self.flushes = self.having("arch_invalidate_secondary_tlbs")

    def cpu_tlb_flushed(self, range: PageRange) -> None:
        """mmu_notifier_arch_invalidate_secondary_tlbs(), at the end of flush_tlb_mm_range()."""
        if self.walks(self.flushes):
            with self.readers.read():
                for each in self.flushes:
                    if each.hashed:
                        count("calls of arch_invalidate_secondary_tlbs")
                        self.tell_arch_flush(each.alive(), range)
                        each.judge_alive()

    def send_whole_end(self, range: MmuNotifierRange) -> None:
        """No flush point any more."""
        self.send_end(range)

    def invalidate_range(self, range: PageRange) -> None:
        """Gone: nothing is sent where 3.19 to 6.5 called it."""

    @atomic_context
    def tell_arch_flush(self, subscriber: Subscriber, range: PageRange) -> None:
        """May not sleep: often under the page-table lock."""
        for unit in flushed_by(subscriber):
            unit.flush_asked(range)
        subscriber.arch_invalidate_secondary_tlbs(range)
        for unit in flushed_by(subscriber):
            unit.flush_returned(range)
