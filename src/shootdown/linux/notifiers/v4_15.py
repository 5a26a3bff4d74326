"""4.15: an end that does not call invalidate_range again.

mmu_notifier_invalidate_range_only_end() for operations that called it under the page-table lock;
here that is copy-on-write. Source: commits 4645b9fe84bf and 0f10851ea475.
"""

from __future__ import annotations

from shootdown.linux.notifiers import v3_7, v3_19
from shootdown.linux.notifiers.range import MmuNotifierRange


class Notifiers(v3_19.Notifiers):
    """As before, without the second call for copy-on-write."""

    since = (4, 15, 0)

    def invalidate_range_only_end(self, range: MmuNotifierRange) -> None:
        """End, for those who registered one; no invalidate_range."""
        v3_7.Notifiers.invalidate_range_end(self, range)
