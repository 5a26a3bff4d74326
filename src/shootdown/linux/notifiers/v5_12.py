"""5.12: when a start refuses, those with an end hear one.

Whoever has counted its start can count back. A driver whose start may refuse must not have an end:
it could not know whether its own start is meant. Source: commit c2655835fd8c (B23).
"""

from __future__ import annotations

from shootdown.lang.declare import count, require
from shootdown.linux.notifiers import v5_9
from shootdown.linux.notifiers.range import MmuNotifierRange
from shootdown.linux.notifiers.subscription import Subscription
from shootdown.rules.lifetime import REFUSES_WITH_END


class Notifiers(v5_9.Notifiers):
    """A refusal is undone."""

    since = (5, 12, 0)

    def judge_refusal(self, subscription: Subscription) -> None:
        """WARN_ON(): who refuses must have no end."""
        require(subscription not in self.ends, REFUSES_WITH_END)

    def send_start_nonblock(self, range: MmuNotifierRange) -> bool:
        """As before; after a refusal every end is called before the caller hears of it."""
        agreed = super().send_start_nonblock(range)
        if not agreed:
            if self.walks(self.ends):
                with self.readers.read():
                    for each in self.ends:
                        if each.hashed:
                            count("calls of invalidate_range_end")
                            self.tell_end_nonblock(each.alive(), range)
                            each.judge_alive()
                            if self.audit is not None:
                                self.audit.heard_end(each)
        return agreed
