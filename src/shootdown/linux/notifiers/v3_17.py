"""3.17: clear_flush_young takes a range; a subscription can be freed by SRCU.

mmu_notifier_call_srcu() and mmu_notifier_unregister_no_release() come for the AMD IOMMU driver,
which must not wait in its release. Source: commit b972216e27d1; the range of clear_flush_young is
seen in 3.19 (commit 57128468080a, id from memory).
"""

from __future__ import annotations

from shootdown.lang.declare import PageRange
from shootdown.linux.notifiers import v3_15


class Notifiers(v3_15.Notifiers):
    """A huge page is asked about as a whole."""

    since = (3, 17, 0)

    def pmdp_clear_flush_young_notify(self, range: PageRange) -> bool:
        """All of it."""
        return self.clear_flush_young(range)
