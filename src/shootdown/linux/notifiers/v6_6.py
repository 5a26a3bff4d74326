"""6.6: arch_invalidate_secondary_tlbs, called where the architecture flushes CPU TLBs.

A flush of CPU TLBs and a flush of secondary TLBs become one thing with one range; end says nothing
to such drivers any more, and the `_notify` and `only_end` variants go away. Registration refuses a
driver that has both families of callbacks. Source: commits 1af5a8109904, 6bbd42e2df8f,
ec8832d007cb.
"""

from __future__ import annotations

from collections.abc import Sequence

from shootdown.lang.declare import PageRange, count
from shootdown.linux.notifiers import v3_7, v4_15
from shootdown.linux.notifiers.v3_7 import Subscriber


class Notifiers(v4_15.Notifiers):
    """The flush points move into the architecture's flush functions."""

    since = (6, 6, 0)
    callbacks = (*v3_7.Notifiers.callbacks, "arch_invalidate_secondary_tlbs")

    def __init__(self, subscribers: Sequence[Subscriber]) -> None:
        super().__init__(subscribers)
        self.flushes = [s for s in subscribers if hasattr(s, "arch_invalidate_secondary_tlbs")]

    def cpu_tlb_flushed(self, range: PageRange) -> None:
        """mmu_notifier_arch_invalidate_secondary_tlbs(), at the end of flush_tlb_mm_range()."""
        for subscriber in self.flushes:
            count("calls of arch_invalidate_secondary_tlbs")
            subscriber.arch_invalidate_secondary_tlbs(range)

    def invalidate_range(self, range: PageRange) -> None:
        """Gone: nothing is sent where 3.19 to 6.5 called it."""
