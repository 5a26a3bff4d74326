"""5.0: struct mmu_notifier_range takes the place of the arguments.

Source: commit ac46d4f3c432 (from memory). Nothing that is sent changes.
"""

from __future__ import annotations

from shootdown.linux.notifiers import v4_19


class Notifiers(v4_19.Notifiers):
    """One argument instead of four."""

    since = (5, 0, 0)
