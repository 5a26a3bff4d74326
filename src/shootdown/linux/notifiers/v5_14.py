"""5.14: MMU_NOTIFY_EXCLUSIVE: a device gets a page for itself, for atomic access.

Source: make_device_exclusive_range(), mm/rmap.c of 5.15.
"""

from __future__ import annotations

from shootdown.linux.notifiers import v5_12


class Notifiers(v5_12.Notifiers):
    """One more event."""

    since = (5, 14, 0)
