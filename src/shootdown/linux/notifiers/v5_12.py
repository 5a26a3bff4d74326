"""5.12: when a start refuses, those with an end hear one.

Whoever has counted its start can count back. A driver whose start may refuse must not have an end:
it could not know whether its own start is meant. Source: commit c2655835fd8c (B23).
"""

from __future__ import annotations

from shootdown.lang.declare import count
from shootdown.linux.notifiers import v5_9
from shootdown.linux.notifiers.range import MmuNotifierRange


class Notifiers(v5_9.Notifiers):
    """A refusal is undone."""

    since = (5, 12, 0)

    def invalidate_range_start_nonblock(self, range: MmuNotifierRange) -> bool:
        """As before; after a refusal every end is called before the caller hears of it."""
        agreed = super().invalidate_range_start_nonblock(range)
        if not agreed:
            if self.walks(self.ends):
                with self.readers.read():
                    for each in self.ends:
                        if each.hashed:
                            count("calls of invalidate_range_end")
                            self.tell_end_nonblock(each.subscriber, range)
        return agreed
