"""4.14: the OOM reaper leaves address spaces with notifiers alone.

Until then it unmapped without telling anybody. Source: commit 4d4bbd8526a8 (from memory).
"""

from __future__ import annotations

from shootdown.linux.notifiers import v4_13


class Notifiers(v4_13.Notifiers):
    """Any subscriber is enough."""

    since = (4, 14, 0)

    def oom_reaper_skips(self) -> bool:
        """mm_has_notifiers()"""
        return bool(self.subscriptions)
