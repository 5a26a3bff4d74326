"""5.9: device migration has an event of its own, and says who does it.

MMU_NOTIFY_MIGRATE with an owner: whoever migrates its own pages need not invalidate them. Source:
include/linux/mmu_notifier.h of 5.10 (first called migrate_pgmap_owner).
"""

from __future__ import annotations

from shootdown.linux.notifiers import v5_5


class Notifiers(v5_5.Notifiers):
    """Ranges have an owner."""

    since = (5, 9, 0)
