"""5.5: interval notifiers.

Source: commit 99cb252f5e68; mm/mmu_notifier.c of 5.10.
"""

from __future__ import annotations

from shootdown.linux.notifiers import v5_4


class Notifiers(v5_4.Notifiers):
    """Adds interval notifiers."""

    since = (5, 5, 0)
