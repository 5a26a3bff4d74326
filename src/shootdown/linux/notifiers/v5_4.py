"""5.4: one subscription for each driver and address space, counted, and freed later.

mmu_notifier_get() finds or makes it, mmu_notifier_put() gives it back; the last one takes it off
the list and frees it when all readers have left, without calling release. Source: commit
2c7933f53f6b (from memory); mm/mmu_notifier.c of 5.10.
"""

from __future__ import annotations

from shootdown.linux.notifiers import v5_2


class Notifiers(v5_2.Notifiers):
    """Adds free_notifier."""

    since = (5, 4, 0)
    callbacks = (*v5_2.Notifiers.callbacks, "free_notifier")
