"""4.19: start can be asked not to block, and may then refuse with -EAGAIN.

The OOM reaper asks (mmu_notifier_invalidate_range_start_nonblock()); on a refusal it touches
nothing and calls no end. But those who were asked before the one that refused have counted their
start, and never hear an end (B23, repaired in 5.12). mremap flushes before it gives back the
page-table locks (B26, commit eb66ae030829). Source: commit 93065ac753e4; mm/mmu_notifier.c of 4.20.
"""

from __future__ import annotations

from shootdown.lang.declare import atomic_context, count, require
from shootdown.linux.notifiers import v4_16
from shootdown.linux.notifiers.range import MmuNotifierRange
from shootdown.linux.notifiers.subscriber import Subscriber
from shootdown.linux.notifiers.subscription import Subscription
from shootdown.rules.lifetime import REFUSED_BLOCKABLE

EAGAIN = 11
"""what a start returns that would have to block; 0, or nothing, is yes"""


class Notifiers(v4_16.Notifiers):
    """Adds the form of start that may not block."""

    since = (4, 19, 0)
    mremap_flushes_under_lock = True

    def oom_reaper_skips(self) -> bool:
        """It asks instead."""
        return False

    def invalidate_range_start_nonblock(self, range: MmuNotifierRange) -> bool:
        """Every one is asked, also after one has refused; False if any has."""
        self.pair_begins()
        agreed = self.send_start_nonblock(range)
        if not agreed:
            self.pair_ends()
        elif self.audit is not None:
            self.audit.start_returned(range)
        return agreed

    def send_start_nonblock(self, range: MmuNotifierRange) -> bool:
        """__mmu_notifier_invalidate_range_start() of a range that may not block."""
        agreed = True
        if self.walks(self.starts):
            with self.readers.read():
                for each in self.starts:
                    if each.hashed:
                        count("calls of invalidate_range_start")
                        answer = self.ask_start(each.alive(), range)
                        each.judge_alive()
                        if answer is not None and answer != 0:
                            agreed = False
                            self.judge_refusal(each)
                        elif self.audit is not None:
                            self.audit.heard_start(each)
        return agreed

    def tell_start(self, subscriber: Subscriber, range: MmuNotifierRange) -> None:
        """Whatever it answers, the caller goes on."""
        answer: int | None = subscriber.invalidate_range_start(range)
        if answer is not None:
            require(answer == 0, REFUSED_BLOCKABLE)

    def judge_refusal(self, subscription: Subscription) -> None:
        """Anybody may refuse."""

    @atomic_context
    def ask_start(self, subscriber: Subscriber, range: MmuNotifierRange) -> int | None:
        """May not sleep; from 5.4 on non_block_start() makes the kernel complain."""
        answer: int | None = subscriber.invalidate_range_start(range)
        return answer

    @atomic_context
    def tell_end_nonblock(self, subscriber: Subscriber, range: MmuNotifierRange) -> None:
        """The end of a range that may not block may not sleep either."""
        subscriber.invalidate_range_end(range)
