"""A proposal: secondary TLBs get an API of their own.

When arm64 had to tell SMMUs of upgraded permissions (B10), one of the plans of June 2023 was to
leave invalidate_range to those who misuse it and to give hardware TLBs a `tlb_notifier`: a list of
its own, walked where the architecture flushes CPU TLBs, so that address spaces with only KVM or
only interval notifiers never walk it, and a driver may be on both lists. What landed in 6.6 renamed
the callback and kept one list. Source: linux-mm, June 2023, on the series that became
1af5a8109904 and 6bbd42e2df8f.

A driver for it has arch_invalidate_secondary_tlbs, like one for 6.6.
"""

from __future__ import annotations

from collections.abc import Sequence

from shootdown.lang.declare import PageRange, atomic_context, count
from shootdown.linux.notifiers import v3_19
from shootdown.linux.notifiers.range import MmuNotifierRange
from shootdown.linux.notifiers.subscriber import Subscriber
from shootdown.linux.notifiers.subscription import Subscription


class TlbNotifier(v3_19.Notifiers):
    """Goes on top of the generations that have invalidate_range: 3.19 to 6.5."""

    def prepare(self) -> None:
        """Who is on which list."""
        super().prepare()
        self.flushes = self.having("arch_invalidate_secondary_tlbs")
        others = [c for c in self.callbacks if c != "arch_invalidate_secondary_tlbs"]
        self.listed = [
            each
            for each in self.subscriptions
            if any(hasattr(each.subscriber, callback) for callback in others)
        ]
        """who is on the list of old, with whatever callback"""

    def walks(self, concerned: Sequence[Subscription]) -> bool:
        """The list of old exists only for those who are on it."""
        if self.listed:
            count("walks of the subscriber list")
        return bool(self.listed)

    def send_whole_end(self, range: MmuNotifierRange) -> None:
        """No flush point."""
        self.send_end(range)

    def invalidate_range(self, range: PageRange) -> None:
        """Nothing is sent where 3.19 to 6.5 call it."""

    def cpu_tlb_flushed(self, range: PageRange) -> None:
        """The list of secondary TLBs, if there is one."""
        if self.flushes:
            count("walks of the list of TLBs")
            with self.readers.read():
                for each in self.flushes:
                    if each.hashed:
                        count("calls of arch_invalidate_secondary_tlbs")
                        self.tell_tlb(each.alive(), range)
                        each.judge_alive()

    @atomic_context
    def tell_tlb(self, subscriber: Subscriber, range: PageRange) -> None:
        """May not sleep: often under the page-table lock."""
        subscriber.arch_invalidate_secondary_tlbs(range)
