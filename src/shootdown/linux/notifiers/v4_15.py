"""4.15: invalidate_range is called less: an end without it, and no call for what stays the same.

mmu_notifier_invalidate_range_only_end() is for operations that called invalidate_range under the
page-table lock, such as copy-on-write. A page that only loses rights, or is replaced by one with
the same contents, is left to the call that end makes. Source: commits 4645b9fe84bf and
0f10851ea475; Documentation/vm/mmu_notifier.rst.
"""

from __future__ import annotations

from shootdown.lang.declare import PageRange, might_sleep
from shootdown.linux.notifiers import v4_14
from shootdown.linux.notifiers.range import MmuNotifierRange


class Notifiers(v4_14.Notifiers):
    """As before, without calls that repeat others."""

    since = (4, 15, 0)

    def invalidate_range_only_end(self, range: MmuNotifierRange) -> None:
        """End, for those who registered one; no invalidate_range."""
        might_sleep()
        if self.audit is not None:
            self.audit.end_called(range)
        self.send_end(range)
        self.pair_ends()

    def pte_downgraded_and_flushed(self, range: PageRange) -> None:
        """KSM: ptep_clear_flush() without notify."""

    def page_cleaned(self, page: int) -> None:
        """page_mkclean_one(): end tells."""
